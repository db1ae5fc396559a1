//! A function's resource policy, read once for everything that is found through it: its permissions, and the topics,
//! buckets and log groups that may invoke it.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::aws::client::{Aws, lock};
use crate::aws::signed::{Signed, segment};
use crate::engine::failure::{Failure, Reason};

use super::json::member;

/// What the ids of all our statements begin with.
const OUR_STATEMENTS: &str = "hoist-";

/// The statements of one function's policy, filled in by whoever asks first.
pub type Statements = Arc<tokio::sync::OnceCell<Vec<Json>>>;

impl Aws {
    /// The statements of a function's own policy as they were when this run first asked; empty when it has none.
    /// <https://docs.aws.amazon.com/lambda/latest/api/API_GetPolicy.html> (15 calls a second)
    ///
    /// # Errors
    /// As every call; `Server` for a policy that is no JSON.
    pub async fn policy(&self, function: &str) -> Result<Vec<Json>, Failure> {
        let cell: Statements = Arc::clone(lock(&self.run.policies).entry(function.to_owned()).or_default());
        let statements = cell
            .get_or_try_init(|| async {
                let request = Signed::rest("GET", format!("/2015-03-31/functions/{}/policy", segment(function)));
                let answer = self.look_for("lambda", "GetPolicy", &request).await?;
                answer.as_ref().and_then(|answer| member(answer, "Policy")).map_or(Ok(Vec::new()), |policy| {
                    statements(policy).map_err(|error| {
                        Failure::new(Reason::Server, format!("the policy of {function} is not JSON: {error}"))
                    })
                })
            })
            .await?;
        Ok(statements.clone())
    }

    /// The ARNs from which a service may invoke a function because we allowed it: `sns.amazonaws.com` gives its topics.
    /// Whoever allowed something else answers for what comes of it.
    ///
    /// # Errors
    /// As [`Aws::policy`].
    pub async fn invoked_from(&self, function: &str, service: &str) -> Result<Vec<String>, Failure> {
        let mut sources: Vec<String> =
            self.policy(function).await?.iter().flat_map(|statement| sources(statement, service)).collect();
        sources.sort_unstable();
        sources.dedup();
        Ok(sources)
    }
}

fn statements(policy: &str) -> Result<Vec<Json>, serde_json::Error> {
    let mut policy: Json = serde_json::from_str(policy)?;
    Ok(match policy.get_mut("Statement").map(Json::take) {
        Some(Json::Array(statements)) => statements,
        Some(one @ Json::Object(_)) => vec![one],
        _ => Vec::new(),
    })
}

/// The source ARNs of a statement that is for that service. A principal of logs has its region in its name.
fn sources(statement: &Json, service: &str) -> Vec<String> {
    let principal = statement.pointer("/Principal/Service").and_then(Json::as_str).unwrap_or_default();
    if !member(statement, "Sid").is_some_and(|sid| sid.starts_with(OUR_STATEMENTS)) {
        return Vec::new();
    }
    let (name, host) = service.split_once('.').unwrap_or((service, ""));
    let fits = principal == service
        || (principal.split('.').next() == Some(name) && !host.is_empty() && principal.contains(host));
    if !fits {
        return Vec::new();
    }
    let conditions = statement.get("Condition").and_then(Json::as_object);
    conditions
        .into_iter()
        .flat_map(|conditions| conditions.values())
        .filter_map(Json::as_object)
        .flat_map(|keys| keys.iter())
        .filter(|(key, _)| key.eq_ignore_ascii_case("aws:SourceArn"))
        .flat_map(|(_, value)| match value {
            Json::Array(all) => all.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
            one => one.as_str().map(str::to_owned).into_iter().collect::<Vec<_>>(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_policy_tells_who_points_at_the_function() {
        let policy = json!({ "Statement": [
            { "Sid": "hoist-A", "Principal": { "Service": "sns.amazonaws.com" },
              "Condition": { "ArnLike": { "AWS:SourceArn": "arn:aws:sns:eu-central-1:1:orders" } } },
            { "Sid": "hoist-B", "Principal": { "Service": "logs.eu-central-1.amazonaws.com" },
              "Condition": { "ArnLike": { "aws:SourceArn": ["arn:aws:logs:eu-central-1:1:log-group:/a:*"] },
                             "StringEquals": { "AWS:SourceAccount": "1" } } },
            { "Sid": "c", "Principal": { "Service": "sns.amazonaws.com" },
              "Condition": { "ArnLike": { "AWS:SourceArn": "arn:aws:sns:eu-central-1:1:foreign" } } },
        ] });
        let all = statements(&policy.to_string()).unwrap();
        let from = |service| all.iter().flat_map(|statement| sources(statement, service)).collect::<Vec<_>>();
        assert_eq!(from("sns.amazonaws.com"), ["arn:aws:sns:eu-central-1:1:orders"]);
        assert_eq!(from("logs.amazonaws.com"), ["arn:aws:logs:eu-central-1:1:log-group:/a:*"]);
        assert_eq!(from("s3.amazonaws.com"), [""; 0]);
        assert!(statements("nonsense").is_err());
    }
}
