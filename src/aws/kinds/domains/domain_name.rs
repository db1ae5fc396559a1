//! `AWS::ApiGateway::DomainName`: a custom domain, at the edge or in the region.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigateway-domainname.html>
//!
//! The hint [`CERTIFICATE_NAME`] stands in place of a certificate's ARN: it is looked for when the domain is made.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value as Json, json};

use super::{all, certificate, get, path, record_set};
use crate::aws::client::Aws;
use crate::aws::kinds::json::{Retag, changed, member, retag, tags_of, where_allowed};
use crate::aws::kinds::patch::Patch;
use crate::aws::kinds::properties::{
    default_to, drop_empty, from_json, own_tags, required, tags_to_map, text, text_map, texts,
};
use crate::aws::kinds::rest_api::{OF_TAGS, TAGS, arn};
use crate::aws::kinds::{Findable, after};
use crate::aws::naming::DOMAINS_OF;
use crate::aws::ownership::ID;
use crate::aws::signed::Signed;
use crate::engine::address::Address;
use crate::engine::failure::Failure;
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

/// `AWS::ApiGateway::DomainName`
pub const TYPE: &str = "AWS::ApiGateway::DomainName";

/// The hint that names the certificate by its domain; empty for the one that fits best.
pub const CERTIFICATE_NAME: &str = "certificate-name";

const DOMAINS: &str = "arn:${Partition}:apigateway:${Region}::/domainnames*";
const EDGE: &str = "EDGE";

/// Properties and members of a domain.
const FIELDS: &[(&str, &str)] = &[
    ("CertificateArn", "certificateArn"),
    ("DomainName", "domainName"),
    ("RegionalCertificateArn", "regionalCertificateArn"),
    ("SecurityPolicy", "securityPolicy"),
];

/// Reads, makes, changes and deletes custom domains.
pub struct DomainName {
    aws: Arc<Aws>,
}

impl DomainName {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    fn live(&self, domain: &Json, desired: Option<&Desired>) -> Live {
        let name = member(domain, "domainName").unwrap_or_default();
        let tags = tags_of(domain.get("tags"));
        let mut map = decode(domain);
        map.insert("Tags".to_owned(), own_tags(&tags));
        normalise(&mut map);
        // A certificate that was found by its name stays the one that it is.
        if let Some(desired) = desired.filter(|desired| desired.hints.contains_key(CERTIFICATE_NAME)) {
            for key in ["CertificateArn", "RegionalCertificateArn"] {
                if desired.properties.get(key).is_none() {
                    map.remove(key);
                }
            }
        }
        let logical_id =
            desired.map(|desired| desired.address.logical_id.as_str()).or(tags.get(ID).map(String::as_str));
        Live {
            address: Address::new(TYPE, logical_id.unwrap_or(name)),
            physical_id: name.to_owned(),
            properties: Value::Map(map),
            attributes: attributes(domain),
            ownership: self.aws.scope().ownership(&tags),
            fingerprint: None,
            revision: None,
            parent: None,
        }
    }

    /// The body of the request that makes a domain.
    async fn creation(&self, desired: &Desired, wanted: &Value) -> Result<Json, Failure> {
        let name = required(wanted, "DomainName")?;
        let types = texts(wanted, &["EndpointConfiguration", "Types"]);
        let edge = types.iter().any(|kind| kind == EDGE);
        let mut body = Map::new();
        for (key, field) in FIELDS {
            if let Some(value) = text(wanted, &[key]) {
                body.insert((*field).to_owned(), value.into());
            }
        }
        body.insert("endpointConfiguration".to_owned(), json!({ "types": types }));
        if let Some(wished) = desired.hints.get(CERTIFICATE_NAME).and_then(Value::text) {
            let (field, region) =
                if edge { ("certificateArn", Some(certificate::EDGE)) } else { ("regionalCertificateArn", None) };
            let wished = Some(wished).filter(|name| !name.is_empty());
            let found = certificate::find(&self.aws, &name, wished, region).await?;
            body.insert(field.to_owned(), found.into());
        }
        if let Some(store) = text(wanted, &["MutualTlsAuthentication", "TruststoreUri"]) {
            let mut tls = json!({ "truststoreUri": store });
            if let Some(version) = text(wanted, &["MutualTlsAuthentication", "TruststoreVersion"]) {
                tls["truststoreVersion"] = version.into();
            }
            body.insert("mutualTlsAuthentication".to_owned(), tls);
        }
        let tags = text_map(wanted, &["Tags"]);
        if !tags.is_empty() {
            body.insert("tags".to_owned(), json!(tags));
        }
        Ok(Json::Object(body))
    }
}

