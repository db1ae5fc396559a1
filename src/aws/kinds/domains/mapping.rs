//! What a custom domain leads to: `AWS::ApiGateway::BasePathMapping` for REST APIs and `AWS::ApiGatewayV2::ApiMapping`
//! for the others.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigateway-basepathmapping.html>,
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigatewayv2-apimapping.html>
//!
//! Mappings carry no tags, and there is no list of those of an API. So the API carries a tag for each domain that leads
//! to it, `hoist:domain:<name>`: set before the mapping is made, taken away after it. Whoever reads the API then knows
//! where to look, and an API without domains costs no call.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::{Map, Value as Json};

use super::path;
use crate::aws::client::Aws;
use crate::aws::kinds::json::{Retag, changed, expect, member, retag};
use crate::aws::kinds::patch::Patch;
use crate::aws::kinds::properties::{required, text, texts};
use crate::aws::kinds::rest_api::{self, OF_TAGS, arn};
use crate::aws::kinds::{Findable, v2};
use crate::aws::signed::{Signed, segment};
use crate::engine::address::Address;
use crate::engine::failure::Failure;
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

/// The beginning of the tag of an API that names a domain which leads to it.
const MARK: &str = "hoist:domain:";
/// The longest key that a tag may have, in characters.
const LONGEST_KEY: usize = 128;
/// The attribute of an API with the domains that lead to it.
const DOMAINS_OF_API: &str = "MappedDomains";
/// The base path that stands for none.
const NONE: &str = "(none)";
const DOMAINS: &str = "arn:${Partition}:apigateway:${Region}::/domainnames*";

/// One kind of mapping: what its parts are called.
pub struct Shape {
    pub type_name: &'static str,
    parent: &'static str,
    /// The path of its APIs, and how they are tagged.
    apis: &'static str,
    tags: (&'static str, &'static str, &'static str),
    service: &'static str,
    /// The beginning of its paths.
    prefix: &'static str,
    collection: &'static str,
    list: &'static str,
    create: &'static str,
    update: &'static str,
    delete: &'static str,
    /// The member of a list's answer with the mappings.
    items: &'static str,
    /// The member and the property with what leads on to the next page.
    page: (&'static str, &'static str),
    /// Property and member of the path beneath the domain.
    key: (&'static str, &'static str),
    /// Property and member of the API.
    api: (&'static str, &'static str),
    /// The member that its own path ends in.
    id: &'static str,
}

/// `AWS::ApiGateway::BasePathMapping`
pub const BASE_PATH: Shape = Shape {
    type_name: "AWS::ApiGateway::BasePathMapping",
    parent: rest_api::TYPE,
    apis: "restapis",
    tags: rest_api::TAGS,
    service: "apigateway",
    prefix: "",
    collection: "basepathmappings",
    list: "GetBasePathMappings",
    create: "CreateBasePathMapping",
    update: "UpdateBasePathMapping",
    delete: "DeleteBasePathMapping",
    items: "item",
    page: ("position", "position"),
    key: ("BasePath", "basePath"),
    api: ("RestApiId", "restApiId"),
    id: "basePath",
};

/// `AWS::ApiGatewayV2::ApiMapping`
pub const API: Shape = Shape {
    type_name: "AWS::ApiGatewayV2::ApiMapping",
    parent: v2::api::TYPE,
    apis: "apis",
    tags: v2::TAGS,
    service: "apigatewayv2",
    prefix: "/v2",
    collection: "apimappings",
    list: "GetApiMappings",
    create: "CreateApiMapping",
    update: "UpdateApiMapping",
    delete: "DeleteApiMapping",
    items: "items",
    page: ("nextToken", "nextToken"),
    key: ("ApiMappingKey", "apiMappingKey"),
    api: ("ApiId", "apiId"),
    id: "apiMappingId",
};

/// Reads, makes, changes and deletes mappings of one kind.
pub struct Mapping {
    aws: Arc<Aws>,
    shape: &'static Shape,
    /// APIs and the domains that this run has led to them: newer than what was read of the APIs.
    led: Mutex<BTreeSet<(String, String)>>,
}

impl Mapping {
    pub fn new(aws: Arc<Aws>, shape: &'static Shape) -> Self {
        Self { aws, shape, led: Mutex::default() }
    }

