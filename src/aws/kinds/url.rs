//! `AWS::Lambda::Url`.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-url.html>

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_lambda::operation::get_function_url_config::GetFunctionUrlConfigOutput as Found;
use aws_sdk_lambda::types::{Cors, FunctionUrlAuthType, InvokeMode};

use crate::aws::client::Aws;
use crate::engine::address::Address;
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

use super::Findable;
use super::function;
use super::properties::{
    at_mut, boolean, boolean_in_place, default_to, drop_empty, integer, list, map, number, number_in_place, put,
    required, string, text, texts,
};
use super::version::{function_name, qualifier};

/// `AWS::Lambda::Url`
pub const TYPE: &str = "AWS::Lambda::Url";

const FUNCTION_ARN: &str = "arn:${Partition}:lambda:${Region}:${Account}:function:${Service}-${Stage}-*";

const LISTS: &[&str] = &["AllowHeaders", "AllowMethods", "AllowOrigins", "ExposeHeaders"];

/// Reads, makes, changes and deletes function URLs.
pub struct Url {
    aws: Arc<Aws>,
}

impl Url {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    async fn get(&self, function: &str, qualifier: Option<&str>) -> Result<Option<Found>, Failure> {
        self.aws
            .call("lambda", "GetFunctionUrlConfig")
            .find(|| {
                let request = self.aws.lambda().get_function_url_config().function_name(function);
                request.set_qualifier(qualifier.map(str::to_owned)).send()
            })
            .await
    }

    async fn find(
        &self,
        function: &str,
        qualifier: Option<&str>,
        address: Address,
        parent: Option<String>,
    ) -> Result<Option<Live>, Failure> {
        let found = self.get(function, qualifier).await?;
        Ok(found.map(|found| live(&found, function, qualifier, address, parent)))
    }
}

fn live(found: &Found, function: &str, qualifier: Option<&str>, address: Address, parent: Option<String>) -> Live {
    let mut properties = BTreeMap::new();
    let mut set = |key: &str, value: Option<Value>| put(&mut properties, key, value);
    set("TargetFunctionArn", string(Some(function)));
    set("Qualifier", string(qualifier));
    set("AuthType", string(Some(found.auth_type().as_str())));
    set("InvokeMode", string(found.invoke_mode().map(InvokeMode::as_str)));
    if let Some(cors) = found.cors() {
        set(
            "Cors",
            map([
                ("AllowCredentials", cors.allow_credentials().map(Value::Bool)),
                ("AllowHeaders", list(cors.allow_headers())),
                ("AllowMethods", list(cors.allow_methods())),
                ("AllowOrigins", list(cors.allow_origins())),
                ("ExposeHeaders", list(cors.expose_headers())),
                ("MaxAge", number(cors.max_age())),
            ]),
        );
    }
    normalise(&mut properties);
    Live {
        address,
        physical_id: physical_id(function, qualifier),
        properties: Value::Map(properties),
        attributes: BTreeMap::from([
            ("FunctionUrl".to_owned(), Value::string(found.function_url())),
            ("FunctionArn".to_owned(), Value::string(found.function_arn())),
            ("Ref".to_owned(), Value::string(found.function_arn())),
        ]),
        ownership: Ownership::Ours,
        fingerprint: None,
        revision: None,
        parent,
    }
}

fn physical_id(function: &str, qualifier: Option<&str>) -> String {
    qualifier.map_or_else(|| function.to_owned(), |qualifier| format!("{function}:{qualifier}"))
}

fn normalise(properties: &mut BTreeMap<String, Value>) {
    // A reference may bring its qualifier along: that of an alias does.
    if let Some(Value::String(target)) = properties.get("TargetFunctionArn").cloned() {
        let name = function_name(&target).to_owned();
        if let Some(qualifier) = qualifier(&target) {
            properties.insert("Qualifier".to_owned(), Value::string(qualifier));
        }
        properties.insert("TargetFunctionArn".to_owned(), Value::String(name));
    }
    if let Some(value) = at_mut(properties, &["Cors", "MaxAge"]) {
        number_in_place(value);
    }
    if let Some(value) = at_mut(properties, &["Cors", "AllowCredentials"]) {
        boolean_in_place(value);
    }
    if let Some(Value::Map(cors)) = properties.get_mut("Cors") {
        if cors.get("AllowCredentials") == Some(&Value::Bool(false)) {
            cors.remove("AllowCredentials");
        }
        if cors.get("MaxAge") == Some(&Value::Number(0.into())) {
            cors.remove("MaxAge");
        }
        // Header names have no case, and AWS answers in its own.
        for key in ["AllowHeaders", "ExposeHeaders"] {
            if let Some(Value::List(names)) = cors.get_mut(key) {
                for name in names.iter_mut() {
                    if let Value::String(name) = name {
                        *name = name.to_ascii_lowercase();
                    }
                }
            }
        }
        for key in LISTS {
            if let Some(Value::List(values)) = cors.get_mut(*key) {
                values.sort_by_key(|value| value.text().map(str::to_owned));
            }
        }
    }
    drop_empty(properties, &[]);
    default_to(properties, "InvokeMode", Value::string("BUFFERED"));
}