fn decode(domain: &Json) -> BTreeMap<String, Value> {
    let mut map = BTreeMap::new();
    for (key, field) in FIELDS {
        if let Some(value) = member(domain, field) {
            map.insert((*key).to_owned(), Value::string(value));
        }
    }
    if let Some(types) = domain.pointer("/endpointConfiguration/types") {
        let types = BTreeMap::from([("Types".to_owned(), from_json(types.clone()))]);
        map.insert("EndpointConfiguration".to_owned(), Value::Map(types));
    }
    let tls = [("TruststoreUri", "truststoreUri"), ("TruststoreVersion", "truststoreVersion")];
    let tls: BTreeMap<String, Value> = tls
        .iter()
        .filter_map(|(key, field)| {
            let value = member(domain.get("mutualTlsAuthentication")?, field)?;
            Some(((*key).to_owned(), Value::string(value)))
        })
        .collect();
    if !tls.is_empty() {
        map.insert("MutualTlsAuthentication".to_owned(), Value::Map(tls));
    }
    map
}

fn attributes(domain: &Json) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for (key, field) in [
        ("Ref", "domainName"),
        ("DistributionDomainName", "distributionDomainName"),
        ("DistributionHostedZoneId", "distributionHostedZoneId"),
        ("RegionalDomainName", "regionalDomainName"),
        ("RegionalHostedZoneId", "regionalHostedZoneId"),
    ] {
        if let Some(value) = member(domain, field) {
            all.insert(key.to_owned(), Value::string(value));
        }
    }
    all
}

fn normalise(properties: &mut BTreeMap<String, Value>) {
    tags_to_map(properties);
    drop_empty(properties, &[]);
    default_to(properties, "SecurityPolicy", Value::string("TLS_1_2"));
    // Only the certificate of the domain's own kind of endpoint counts.
    let edge =
        texts(&Value::Map(properties.clone()), &["EndpointConfiguration", "Types"]).iter().any(|kind| kind == EDGE);
    properties.remove(if edge { "RegionalCertificateArn" } else { "CertificateArn" });
}

#[async_trait]
impl Findable for DomainName {
    fn physical_id_of(&self, arn: &str) -> Option<String> {
        after(arn, "apigateway", "/domainnames/").filter(|name| !name.contains('/')).map(str::to_owned)
    }

    async fn by_name(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        // A service itself has no domains.
        if !self.aws.scope().service.ends_with(DOMAINS_OF) {
            return Ok(Vec::new());
        }
        let all = where_allowed(all(&self.aws).await)?;
        let ours = all.iter().filter(|one| self.aws.scope().ownership(&tags_of(one.get("tags"))) == Ownership::Ours);
        Ok(ours.filter_map(|one| Some((TYPE, member(one, "domainName")?.to_owned()))).collect())
    }

    async fn confirm(&self, physical_id: &str) -> Result<Option<Live>, Failure> {
        Ok(get(&self.aws, physical_id).await?.map(|domain| self.live(&domain, None)))
    }
}