    fn collection(&self, domain: &str) -> String {
        format!("{}{}/{}", self.shape.prefix, path(domain), self.shape.collection)
    }

    /// The path beneath the domain; empty where the API is all of it.
    fn key(&self, mapping: &Json) -> String {
        member(mapping, self.shape.key.1).filter(|key| *key != NONE).unwrap_or_default().to_owned()
    }

    async fn list(&self, domain: &str) -> Result<Vec<Json>, Failure> {
        let request = Signed::rest("GET", self.collection(domain));
        self.aws.pages(self.shape.service, self.shape.list, request, self.shape.page, self.shape.items).await
    }

    fn live(&self, domain: &str, mapping: &Json) -> Live {
        let key = self.key(mapping);
        let mut map = BTreeMap::from([("DomainName".to_owned(), Value::string(domain))]);
        if !key.is_empty() {
            map.insert(self.shape.key.0.to_owned(), Value::string(key.as_str()));
        }
        for (property, field) in [self.shape.api, ("Stage", "stage")] {
            if let Some(value) = member(mapping, field) {
                map.insert(property.to_owned(), Value::string(value));
            }
        }
        let physical_id = format!("{domain}/{key}");
        let id = member(mapping, self.shape.id).unwrap_or(NONE);
        Live {
            address: Address::new(self.shape.type_name, physical_id.as_str()),
            attributes: BTreeMap::from([("Ref".to_owned(), Value::string(id))]),
            physical_id,
            properties: Value::Map(map),
            ownership: Ownership::Ours,
            fingerprint: None,
            revision: None,
            parent: None,
        }
    }

    /// The mapping that is wanted, when it leads to the API already.
    async fn find(&self, desired: &Desired) -> Result<Option<Json>, Failure> {
        let wanted = |key: &str| text(&desired.properties, &[key]);
        let (Some(domain), Some(api)) = (wanted("DomainName"), wanted(self.shape.api.0)) else { return Ok(None) };
        let key = wanted(self.shape.key.0).unwrap_or_default();
        let all = self.list(&domain).await?;
        let fits = |one: &Json| self.key(one) == key && member(one, self.shape.api.1) == Some(api.as_str());
        Ok(all.into_iter().find(fits))
    }

    /// Notes on an API that a domain leads to it.
    async fn mark(&self, api: &str, domain: &str, progress: &Progress) -> Result<(), Failure> {
        self.led.lock().unwrap_or_else(PoisonError::into_inner).insert((api.to_owned(), domain.to_owned()));
        let (key, value) = mark_of(domain);
        let change = Retag { set: BTreeMap::from([(key, value)]), ..Retag::default() };
        self.retag(api, &change, progress).await
    }

    /// The same no more, unless another path of the domain leads to the API.
    async fn unmark(&self, api: &str, domain: &str, progress: &Progress) -> Result<(), Failure> {
        let left = self.list(domain).await?;
        if left.iter().any(|mapping| member(mapping, self.shape.api.1) == Some(api)) {
            return Ok(());
        }
        let change = Retag { remove: [mark_of(domain).0].into(), ..Retag::default() };
        self.retag(api, &change, progress).await
    }

    async fn retag(&self, api: &str, change: &Retag, progress: &Progress) -> Result<(), Failure> {
        let arn = arn(&self.aws, &format!("/{}/{}", self.shape.apis, segment(api)));
        retag(&self.aws, self.shape.tags, ("tags", "tagKeys"), &arn, change, progress).await
    }

