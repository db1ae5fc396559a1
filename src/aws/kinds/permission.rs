//! `AWS::Lambda::Permission`: one statement of a function's resource policy.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-permission.html>
//!
//! A statement has no natural key, so its id says what it is: `hoist-<LogicalId>-<digest of the statement>`. A changed
//! statement is another one, and statements with other ids are somebody else's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_lambda::types::FunctionUrlAuthType;
use serde_json::Value as Json;

use crate::aws::client::Aws;
use crate::engine::address::Address;
use crate::engine::failure::{Failure, Reason};
use crate::engine::fingerprint::short_digest;
use crate::engine::kind::{Kind, Permission as Needs, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

use super::Findable;
use super::properties::{boolean, boolean_in_place, drop_empty, holds_later, required, text, text_in_place, to_json};
use super::rest_routes::BY_WAY_OF_FUNCTIONS;
use super::version::{self, function_name, qualifier};
use super::{alias, function};

/// `AWS::Lambda::Permission`
pub const TYPE: &str = "AWS::Lambda::Permission";

/// What all our statement ids begin with.
const PREFIX: &str = "hoist-";
/// <https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html>
const LONGEST_ID: usize = 100;
/// How often a permission that AWS lost is added again.
const MOST_TRIES: u32 = 5;

const FUNCTION_ARN: &str = "arn:${Partition}:lambda:${Region}:${Account}:function:${Service}-${Stage}-*";

/// Properties of a permission and the condition of the statement that holds each: operator, key.
const CONDITIONS: &[(&str, &str, &str)] = &[
    ("SourceArn", "ArnLike", "AWS:SourceArn"),
    ("SourceAccount", "StringEquals", "AWS:SourceAccount"),
    ("EventSourceToken", "StringEquals", "lambda:EventSourceToken"),
    ("FunctionUrlAuthType", "StringEquals", "lambda:FunctionUrlAuthType"),
    ("InvokedViaFunctionUrl", "Bool", "lambda:InvokedViaFunctionUrl"),
    ("PrincipalOrgID", "StringEquals", "aws:PrincipalOrgID"),
];

/// Reads, adds and removes permissions.
pub struct Permission {
    aws: Arc<Aws>,
}

impl Permission {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    /// The statements of a function's policy, ours and others'. `qualifier`: those of one version or alias.
    async fn statements(&self, function: &str, qualifier: Option<&str>) -> Result<Vec<Json>, Failure> {
        let answer = self
            .aws
            .call("lambda", "GetPolicy")
            .find(|| {
                let request = self.aws.lambda().get_policy().function_name(function);
                request.set_qualifier(qualifier.map(str::to_owned)).send()
            })
            .await?;
        let Some(policy) = answer.as_ref().and_then(|answer| answer.policy()) else { return Ok(Vec::new()) };
        let policy: Json = serde_json::from_str(policy)
            .map_err(|error| Failure::new(Reason::Server, format!("the policy of {function} is not JSON: {error}")))?;
        Ok(match policy.get("Statement") {
            Some(Json::Array(statements)) => statements.clone(),
            Some(one) => vec![one.clone()],
            None => Vec::new(),
        })
    }

    async fn is_there(&self, function: &str, qualifier: Option<&str>, sid: &str) -> Result<bool, Failure> {
        let statements = self.statements(function, qualifier).await?;
        Ok(statements.iter().any(|statement| statement.get("Sid").and_then(Json::as_str) == Some(sid)))
    }

    async fn add(&self, function: &str, sid: &str, properties: &Value, progress: &Progress) -> Result<(), Failure> {
        let p = properties;
        let (action, principal) = (required(p, "Action")?, required(p, "Principal")?);
        let read = |key: &str| text(p, &[key]);
        let added = self
            .aws
            .call("lambda", "AddPermission")
            .progress(progress)
            .fresh(self.aws.retry().fresh.contains(function))
            .send(|| {
                self.aws
                    .lambda()
                    .add_permission()
                    .function_name(function)
                    .statement_id(sid)
                    .action(&action)
                    .principal(&principal)
                    .set_qualifier(read("Qualifier"))
                    .set_source_arn(read("SourceArn"))
                    .set_source_account(read("SourceAccount"))
                    .set_event_source_token(read("EventSourceToken"))
                    .set_principal_org_id(read("PrincipalOrgID"))
                    .set_function_url_auth_type(
                        read("FunctionUrlAuthType").map(|kind| FunctionUrlAuthType::from(kind.as_str())),
                    )
                    .set_invoked_via_function_url(boolean(p, &["InvokedViaFunctionUrl"]))
                    .send()
            })
            .await;
        match added {
            Ok(_) => Ok(()),
            // The id is a digest of the statement: whatever has it is the same.
            Err(failure)
                if failure.code.as_deref() == Some("ResourceConflictException")
                    && failure.message.contains("already exists") =>
            {
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }

    fn live(&self, address: Address, function: &str, sid: &str, properties: Value, parent: Option<String>) -> Live {
        Live {
            address,
            physical_id: format!("{function} {sid}"),
            properties,
            attributes: BTreeMap::from([("Id".to_owned(), Value::string(sid)), ("Ref".to_owned(), Value::string(sid))]),
            ownership: Ownership::Ours,
            fingerprint: None,
            revision: None,
            parent,
        }
    }
}

/// `hoist-HelloLambdaPermissionFnUrl-0a1b2c3d`. `None` while a part of the statement is not known.
fn statement_id(logical_id: &str, properties: &Value) -> Option<String> {
    if holds_later(properties) {
        return None;
    }
    let digest = short_digest(&format!("{logical_id} {}", to_json(properties)), 4);
    let room = LONGEST_ID - PREFIX.len() - digest.len() - 1;
    let logical_id: String = logical_id.chars().filter(char::is_ascii_alphanumeric).take(room).collect();
    Some(format!("{PREFIX}{logical_id}-{digest}"))
}

/// The logical id within a statement id of ours.
fn logical_id(sid: &str) -> Option<&str> {
    Some(sid.strip_prefix(PREFIX)?.rsplit_once('-')?.0)
}

/// A statement of a policy as the properties that make it.
fn from_statement(function: &str, statement: &Json) -> BTreeMap<String, Value> {
    let mut properties = BTreeMap::from([("FunctionName".to_owned(), Value::string(function))]);
    let mut set = |key: &str, value: Option<&Json>| {
        let text = match value {
            Some(Json::String(text)) => text.clone(),
            Some(Json::Bool(flag)) => flag.to_string(),
            Some(Json::Array(items)) => items.first().and_then(Json::as_str).unwrap_or_default().to_owned(),
            _ => return,
        };
        properties.insert(key.to_owned(), Value::String(text));
    };
    set("Action", statement.get("Action"));
    match statement.get("Principal") {
        Some(Json::Object(principal)) => set("Principal", principal.values().next()),
        principal => set("Principal", principal),
    }
    for (property, operator, key) in CONDITIONS {
        set(property, statement.get("Condition").and_then(|all| all.get(operator)).and_then(|all| all.get(key)));
    }
    let target = statement.get("Resource").and_then(Json::as_str).unwrap_or_default();
    let qualifier = target.split_once(":function:").and_then(|(_, name)| name.split_once(':'));
    if let Some((_, qualifier)) = qualifier {
        properties.insert("Qualifier".to_owned(), Value::string(qualifier));
    }
    normalise(&mut properties);
    properties
}

fn normalise(properties: &mut BTreeMap<String, Value>) {
    // A reference may bring its qualifier along: that of an alias does.
    if let Some(Value::String(target)) = properties.get("FunctionName").cloned() {
        let name = function_name(&target).to_owned();
        if let Some(qualifier) = qualifier(&target) {
            properties.insert("Qualifier".to_owned(), Value::string(qualifier));
        }
        properties.insert("FunctionName".to_owned(), Value::String(name));
    }
    if let Some(value) = properties.get_mut("SourceAccount") {
        text_in_place(value);
    }
    if let Some(value) = properties.get_mut("InvokedViaFunctionUrl") {
        boolean_in_place(value);
    }
    // An account as a principal comes back as the ARN of its root.
    if let Some(Value::String(principal)) = properties.get_mut("Principal")
        && let Some(account) = principal.strip_suffix(":root").and_then(|arn| arn.rsplit(':').next())
    {
        *principal = account.to_owned();
    }
    drop_empty(properties, &[]);
}

#[async_trait]
impl Kind for Permission {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[
            ("FunctionName", Trait::Immutable),
            ("Qualifier", Trait::Immutable),
            ("Action", Trait::Immutable),
            ("Principal", Trait::Immutable),
            ("SourceArn", Trait::Immutable),
            ("SourceAccount", Trait::Immutable),
            ("EventSourceToken", Trait::Immutable),
            ("FunctionUrlAuthType", Trait::Immutable),
            ("InvokedViaFunctionUrl", Trait::Immutable),
            ("PrincipalOrgID", Trait::Immutable),
        ]
    }

    fn normalise(&self, properties: &mut Value) {
        if let Value::Map(map) = properties {
            normalise(map);
        }
    }

    fn identity(&self, desired: &Desired) -> Option<String> {
        let mut properties = desired.properties.clone();
        self.normalise(&mut properties);
        let function = text(&properties, &["FunctionName"])?;
        Some(format!("{function} {}", statement_id(&desired.address.logical_id, &properties)?))
    }

    fn predict(&self, _desired: &Desired) -> BTreeMap<String, Value> {
        BTreeMap::new()
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        let mut properties = desired.properties.clone();
        self.normalise(&mut properties);
        let Some(sid) = statement_id(&desired.address.logical_id, &properties) else { return Ok(None) };
        let function = required(&properties, "FunctionName")?;
        let qualifier = text(&properties, &["Qualifier"]);
        let there = self.is_there(&function, qualifier.as_deref(), &sid).await?;
        Ok(there.then(|| self.live(desired.address.clone(), &function, &sid, properties, desired.parent.clone())))
    }

    async fn beneath(&self, parent: &Live) -> Result<Vec<Live>, Failure> {
        let function = parent.physical_id.as_str();
        let statements = self.aws.policy(function).await?;
        let mut seen = BTreeSet::new();
        Ok(statements
            .iter()
            .filter_map(|statement| {
                let sid = statement.get("Sid")?.as_str().filter(|sid| seen.insert((*sid).to_owned()))?;
                let address = Address::new(TYPE, logical_id(sid)?);
                let properties = Value::Map(from_statement(function, statement));
                Some(self.live(address, function, sid, properties, Some(parent.address.logical_id.clone())))
            })
            .collect())
    }

    fn parent_type(&self) -> Option<&'static str> {
        Some(function::TYPE)
    }

    fn vanishes_with_parent(&self) -> bool {
        true
    }

    /// Nobody looks whether the source of a statement is there.
    fn only_names(&self, type_name: &str) -> bool {
        ![function::TYPE, alias::TYPE, version::TYPE].contains(&type_name)
    }

    /// What fails while a function is Pending is listed, and AddPermission is not:
    /// <https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html>
    fn follows_early(&self, type_name: &str) -> bool {
        type_name == function::TYPE
    }

    fn lets_in(&self) -> bool {
        true
    }

    fn writer(&self, properties: &Value) -> Option<String> {
        text(properties, &["FunctionName"]).map(|name| format!("lambda {}", function_name(&name)))
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let mut properties = desired.properties.clone();
        self.normalise(&mut properties);
        self.aws.keep_secret(&properties);
        let function = required(&properties, "FunctionName")?;
        let qualifier = text(&properties, &["Qualifier"]);
        let sid = statement_id(&desired.address.logical_id, &properties)
            .ok_or_else(|| Failure::new(Reason::Bug, format!("{} is not known yet", desired.address)))?;
        for _ in 0..MOST_TRIES {
            self.aws.run.begin_adding(&function);
            let added = self.add(&function, &sid, &properties, progress).await;
            let crowded = self.aws.run.done_adding(&function);
            added?;
            // AWS loses some of the permissions that are added to one function at the same time, and says nothing.
            if !crowded || self.is_there(&function, qualifier.as_deref(), &sid).await? {
                return Ok(self.live(desired.address.clone(), &function, &sid, properties, desired.parent.clone()));
            }
        }
        Err(Failure::new(Reason::Conflict, format!("Lambda keeps losing the permission {sid}"))
            .help("something else changes the function's policy at the same time: run the same command again"))
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        _fields: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        // A statement cannot be changed: it is another one.
        let made = self.create(desired, progress).await?;
        if made.physical_id != live.physical_id {
            self.delete(live, progress).await?;
        }
        Ok(made)
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let Some((function, sid)) = live.physical_id.split_once(' ') else { return Ok(()) };
        let qualifier = text(&live.properties, &["Qualifier"]);
        self.aws
            .call("lambda", "RemovePermission")
            .progress(progress)
            .find(|| {
                let request = self.aws.lambda().remove_permission().function_name(function).statement_id(sid);
                request.set_qualifier(qualifier.clone()).send()
            })
            .await?;
        Ok(())
    }

    fn deleted_after(&self) -> &'static [&'static str] {
        // Which APIs, topics, buckets, log groups and user pools of others have something of ours is known from the
        // policies alone.
        const BESIDE_APIS: [&str; 4] = [
            super::subscription::TYPE,
            super::subscription_filter::TYPE,
            super::bucket::existing::TYPE,
            super::user_pool::triggers::TYPE,
        ];
        const ALL: [&str; BESIDE_APIS.len() + BY_WAY_OF_FUNCTIONS.len()] = {
            let mut all = [""; BESIDE_APIS.len() + BY_WAY_OF_FUNCTIONS.len()];
            let (beside, apis) = all.split_at_mut(BESIDE_APIS.len());
            beside.copy_from_slice(&BESIDE_APIS);
            apis.copy_from_slice(&BY_WAY_OF_FUNCTIONS);
            all
        };
        &ALL
    }

    fn permissions(&self) -> &'static [Needs] {
        &[
            Needs { step: Step::Read, action: "lambda:GetPolicy", resource: FUNCTION_ARN },
            Needs { step: Step::Read, action: "lambda:ListAliases", resource: FUNCTION_ARN },
            Needs { step: Step::Create, action: "lambda:AddPermission", resource: FUNCTION_ARN },
            Needs { step: Step::Delete, action: "lambda:RemovePermission", resource: FUNCTION_ARN },
        ]
    }
}

