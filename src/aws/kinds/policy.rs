//! A function's resource policy, read once for everything that is found through it: its permissions, and the topics,
//! buckets and log groups that may invoke it.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::aws::client::{Aws, lock};
use crate::aws::signed::{Signed, segment};
use crate::engine::failure::{Failure, Reason};

use super::function;
use super::json::member;

/// What the ids of all our statements begin with.
const OUR_STATEMENTS: &str = "hoist-";

/// The statements of one function's policy, filled in by whoever asks first.
pub type Statements = Arc<tokio::sync::OnceCell<Vec<Json>>>;

impl Aws {
    /// The statements of a function's policies, its own and that of each alias, as they were when this run first asked;
    /// empty when it has none. <https://docs.aws.amazon.com/lambda/latest/api/API_GetPolicy.html> (15 calls a second)
    ///
    /// # Errors
    /// As every call; `Server` for a policy that is no JSON.
    pub async fn policy(&self, function: &str) -> Result<Vec<Json>, Failure> {
        let (mut all, aliases) =
            tokio::try_join!(self.policy_of(function, None), function::Function::aliases(self, function))?;
        for alias in &aliases {
            all.extend(self.policy_of(function, Some(alias)).await?);
        }
        Ok(all)
    }

    async fn policy_of(&self, function: &str, alias: Option<&str>) -> Result<Vec<Json>, Failure> {
        let key = alias.map_or_else(|| function.to_owned(), |alias| format!("{function}:{alias}"));
        let cell: Statements = Arc::clone(lock(&self.run.policies).entry(key).or_default());
        let statements = cell
            .get_or_try_init(|| async {
                let mut request = Signed::rest("GET", format!("/2015-03-31/functions/{}/policy", segment(function)));
                if let Some(alias) = alias {
                    request = request.query("Qualifier", alias);
                }
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
    use serde_json::json;

    use super::*;
    use crate::aws::fake::{Fake, Told};

    #[tokio::test]
    async fn an_alias_has_a_policy_of_its_own_that_tells_too() {
        let (aws, fake) = Fake::connect(|asked| {
            let allowed = |topic: &str| {
                let statement = json!({ "Sid": "hoist-a", "Principal": { "Service": "sns.amazonaws.com" },
                    "Condition": { "ArnLike": { "AWS:SourceArn": topic } } });
                Told::ok(json!({ "Policy": json!({ "Statement": [statement] }).to_string() }))
            };
            match asked.path.as_str() {
                path if path.contains("/aliases") => Told::ok(json!({ "Aliases": [{ "Name": "live" }] })),
                path if path.contains("Qualifier=live") => allowed("behind"),
                _ => allowed("before"),
            }
        });
        for _ in 0..2 {
            assert_eq!(aws.invoked_from("f", "sns.amazonaws.com").await.unwrap(), ["before", "behind"]);
        }
        assert_eq!(fake.asked().len(), 3, "each is asked for once");
    }

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