    fn place(&self, live: &Live) -> Result<String, Failure> {
        let domain = required(&live.properties, "DomainName")?;
        let id = live.attributes.get("Ref").and_then(Value::text).unwrap_or(NONE);
        Ok(format!("{}/{}", self.collection(&domain), segment(id)))
    }
}

/// The tag that says that a domain leads to an API. Tags have no `*`, and their keys are shorter than some domains.
fn mark_of(domain: &str) -> (String, String) {
    let value = domain.replace('*', "@");
    let too_long = value.chars().count().saturating_sub(LONGEST_KEY - MARK.len());
    let end: String = value.chars().skip(too_long).collect();
    (format!("{MARK}{end}"), value)
}

/// Takes the domains that lead to an API out of its tags: they are no part of what a file says of it.
pub(in crate::aws::kinds) fn take_marks(tags: &mut BTreeMap<String, String>) -> BTreeMap<String, Value> {
    let marks = tags.extract_if(.., |key, _| is_mark(key));
    let domains: Vec<Value> = marks.map(|(_, domain)| Value::String(domain.replace('@', "*"))).collect();
    if domains.is_empty() {
        return BTreeMap::new();
    }
    BTreeMap::from([(DOMAINS_OF_API.to_owned(), Value::List(domains))])
}

/// Whether a tag of an API only says that a domain leads to it.
pub(in crate::aws::kinds) fn is_mark(key: &str) -> bool {
    key.starts_with(MARK)
}

impl Findable for Mapping {}

#[async_trait]
impl Kind for Mapping {
    fn type_name(&self) -> &'static str {
        self.shape.type_name
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[("DomainName", Trait::Immutable), ("BasePath", Trait::Immutable), ("ApiMappingKey", Trait::Immutable)]
    }

    fn normalise(&self, properties: &mut Value) {
        if let Value::Map(map) = properties {
            let key = self.shape.key.0;
            if map.get(key).and_then(Value::text).is_some_and(|path| path.is_empty() || path == NONE) {
                map.remove(key);
            }
        }
    }

    fn identity(&self, desired: &Desired) -> Option<String> {
        let key = text(&desired.properties, &[self.shape.key.0]).unwrap_or_default();
        Some(format!("{}/{key}", text(&desired.properties, &["DomainName"])?))
    }

    fn predict(&self, _: &Desired) -> BTreeMap<String, Value> {
        BTreeMap::new()
    }

    /// A path of a domain leads to one API.
    fn place(&self, properties: &Value) -> Option<String> {
        text(properties, &["DomainName"])
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        let Some(domain) = text(&desired.properties, &["DomainName"]) else { return Ok(None) };
        let found = self.find(desired).await?;
        Ok(found.map(|mapping| Live { address: desired.address.clone(), ..self.live(&domain, &mapping) }))
    }

    async fn beneath(&self, parent: &Live) -> Result<Vec<Live>, Failure> {
        let api = parent.physical_id.as_str();
        let mut domains: BTreeSet<String> = parent
            .attributes
            .get(DOMAINS_OF_API)
            .map(|domains| texts(domains, &[]).into_iter().collect())
            .unwrap_or_default();
        let led = self.led.lock().unwrap_or_else(PoisonError::into_inner).clone();
        domains.extend(led.into_iter().filter(|(of, _)| of == api).map(|(_, domain)| domain));
        let mut found = Vec::new();
        for name in domains {
            let mappings = self.list(&name).await?;
            let ours = mappings.iter().filter(|mapping| member(mapping, self.shape.api.1) == Some(api));
            found.extend(
                ours.map(|mapping| Live {
                    parent: Some(parent.address.logical_id.clone()),
                    ..self.live(&name, mapping)
                }),
            );
        }
        Ok(found)
    }