impl Findable for Permission {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::kinds::properties::tests::tree_of;
    use serde_json::json;

    fn normal(json: Json) -> Value {
        let Value::Map(mut map) = tree_of(json) else { panic!("a map") };
        normalise(&mut map);
        Value::Map(map)
    }

    #[test]
    fn a_statement_is_known_by_its_content() {
        let one =
            normal(json!({ "FunctionName": "f", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com" }));
        let other = normal(json!({
            "FunctionName": "f", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com", "SourceArn": "arn:x",
        }));
        let id = statement_id("HelloLambdaPermissionS3", &one).unwrap();
        assert_eq!(statement_id("HelloLambdaPermissionS3", &one).as_deref(), Some(id.as_str()));
        assert_ne!(statement_id("HelloLambdaPermissionS3", &other), Some(id.clone()));
        assert_eq!(logical_id(&id), Some("HelloLambdaPermissionS3"));
        assert_eq!(logical_id("somebody-elses"), None);
    }

    #[test]
    fn a_long_logical_id_is_cut() {
        let id = statement_id(&"A".repeat(255), &normal(json!({ "FunctionName": "f" }))).unwrap();
        assert_eq!(id.len(), LONGEST_ID);
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        let file = normal(json!({
            "FunctionName": "arn:aws:lambda:eu-west-1:1:function:f", "Action": "lambda:InvokeFunctionUrl",
            "Principal": "*", "FunctionUrlAuthType": "NONE", "InvokedViaFunctionUrl": "true",
            "SourceArn": "arn:x", "SourceAccount": 123,
        }));
        let statement = json!({
            "Sid": "hoist-x-1", "Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunctionUrl",
            "Resource": "arn:aws:lambda:eu-west-1:1:function:f",
            "Condition": {
                "StringEquals": { "lambda:FunctionUrlAuthType": "NONE", "AWS:SourceAccount": "123" },
                "Bool": { "lambda:InvokedViaFunctionUrl": "true" }, "ArnLike": { "AWS:SourceArn": "arn:x" },
            },
        });
        assert_eq!(Value::Map(from_statement("f", &statement)), file);
    }

    #[test]
    fn principals_have_one_form() {
        let service = json!({ "Principal": { "Service": "sns.amazonaws.com" }, "Action": "lambda:InvokeFunction" });
        assert_eq!(from_statement("f", &service)["Principal"], Value::string("sns.amazonaws.com"));
        let account = json!({ "Principal": { "AWS": "arn:aws:iam::123456789012:root" } });
        assert_eq!(from_statement("f", &account)["Principal"], Value::string("123456789012"));
    }

    #[test]
    fn an_aliass_permission_has_its_qualifier() {
        let by_reference = normal(json!({ "FunctionName": "arn:aws:lambda:eu-west-1:1:function:f:live" }));
        assert_eq!(by_reference, normal(json!({ "FunctionName": "f", "Qualifier": "live" })));
    }
}
