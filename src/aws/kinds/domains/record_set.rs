//! `AWS::Route53::RecordSet`: the alias of a custom domain.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-route53-recordset.html>
//!
//! Records carry no tags: ours is the one that leads to our domain. The zone is given by the hint [`ZONE`], or is the
//! closest one that the domain lies in, among the private ones where the hint [`PRIVATE`] says so.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value as Json, json};

use super::{domain_name, hosted_zone};
use crate::aws::client::Aws;
use crate::aws::kinds::Findable;
use crate::aws::kinds::json::member;
use crate::aws::kinds::properties::{boolean, boolean_in_place, required, text};
use crate::aws::signed::{Signed, each, segment};
use crate::engine::address::Address;
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

/// `AWS::Route53::RecordSet`
pub const TYPE: &str = "AWS::Route53::RecordSet";

/// The hint with the id of the hosted zone.
pub const ZONE: &str = "zone";
/// The hint that the zone is a private one.
pub const PRIVATE: &str = "private";

/// The attribute that says in which zone a live record is.
const ZONE_ID: &str = "HostedZoneId";
const RECORDS: &str = "arn:${Partition}:route53:::hostedzone/*";

/// Reads, makes, changes and deletes alias records.
pub struct RecordSet {
    aws: Arc<Aws>,
}

impl RecordSet {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    /// The zone for a wanted record.
    async fn zone(&self, desired: &Desired) -> Result<Option<String>, Failure> {
        if let Some(zone) = desired.hints.get(ZONE).and_then(Value::text) {
            return Ok(Some(zone.trim_start_matches("/hostedzone/").to_owned()));
        }
        let name = required(&desired.properties, "Name")?;
        let private = desired.hints.get(PRIVATE) == Some(&Value::Bool(true));
        let zones = hosted_zone::around(&self.aws, &name).await?;
        Ok(hosted_zone::choose(&zones, private).map(|zone| zone.id.clone()))
    }

    /// The address records of a name in a zone.
    async fn records(&self, zone: &str, name: &str) -> Result<Vec<Json>, Failure> {
        // Records come in the order of their names, those of one name by their types: A is the first of them.
        let request = Signed::rest("GET", format!("/2013-04-01/hostedzone/{}/rrset", segment(zone)))
            .query("name", name)
            .query("type", "A")
            .query("maxitems", "20");
        let answer = self.aws.look_for("route53", "ListResourceRecordSets", &request).await?.unwrap_or(Json::Null);
        let is_address = |record: &&Json| {
            member(record, "Name").is_some_and(|found| found.trim_end_matches('.') == name)
                && matches!(member(record, "Type"), Some("A" | "AAAA"))
        };
        Ok(each(&answer, "ResourceRecordSets/ResourceRecordSet").iter().filter(is_address).cloned().collect())
    }

    async fn change(&self, action: &str, zone: &str, properties: &Value, progress: &Progress) -> Result<(), Failure> {
        let at = |key: &str| text(properties, &["AliasTarget", key]).unwrap_or_default();
        let healthy = boolean(properties, &["AliasTarget", "EvaluateTargetHealth"]).unwrap_or(false);
        let record = json!({
            "Name": required(properties, "Name")?,
            "Type": required(properties, "Type")?,
            "AliasTarget": {
                "HostedZoneId": at("HostedZoneId"), "DNSName": at("DNSName"), "EvaluateTargetHealth": healthy,
            },
        });
        let changes = json!({ "Change": { "Action": action, "ResourceRecordSet": record } });
        let path = format!("/2013-04-01/hostedzone/{}/rrset/", segment(zone));
        let body = json!({ "ChangeResourceRecordSetsRequest": { "ChangeBatch": { "Changes": changes } } });
        let request = Signed::rest("POST", path).body(body);
        self.aws.ask("route53", "ChangeResourceRecordSets", &request, progress).await.map(drop)
    }
}

fn live(zone: &str, record: &Json, targets: &[&str], address: Option<Address>) -> Live {
    let of = |key: &str| member(record, key).unwrap_or_default();
    let (name, kind) = (of("Name").trim_end_matches('.'), of("Type"));
    let mut map = BTreeMap::from([("Name".to_owned(), Value::string(name)), ("Type".to_owned(), Value::string(kind))]);
    let mut ours = false;
    if let Some(alias) = record.get("AliasTarget") {
        let alias: BTreeMap<String, Value> = ["DNSName", "EvaluateTargetHealth", "HostedZoneId"]
            .iter()
            .filter_map(|key| Some(((*key).to_owned(), Value::string(member(alias, key)?))))
            .collect();
        map.insert("AliasTarget".to_owned(), Value::Map(alias));
        normalise(&mut map);
        let target = text(&Value::Map(map.clone()), &["AliasTarget", "DNSName"]).unwrap_or_default();
        ours = targets.iter().any(|known| known.eq_ignore_ascii_case(&target));
    }
    let physical_id = format!("{name}/{kind}");
    Live {
        address: address.unwrap_or_else(|| Address::new(TYPE, physical_id.as_str())),
        physical_id,
        properties: Value::Map(map),
        attributes: BTreeMap::from([
            ("Ref".to_owned(), Value::string(name)),
            (ZONE_ID.to_owned(), Value::string(zone)),
        ]),
        ownership: if ours { Ownership::Ours } else { Ownership::Unmarked },
        fingerprint: None,
        revision: None,
        parent: None,
    }
}