    fn parent_type(&self) -> Option<&'static str> {
        Some(self.shape.parent)
    }

    fn writer(&self, properties: &Value) -> Option<String> {
        text(properties, &["DomainName"]).map(|name| format!("apigateway domain {name}"))
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let domain = required(&desired.properties, "DomainName")?;
        let api = required(&desired.properties, self.shape.api.0)?;
        self.mark(&api, &domain, progress).await?;
        let mut body = Map::new();
        for (property, field) in [self.shape.key, self.shape.api, ("Stage", "stage")] {
            if let Some(value) = text(&desired.properties, &[property]).filter(|value| !value.is_empty()) {
                body.insert(field.to_owned(), value.into());
            }
        }
        let request = Signed::rest("POST", self.collection(&domain)).body(Json::Object(body));
        let call = self.aws.call(self.shape.service, self.shape.create).progress(progress);
        let made = call.create(|| self.find(desired), || self.aws.signed(self.shape.service, request.clone())).await?;
        expect(&made, self.shape.api.1, self.shape.create)?;
        let live = self.live(&domain, &made);
        Ok(Live { address: desired.address.clone(), parent: desired.parent.clone(), ..live })
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        fields: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        let domain = required(&live.properties, "DomainName")?;
        let api = required(&desired.properties, self.shape.api.0)?;
        let changed = changed(fields);
        if changed.contains(self.shape.api.0) {
            self.mark(&api, &domain, progress).await?;
        }
        let stage = required(&desired.properties, "Stage")?;
        let place = self.place(live)?;
        let request = if self.shape.prefix.is_empty() {
            let mut patch = Patch::default();
            for (property, at, value) in [(self.shape.api.0, "/restapiId", &api), ("Stage", "/stage", &stage)] {
                if changed.contains(property) {
                    patch.replace(at, value);
                }
            }
            patch.request(&place)
        } else {
            Signed::rest("PATCH", place).body(serde_json::json!({ "apiId": api, "stage": stage }))
        };
        self.aws.ask(self.shape.service, self.shape.update, &request, progress).await?;
        Ok(Live { address: desired.address.clone(), properties: desired.properties.clone(), ..live.clone() })
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let request = Signed::rest("DELETE", self.place(live)?);
        let call = self.aws.call(self.shape.service, self.shape.delete).progress(progress);
        call.find(|| self.aws.signed(self.shape.service, request.clone())).await?;
        let (domain, api) = (required(&live.properties, "DomainName")?, required(&live.properties, self.shape.api.0)?);
        self.unmark(&api, &domain, progress).await
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: DOMAINS }
        }
        const ALL: &[Permission] = &[
            needs(Step::Read, "apigateway:GET"),
            needs(Step::Create, "apigateway:POST"),
            Permission { step: Step::Create, action: "apigateway:POST", resource: OF_TAGS },
            Permission { step: Step::Create, action: "apigateway:PUT", resource: OF_TAGS },
            needs(Step::Update, "apigateway:PATCH"),
            Permission { step: Step::Update, action: "apigateway:POST", resource: OF_TAGS },
            Permission { step: Step::Update, action: "apigateway:PUT", resource: OF_TAGS },
            needs(Step::Delete, "apigateway:DELETE"),
            Permission { step: Step::Delete, action: "apigateway:DELETE", resource: OF_TAGS },
        ];
        ALL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_tags_that_aws_takes_and_are_read_back() {
        let (key, value) = mark_of("*.example.com");
        assert_eq!((key.as_str(), value.as_str()), ("hoist:domain:@.example.com", "@.example.com"));
        let long = format!("{}.example.com", "a".repeat(200));
        assert_eq!(mark_of(&long).0.len(), LONGEST_KEY);
        let mut tags = BTreeMap::from([("team".to_owned(), "x".to_owned()), (key, value), mark_of(&long)]);
        let domains = take_marks(&mut tags).remove(DOMAINS_OF_API).expect("domains");
        let mut found = texts(&domains, &[]);
        found.sort();
        assert_eq!(found, ["*.example.com", &long]);
        assert_eq!(tags.into_keys().collect::<Vec<_>>(), ["team"]);
        assert_eq!(take_marks(&mut BTreeMap::new()), BTreeMap::new(), "an API without domains costs no call");
    }
}
