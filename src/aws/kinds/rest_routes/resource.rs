//! `AWS::ApiGateway::Resource`: one part of a path, in an API that is somebody else's.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigateway-resource.html>

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value as Json, json};

use super::live::has_methods;
use super::{PARTS, Routes, WRITER, list, listed, our_marks, routes};
use crate::aws::client::Aws;
use crate::aws::kinds::json::{expect, member};
use crate::aws::kinds::properties::{required, tree};
use crate::aws::kinds::{Findable, rest_api};
use crate::aws::signed::{Signed, segment};
use crate::engine::address::Address;
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

/// `AWS::ApiGateway::Resource`
pub const TYPE: &str = "AWS::ApiGateway::Resource";

/// Reads, makes and deletes resources.
pub struct Resource {
    aws: Arc<Aws>,
}

impl Resource {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }
}

fn physical(api: &str, parent: &str, part: &str) -> String {
    format!("{api}/{parent}/{part}")
}

fn attributes(id: &str) -> BTreeMap<String, Value> {
    ["Ref", "ResourceId"].into_iter().map(|key| (key.to_owned(), Value::string(id))).collect()
}

fn live(api: &str, resource: &Json, address: Option<Address>) -> Option<Live> {
    let part = |key: &str| member(resource, key);
    let (id, parent, name) = (part("id")?, part("parentId")?, part("pathPart")?);
    Some(Live {
        address: address.unwrap_or_else(|| Address::new(TYPE, part("path").unwrap_or(id))),
        physical_id: physical(api, parent, name),
        properties: tree([
            ("RestApiId", Some(Value::string(api))),
            ("ParentId", Some(Value::string(parent))),
            ("PathPart", Some(Value::string(name))),
        ]),
        attributes: attributes(id),
        ownership: Ownership::Ours,
        fingerprint: None,
        revision: None,
        parent: None,
    })
}

/// Whether a deploy of a moment ago was about to make a resource.
fn is_noted(aws: &Aws, api: &str, resource: &Json) -> bool {
    let part = |key: &str| member(resource, key).unwrap_or_default();
    aws.run.was_noted(TYPE, &physical(api, part("parentId"), part("pathPart")))
}

/// The resources of an API that the service made.
pub(super) fn ours(aws: &Aws, api: &str, all: &Routes) -> Vec<Live> {
    let noted = |resource: &Json| is_noted(aws, api, resource);
    let ours = all.resources.iter().filter(|resource| all.is_ours(resource, &noted));
    ours.filter_map(|resource| live(api, resource, None)).collect()
}

fn is_variable(part: &str) -> bool {
    part.starts_with('{')
}

impl Findable for Resource {}

#[async_trait]
impl Kind for Resource {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[("RestApiId", Trait::Immutable), ("ParentId", Trait::Immutable), ("PathPart", Trait::Immutable)]
    }

    fn normalise(&self, _: &mut Value) {}

    fn identity(&self, desired: &Desired) -> Option<String> {
        let part = |key: &str| desired.properties.get(key)?.text();
        Some(physical(part("RestApiId")?, part("ParentId")?, part("PathPart")?))
    }

    fn predict(&self, _: &Desired) -> BTreeMap<String, Value> {
        BTreeMap::new()
    }

    /// A path has one variable, whatever its name.
    fn place(&self, properties: &Value) -> Option<String> {
        properties.get("RestApiId")?.text().map(str::to_owned)
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        let part = |key: &str| desired.properties.get(key).and_then(Value::text);
        let (Some(api), Some(parent), Some(name)) = (part("RestApiId"), part("ParentId"), part("PathPart")) else {
            return Ok(None);
        };
        let all = routes(api, &listed(&self.aws, api).await?, &our_marks(&self.aws));
        if all.resource(parent).is_none() {
            let text = format!("the REST API {api} has no resource {parent}");
            return Err(Failure::new(Reason::NotFound, text).help(
                "`restApiRootResourceId` and `restApiResources` take the ids that `aws apigateway get-resources` shows",
            ));
        }
        let other = all.children(parent).find_map(|one| {
            member(one, "pathPart").filter(|other| is_variable(other) && is_variable(name) && *other != name)
        });
        if let Some(other) = other {
            let text = format!("the REST API {api} has `{other}` where the file has `{name}`");
            return Err(Failure::new(Reason::Invalid, text).help("API Gateway takes one name for a place in a path"));
        }
        let Some(found) = all.child(parent, name) else { return Ok(None) };
        if !all.is_ours(found, &|resource| is_noted(&self.aws, api, resource)) {
            let (path, id) = (member(found, "path").unwrap_or(name), member(found, "id").unwrap_or_default());
            let text = format!("the REST API {api} has the resource {path} already, and it is somebody else's");
            return Err(Failure::new(Reason::NotOurs, text).help(format!(
                "name it in `provider.apiGateway.restApiResources`, by its id {id}, so that it is used as it is"
            )));
        }
        Ok(live(api, found, Some(desired.address.clone())))
    }

    /// The methods say whose it is, and they go first.
    fn is_told_by_notes(&self) -> bool {
        true
    }

    fn writer(&self, _: &Value) -> Option<String> {
        Some(WRITER.to_owned())
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let part = |key| required(&desired.properties, key);
        let (api, parent, name) = (part("RestApiId")?, part("ParentId")?, part("PathPart")?);
        let path = format!("{}/resources/{}", rest_api::path(&api), segment(&parent));
        let request = Signed::rest("POST", path).body(json!({ "pathPart": name }));
        let (aws, marks) = (&self.aws, our_marks(&self.aws));
        let find = || async { Ok(routes(&api, &list(aws, &api).await?, &marks).child(&parent, &name).cloned()) };
        let call = aws.call("apigateway", "CreateResource").progress(progress);
        let answer = call.create(find, || aws.signed("apigateway", request.clone())).await?;
        let id = expect(&answer, "id", "apigateway.CreateResource")?;
        Ok(Live::made(desired, attributes(&id), physical(&api, &parent, &name), desired.properties.clone()))
    }

    async fn update(&self, live: &Live, _: &Desired, _: &[FieldChange], _: &Progress) -> Result<Live, Failure> {
        Ok(live.clone())
    }

    /// Deleting a resource takes everything beneath it along, so one that is not empty stays.
    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let (Some(id), api) =
            (live.attributes.get("Ref").and_then(Value::text), required(&live.properties, "RestApiId")?)
        else {
            return Ok(());
        };
        let all = routes(&api, &list(&self.aws, &api).await?, &our_marks(&self.aws));
        let Some(now) = all.resource(id) else { return Ok(()) };
        if has_methods(now) || all.children(id).next().is_some() {
            progress.kept("there are routes of others in it");
            return Ok(());
        }
        let request = Signed::rest("DELETE", format!("{}/resources/{}", rest_api::path(&api), segment(id)));
        let call = self.aws.call("apigateway", "DeleteResource").progress(progress);
        call.find(|| self.aws.signed("apigateway", request.clone())).await.map(drop)
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: PARTS }
        }
        const ALL: &[Permission] = &[
            needs(Step::Read, "apigateway:GET"),
            needs(Step::Create, "apigateway:POST"),
            needs(Step::Delete, "apigateway:DELETE"),
        ];
        ALL
    }
}