fn normalise(properties: &mut BTreeMap<String, Value>) {
    let Some(Value::Map(alias)) = properties.get_mut("AliasTarget") else { return };
    if let Some(Value::String(target)) = alias.get_mut("DNSName") {
        // Route 53 answers with the dot of a full name, and in lower case.
        *target = target.trim_end_matches('.').to_lowercase();
    }
    if let Some(value) = alias.get_mut("EvaluateTargetHealth") {
        boolean_in_place(value);
    }
    if alias.get("EvaluateTargetHealth") == Some(&Value::Bool(false)) {
        alias.remove("EvaluateTargetHealth");
    }
}

/// The addresses of a live domain: the other service's names of what our records lead to.
fn targets(domain: &Live) -> Vec<&str> {
    let attribute = |name: &str| domain.attributes.get(name).and_then(Value::text);
    ["DistributionDomainName", "RegionalDomainName"].into_iter().filter_map(attribute).collect()
}

impl Findable for RecordSet {}

#[async_trait]
impl Kind for RecordSet {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[("Name", Trait::Immutable), ("Type", Trait::Immutable)]
    }

    fn normalise(&self, properties: &mut Value) {
        if let Value::Map(map) = properties {
            normalise(map);
        }
    }

    fn identity(&self, desired: &Desired) -> Option<String> {
        Some(format!("{}/{}", text(&desired.properties, &["Name"])?, text(&desired.properties, &["Type"])?))
    }

    fn predict(&self, _: &Desired) -> BTreeMap<String, Value> {
        BTreeMap::new()
    }

    /// A name has one record of a type.
    fn place(&self, properties: &Value) -> Option<String> {
        text(properties, &["Name"])
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        let Some(zone) = self.zone(desired).await? else { return Ok(None) };
        let name = required(&desired.properties, "Name")?;
        let target = text(&desired.properties, &["AliasTarget", "DNSName"]).unwrap_or_default();
        let found = self.records(&zone, &name).await?;
        let record =
            found.iter().find(|record| member(record, "Type") == desired.properties.get("Type").and_then(Value::text));
        Ok(record.map(|record| live(&zone, record, &[target.as_str()], Some(desired.address.clone()))))
    }

    /// Records of the domain in every zone that it lies in. Those that lead elsewhere are somebody else's.
    async fn beneath(&self, parent: &Live) -> Result<Vec<Live>, Failure> {
        let mut found = Vec::new();
        for zone in hosted_zone::around(&self.aws, &parent.physical_id).await? {
            let records = self.records(&zone.id, &parent.physical_id).await?;
            found.extend(records.iter().map(|record| Live {
                parent: Some(parent.address.logical_id.clone()),
                ..live(&zone.id, record, &targets(parent), None)
            }));
        }
        Ok(found)
    }

    fn parent_type(&self) -> Option<&'static str> {
        Some(domain_name::TYPE)
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let name = required(&wanted, "Name")?;
        let Some(zone) = self.zone(desired).await? else {
            return Err(Failure::new(Reason::Invalid, format!("no hosted zone in Route 53 holds {name}")).help(
                "name it with `hostedZoneId`, or write `createRoute53Record: false` where others keep the records",
            ));
        };
        // Sets what is not there and leaves alone what is as wanted: sent twice it does no harm.
        self.change("UPSERT", &zone, &wanted, progress).await?;
        Ok(Live::made(
            desired,
            BTreeMap::from([(ZONE_ID.to_owned(), Value::string(zone))]),
            self.identity(desired).unwrap_or(name),
            wanted,
        ))
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        _: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let zone = live.attributes.get(ZONE_ID).and_then(Value::text).unwrap_or_default();
        self.change("UPSERT", zone, &wanted, progress).await?;
        Ok(Live { address: desired.address.clone(), properties: wanted, ownership: Ownership::Ours, ..live.clone() })
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let zone = live.attributes.get(ZONE_ID).and_then(Value::text).unwrap_or_default();
        match self.change("DELETE", zone, &live.properties, progress).await {
            Err(failure) if failure.message.contains("not found") => Ok(()),
            other => other,
        }
    }

    fn permissions(&self) -> &'static [Permission] {
        const fn needs(step: Step, action: &'static str) -> Permission {
            Permission { step, action, resource: RECORDS }
        }
        const ALL: &[Permission] = &[
            Permission { step: Step::Read, action: "route53:ListHostedZones", resource: "*" },
            needs(Step::Read, "route53:ListResourceRecordSets"),
            needs(Step::Create, "route53:ChangeResourceRecordSets"),
            needs(Step::Update, "route53:ChangeResourceRecordSets"),
            needs(Step::Delete, "route53:ChangeResourceRecordSets"),
        ];
        ALL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_ours_when_it_leads_to_our_domain() {
        let record = json!({
            "Name": "api.example.com.", "Type": "A",
            "AliasTarget": { "HostedZoneId": "Z2", "DNSName": "D-1.execute-api.amazonaws.com.", "EvaluateTargetHealth": "false" },
        });
        let ours = live("Z1", &record, &["d-1.execute-api.amazonaws.com"], None);
        assert_eq!((ours.ownership, ours.physical_id.as_str()), (Ownership::Ours, "api.example.com/A"));
        assert_eq!(
            text(&ours.properties, &["AliasTarget", "DNSName"]).as_deref(),
            Some("d-1.execute-api.amazonaws.com")
        );
        assert_eq!(live("Z1", &record, &["other"], None).ownership, Ownership::Unmarked);
        let plain = json!({ "Name": "api.example.com.", "Type": "A", "TTL": "60", "ResourceRecords": {} });
        assert_eq!(live("Z1", &plain, &["other"], None).ownership, Ownership::Unmarked);
    }
}