#[async_trait]
impl Kind for DomainName {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[("DomainName", Trait::Immutable), ("EndpointConfiguration", Trait::Immutable)]
    }

    fn normalise(&self, properties: &mut Value) {
        if let Value::Map(map) = properties {
            normalise(map);
        }
    }

    fn identity(&self, desired: &Desired) -> Option<String> {
        text(&desired.properties, &["DomainName"])
    }

    fn predict(&self, desired: &Desired) -> BTreeMap<String, Value> {
        let name = text(&desired.properties, &["DomainName"]);
        name.map(|name| ("Ref".to_owned(), Value::string(name))).into_iter().collect()
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        let Some(name) = self.identity(desired) else { return Ok(None) };
        Ok(get(&self.aws, &name).await?.map(|domain| self.live(&domain, Some(desired))))
    }

    fn deleted_after(&self) -> &'static [&'static str] {
        &[record_set::TYPE]
    }

    fn writer(&self, properties: &Value) -> Option<String> {
        text(properties, &["DomainName"]).map(|name| format!("apigateway domain {name}"))
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let name = required(&wanted, "DomainName")?;
        let request = Signed::rest("POST", "/domainnames").body(self.creation(desired, &wanted).await?);
        let call = self.aws.call("apigateway", "CreateDomainName").progress(progress);
        let domain = call.create(|| get(&self.aws, &name), || self.aws.signed("apigateway", request.clone())).await?;
        Ok(Live { parent: desired.parent.clone(), ..self.live(&domain, Some(desired)) })
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        fields: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let changed = changed(fields);
        let mut patch = Patch::default();
        for (key, field) in FIELDS {
            if let Some(value) = text(&wanted, &[key]).filter(|_| changed.contains(key)) {
                patch.replace(&format!("/{field}"), &value);
            }
        }
        if changed.contains("MutualTlsAuthentication") {
            let setting = |key: &str| text(&wanted, &["MutualTlsAuthentication", key]).unwrap_or_default();
            patch.replace("/mutualTlsAuthentication/truststoreUri", &setting("TruststoreUri"));
            let version = setting("TruststoreVersion");
            if !version.is_empty() {
                patch.replace("/mutualTlsAuthentication/truststoreVersion", &version);
            }
        }
        let path = path(&live.physical_id);
        if !patch.is_empty() {
            self.aws.ask("apigateway", "UpdateDomainName", &patch.request(&path), progress).await?;
        }
        let change = Retag::between(&live.properties, &wanted);
        retag(&self.aws, TAGS, ("tags", "tagKeys"), &arn(&self.aws, &path), &change, progress).await?;
        Ok(Live { address: desired.address.clone(), properties: wanted, ..live.clone() })
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let request = Signed::rest("DELETE", path(&live.physical_id));
        let call = self.aws.call("apigateway", "DeleteDomainName").progress(progress);
        call.find(|| self.aws.signed("apigateway", request.clone())).await.map(drop)
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: DOMAINS }
        }
        const ALL: &[Permission] = &[
            needs(Step::Read, "apigateway:GET"),
            needs(Step::Create, "apigateway:POST"),
            needs(Step::Create, "apigateway:AddCertificateToDomain"),
            Permission { step: Step::Create, action: "apigateway:POST", resource: OF_TAGS },
            Permission { step: Step::Create, action: "acm:ListCertificates", resource: "*" },
            needs(Step::Update, "apigateway:PATCH"),
            Permission { step: Step::Update, action: "apigateway:POST", resource: OF_TAGS },
            Permission { step: Step::Update, action: "apigateway:PUT", resource: OF_TAGS },
            Permission { step: Step::Update, action: "apigateway:DELETE", resource: OF_TAGS },
            needs(Step::Delete, "apigateway:DELETE"),
            needs(Step::Delete, "apigateway:RemoveCertificateFromDomain"),
        ];
        ALL
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::properties::tests::tree_of;
    use super::*;

    #[test]
    fn a_live_domain_reads_as_the_file_says_it() {
        let answer = json!({
            "domainName": "api.example.com", "regionalCertificateArn": "arn:c", "securityPolicy": "TLS_1_2",
            "certificateArn": "arn:old", "endpointConfiguration": { "types": ["REGIONAL"], "ipAddressType": "ipv4" },
            "regionalDomainName": "d-1.execute-api", "regionalHostedZoneId": "Z1", "domainNameStatus": "AVAILABLE",
        });
        let mut live = decode(&answer);
        normalise(&mut live);
        let Value::Map(mut file) = tree_of(json!({
            "DomainName": "api.example.com", "RegionalCertificateArn": "arn:c",
            "EndpointConfiguration": { "Types": ["REGIONAL"] },
        })) else {
            panic!("a map")
        };
        normalise(&mut file);
        assert_eq!(live, file);
        assert_eq!(attributes(&answer).get("RegionalHostedZoneId"), Some(&Value::string("Z1")));
    }
}