/// The CORS rules; without any, the ones that clear what is live.
fn cors(properties: &Value) -> Cors {
    let read = |key: &'static str| Some(texts(properties, &["Cors", key])).filter(|values| !values.is_empty());
    Cors::builder()
        .set_allow_credentials(boolean(properties, &["Cors", "AllowCredentials"]))
        .set_allow_headers(read("AllowHeaders"))
        .set_allow_methods(read("AllowMethods"))
        .set_allow_origins(read("AllowOrigins"))
        .set_expose_headers(read("ExposeHeaders"))
        .set_max_age(integer(properties, &["Cors", "MaxAge"]))
        .build()
}

fn auth_type(properties: &Value) -> Result<FunctionUrlAuthType, Failure> {
    Ok(FunctionUrlAuthType::from(required(properties, "AuthType")?.as_str()))
}

#[async_trait]
impl Kind for Url {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[
            ("TargetFunctionArn", Trait::Immutable),
            ("Qualifier", Trait::Immutable),
            ("Cors.AllowHeaders", Trait::Unordered),
            ("Cors.AllowMethods", Trait::Unordered),
            ("Cors.AllowOrigins", Trait::Unordered),
            ("Cors.ExposeHeaders", Trait::Unordered),
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
        let qualifier = text(&properties, &["Qualifier"]);
        Some(physical_id(properties.get("TargetFunctionArn")?.text()?, qualifier.as_deref()))
    }

    fn predict(&self, _desired: &Desired) -> BTreeMap<String, Value> {
        BTreeMap::new()
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        let mut properties = desired.properties.clone();
        self.normalise(&mut properties);
        let Some(function) = text(&properties, &["TargetFunctionArn"]) else { return Ok(None) };
        let qualifier = text(&properties, &["Qualifier"]);
        let parent = desired.parent.clone();
        self.find(function_name(&function), qualifier.as_deref(), desired.address.clone(), parent).await
    }

    async fn beneath(&self, parent: &Live) -> Result<Vec<Live>, Failure> {
        // A function has one URL, and each of its aliases another.
        let function = parent.physical_id.as_str();
        let id = &parent.address.logical_id;
        let find = |alias: Option<String>| async move {
            let address = Address::new(TYPE, format!("{id}Url{}", alias.as_deref().unwrap_or_default()));
            self.find(function, alias.as_deref(), address, Some(id.clone())).await
        };
        let (plain, aliases) = tokio::try_join!(find(None), function::Function::aliases(&self.aws, function))?;
        let mut found: Vec<Live> = plain.into_iter().collect();
        for alias in aliases {
            found.extend(find(Some(alias)).await?);
        }
        Ok(found)
    }

