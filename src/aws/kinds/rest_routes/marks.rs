//! What says that a part of somebody else's REST API is ours: such parts have no tags, so it stands where API Gateway
//! keeps a text that changes nothing.
//!
//! A method says it in its integration's cache namespace, which only has to be another one for each method; an
//! authorizer in its `authType`, which is for documents only; a model and a deployment in their descriptions, a validator in
//! its name.

use crate::engine::fingerprint::short_digest;

/// The marks of one service and stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marks {
    prefix: String,
}

impl Marks {
    pub fn of(service: &str, stage: &str) -> Self {
        // Names may have hyphens: the digest says where one ends and the other begins.
        let digest = short_digest(&format!("{service}\0{stage}"), 4);
        Self { prefix: format!("hoist-{service}-{stage}-{digest}-") }
    }

    /// Of a method: how many resources at the end of its path are the service's, and its logical id.
    pub fn method(&self, made: usize, logical_id: &str) -> String {
        format!("{}{made}-{logical_id}", self.prefix)
    }

    /// What [`Self::method`] wrote; `None` for a method of somebody else's.
    pub fn read_method<'a>(&self, mark: &'a str) -> Option<(usize, &'a str)> {
        let (made, logical_id) = mark.strip_prefix(&self.prefix)?.split_once('-')?;
        Some((made.parse().ok()?, logical_id))
    }

    /// Of an authorizer, a model or a validator: its logical id.
    pub fn part(&self, logical_id: &str) -> String {
        format!("{}{logical_id}", self.prefix)
    }

    /// What [`Self::part`] wrote.
    pub fn read_part<'a>(&self, mark: &'a str) -> Option<&'a str> {
        mark.strip_prefix(&self.prefix)
    }

    /// Of a deployment: the stage, and a digest of our routes at that time.
    pub fn deployment(&self, stage: &str, digest: &str) -> String {
        format!("{}{stage} {digest}", self.prefix)
    }

    /// What [`Self::deployment`] wrote.
    pub fn read_deployment<'a>(&self, mark: &'a str) -> Option<(&'a str, &'a str)> {
        let mut words = mark.strip_prefix(&self.prefix)?.split(' ');
        Some((words.next()?, words.next()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_by_its_own_service_and_stage_only() {
        let (ours, theirs) = (Marks::of("shop", "dev-a"), Marks::of("shop-dev", "a"));
        let mark = ours.method(2, "ApiGatewayMethodOrdersGet");
        assert_eq!(ours.read_method(&mark), Some((2, "ApiGatewayMethodOrdersGet")));
        assert_eq!(theirs.read_method(&mark), None);
        assert_eq!(ours.read_method("3kzxbg5sa2"), None, "what API Gateway says when nothing is said");
        assert_eq!(ours.read_part(&ours.part("GuardApiGatewayAuthorizer")), Some("GuardApiGatewayAuthorizer"));
        assert_eq!(ours.read_deployment(&ours.deployment("dev", "12ab")), Some(("dev", "12ab")));
    }
}
