//! Whose a resource is, as its tags tell.

use std::collections::BTreeMap;

use crate::engine::resource::Ownership;

/// The service that a resource belongs to.
pub const SERVICE: &str = "hoist:service";
/// The stage that a resource belongs to.
pub const STAGE: &str = "hoist:stage";
/// The resource's logical id.
pub const ID: &str = "hoist:id";
/// On a function: the fingerprint of what was last applied beneath it.
pub const APPLIED: &str = "hoist:applied";
/// On a stack of raw resources: `<service>/<stage>`. Tags of a stack go on to everything in it, so it has none of the above.
pub const RESOURCES: &str = "hoist:resources";
/// What CloudFormation puts on everything that it makes; nobody else may set it.
const STACK: &str = "aws:cloudformation:stack-name";

/// The service and stage that a run is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    pub service: String,
    pub stage: String,
}

impl Scope {
    pub fn new(service: impl Into<String>, stage: impl Into<String>) -> Self {
        Self { service: service.into(), stage: stage.into() }
    }

    /// `<service>-<stage>-`: what the names of this service's functions and their log groups begin with.
    pub fn prefix(&self) -> String {
        format!("{}-{}-", self.service, self.stage)
    }

    /// Whose the resource with these tags is.
    pub fn ownership(&self, tags: &BTreeMap<String, String>) -> Ownership {
        // A stack's tag outweighs ours: whoever put ours there, the stack would undo what we do.
        if let Some(name) = tags.get(STACK) {
            return Ownership::Stack { name: name.clone() };
        }
        match (tags.get(SERVICE), tags.get(STAGE)) {
            (Some(service), Some(stage)) if *service == self.service && *stage == self.stage => Ownership::Ours,
            (None, None) => Ownership::Unmarked,
            (service, stage) => Ownership::OtherService {
                service: service.cloned().unwrap_or_default(),
                stage: stage.cloned().unwrap_or_default(),
            },
        }
    }
}

/// Tags that AWS itself sets cannot be changed and are no part of a diff.
pub fn is_reserved(key: &str) -> bool {
    key.starts_with("aws:")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn tags_tell_the_owner() {
        let scope = Scope::new("shop", "dev");
        assert_eq!(scope.ownership(&tags(&[(SERVICE, "shop"), (STAGE, "dev")])), Ownership::Ours);
        assert_eq!(scope.ownership(&tags(&[("team", "a")])), Ownership::Unmarked);
        assert_eq!(
            scope.ownership(&tags(&[(SERVICE, "shop"), (STAGE, "prod")])),
            Ownership::OtherService { service: "shop".into(), stage: "prod".into() }
        );
    }

    #[test]
    fn a_stack_keeps_what_it_made_even_with_our_tags() {
        let scope = Scope::new("shop", "dev");
        let both = tags(&[(SERVICE, "shop"), (STAGE, "dev"), (STACK, "shop-dev")]);
        assert_eq!(scope.ownership(&both), Ownership::Stack { name: "shop-dev".into() });
    }
}