    fn parent_type(&self) -> Option<&'static str> {
        Some(function::TYPE)
    }

    fn vanishes_with_parent(&self) -> bool {
        true
    }

    fn writer(&self, properties: &Value) -> Option<String> {
        text(properties, &["TargetFunctionArn"]).map(|name| format!("lambda {}", function_name(&name)))
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let mut properties = desired.properties.clone();
        self.normalise(&mut properties);
        let function = required(&properties, "TargetFunctionArn")?;
        let qualifier = text(&properties, &["Qualifier"]);
        let auth = auth_type(&properties)?;
        let mode = text(&properties, &["InvokeMode"]).unwrap_or_else(|| "BUFFERED".to_owned());
        let rules = properties.get("Cors").map(|_| cors(&properties));
        let created = self
            .aws
            .call("lambda", "CreateFunctionUrlConfig")
            .progress(progress)
            .fresh(self.aws.retry().fresh.contains(&function))
            .send(|| {
                self.aws
                    .lambda()
                    .create_function_url_config()
                    .function_name(&function)
                    .set_qualifier(qualifier.clone())
                    .auth_type(auth.clone())
                    .invoke_mode(InvokeMode::from(mode.as_str()))
                    .set_cors(rules.clone())
                    .send()
            })
            .await;
        let parent = desired.parent.clone();
        match created {
            Ok(answer) => Ok(Live {
                address: desired.address.clone(),
                physical_id: physical_id(&function, qualifier.as_deref()),
                properties,
                attributes: BTreeMap::from([
                    ("FunctionUrl".to_owned(), Value::string(answer.function_url())),
                    ("FunctionArn".to_owned(), Value::string(answer.function_arn())),
                    ("Ref".to_owned(), Value::string(answer.function_arn())),
                ]),
                ownership: Ownership::Ours,
                fingerprint: None,
                revision: None,
                parent,
            }),
            // A function has one URL: an attempt whose answer was lost made it.
            Err(failure) if failure.code.as_deref() == Some("ResourceConflictException") => {
                let found = self.find(&function, qualifier.as_deref(), desired.address.clone(), parent).await?;
                found.filter(|found| found.properties == properties).ok_or(failure)
            }
            Err(failure) => Err(failure),
        }
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        fields: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        let mut properties = desired.properties.clone();
        self.normalise(&mut properties);
        let function = required(&properties, "TargetFunctionArn")?;
        let qualifier = text(&properties, &["Qualifier"]);
        let auth = auth_type(&properties)?;
        let mode = text(&properties, &["InvokeMode"]).unwrap_or_else(|| "BUFFERED".to_owned());
        let changes_cors = fields.iter().any(|field| field.path.starts_with("Cors"));
        // What is left out keeps its value: no rules at all is said with empty ones.
        let rules = changes_cors.then(|| cors(&properties));
        self.aws
            .call("lambda", "UpdateFunctionUrlConfig")
            .progress(progress)
            .send(|| {
                self.aws
                    .lambda()
                    .update_function_url_config()
                    .function_name(&function)
                    .set_qualifier(qualifier.clone())
                    .auth_type(auth.clone())
                    .invoke_mode(InvokeMode::from(mode.as_str()))
                    .set_cors(rules.clone())
                    .send()
            })
            .await?;
        Ok(Live { address: desired.address.clone(), properties, ..live.clone() })
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let function = function_name(&live.physical_id);
        let qualifier = live.physical_id.split_once(':').map(|(_, qualifier)| qualifier.to_owned());
        self.aws
            .call("lambda", "DeleteFunctionUrlConfig")
            .progress(progress)
            .find(|| {
                let request = self.aws.lambda().delete_function_url_config().function_name(function);
                request.set_qualifier(qualifier.clone()).send()
            })
            .await?;
        Ok(())
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: FUNCTION_ARN }
        }
        const ALL: &[Permission] = &[
            needs(Step::Read, "lambda:GetFunctionUrlConfig"),
            needs(Step::Read, "lambda:ListAliases"),
            needs(Step::Create, "lambda:CreateFunctionUrlConfig"),
            needs(Step::Update, "lambda:UpdateFunctionUrlConfig"),
            needs(Step::Delete, "lambda:DeleteFunctionUrlConfig"),
        ];
        ALL
    }
}

/// The URL that a function is called by.
pub fn endpoint(live: &Live) -> Result<&str, Failure> {
    live.attributes
        .get("FunctionUrl")
        .and_then(Value::text)
        .ok_or_else(|| Failure::new(Reason::Bug, format!("{} has no URL", live.address)))
}

impl Findable for Url {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::kinds::properties::tests::tree_of;
    use serde_json::json;

    #[test]
    fn both_sides_of_a_url_look_alike() {
        let Value::Map(mut file) = tree_of(json!({
            "TargetFunctionArn": "arn:aws:lambda:eu-west-1:1:function:f", "AuthType": "NONE",
            "Cors": { "AllowMethods": ["GET", "*"], "AllowHeaders": ["X-Api-Key", "Authorization"], "MaxAge": "300" },
        })) else {
            panic!("a map")
        };
        let Value::Map(mut live) = tree_of(json!({
            "TargetFunctionArn": "f", "AuthType": "NONE", "InvokeMode": "BUFFERED",
            "Cors": { "AllowMethods": ["*", "GET"], "AllowHeaders": ["authorization", "x-api-key"], "MaxAge": 300,
                "AllowCredentials": false, "ExposeHeaders": [] },
        })) else {
            panic!("a map")
        };
        normalise(&mut file);
        normalise(&mut live);
        assert_eq!(file, live);
    }

    #[test]
    fn rules_that_were_taken_away_are_sent_as_empty_ones() {
        assert_eq!(cors(&tree_of(json!({ "AuthType": "NONE" }))), Cors::builder().build());
    }
}
