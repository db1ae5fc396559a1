//! `AWS::ApiGateway::UsagePlan`, and `AWS::ApiGateway::UsagePlanKey` beneath it.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigateway-usageplan.html>
//!
//! UpdateUsagePlan has a quota of one call in 20 seconds: all changes of a plan go in one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value as Json, json};

use crate::aws::client::Aws;
use crate::aws::ownership::ID;
use crate::aws::signed::{Signed, segment};
use crate::engine::address::Address;
use crate::engine::failure::Failure;
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::value::Value;

use super::json::{Retag, changed, expect, member, members, retag, tags_of, where_allowed};
use super::patch::Patch;
use super::properties::{
    drop_empty, from_json, items, number_in_place, own_tags, required, tags_to_map, text, text_map, to_json,
};
use super::rest_api::{TAGS, arn};
use super::{Findable, after};

/// `AWS::ApiGateway::UsagePlan`
pub const TYPE: &str = "AWS::ApiGateway::UsagePlan";
/// `AWS::ApiGateway::UsagePlanKey`
pub const KEY: &str = "AWS::ApiGateway::UsagePlanKey";

const PLANS: &str = "arn:${Partition}:apigateway:${Region}::/usageplans*";

/// Quotas and throttles: CloudFormation's path, the API's name, the path in patches.
const LIMITS: &[(&str, &str, &str, &str)] = &[
    ("Quota", "Limit", "limit", "/quota/limit"),
    ("Quota", "Offset", "offset", "/quota/offset"),
    ("Quota", "Period", "period", "/quota/period"),
    ("Throttle", "BurstLimit", "burstLimit", "/throttle/burstLimit"),
    ("Throttle", "RateLimit", "rateLimit", "/throttle/rateLimit"),
];

/// Reads, makes, changes and deletes usage plans.
pub struct UsagePlan {
    aws: Arc<Aws>,
}

impl UsagePlan {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    async fn all(&self) -> Result<Vec<Json>, Failure> {
        let request = Signed::rest("GET", "/usageplans").query("limit", "500");
        let plans = self.aws.pages("apigateway", "GetUsagePlans", request, ("position", "position"), "item").await?;
        let scope = self.aws.scope();
        Ok(plans.into_iter().filter(|plan| scope.ownership(&tags_of(plan.get("tags"))) == Ownership::Ours).collect())
    }

    async fn ours(&self, logical_id: &str) -> Result<Option<Json>, Failure> {
        let all = self.all().await?;
        Ok(all.into_iter().find(|plan| tags_of(plan.get("tags")).get(ID).map(String::as_str) == Some(logical_id)))
    }

    fn live(&self, plan: &Json, address: Option<&Address>) -> Result<Live, Failure> {
        let id = expect(plan, "id", "apigateway.GetUsagePlans")?;
        let tags = tags_of(plan.get("tags"));
        let mut map = decode(plan);
        map.insert("Tags".to_owned(), own_tags(&tags));
        Ok(Live {
            address: address.cloned().unwrap_or_else(|| Address::new(TYPE, tags.get(ID).unwrap_or(&id))),
            attributes: attributes(&id),
            physical_id: id,
            properties: Value::Map(map),
            ownership: self.aws.scope().ownership(&tags),
            fingerprint: None,
            revision: None,
            parent: None,
        })
    }

    async fn patch(&self, id: &str, patch: &Patch, progress: &Progress) -> Result<(), Failure> {
        self.aws.ask("apigateway", "UpdateUsagePlan", &patch.request(&path(id)), progress).await.map(drop)
    }
}

fn attributes(id: &str) -> BTreeMap<String, Value> {
    BTreeMap::from([("Ref".to_owned(), Value::string(id)), ("Id".to_owned(), Value::string(id))])
}

fn path(id: &str) -> String {
    format!("/usageplans/{}", segment(id))
}

fn decode(plan: &Json) -> BTreeMap<String, Value> {
    let mut map = BTreeMap::new();
    for (key, name) in [("Description", "description"), ("UsagePlanName", "name")] {
        map.insert(key.to_owned(), plan.get(name).cloned().map_or(Value::Null, from_json));
    }
    for (group, key, name, _) in LIMITS {
        let value = plan.get(group.to_lowercase()).and_then(|group| group.get(*name)).filter(|value| !value.is_null());
        if let Some(value) = value {
            let entry = map.entry((*group).to_owned()).or_insert_with(|| Value::Map(BTreeMap::new()));
            if let Value::Map(group) = entry {
                group.insert((*key).to_owned(), from_json(value.clone()));
            }
        }
    }
    let stages = members(plan, "apiStages").iter().map(|stage| {
        let pick = |name: &str| stage.get(name).cloned().map_or(Value::Null, from_json);
        let stage = [("ApiId", pick("apiId")), ("Stage", pick("stage"))];
        Value::Map(stage.map(|(key, value)| (key.to_owned(), value)).into_iter().collect())
    });
    map.insert("ApiStages".to_owned(), Value::List(stages.collect()));
    normalise(&mut map);
    map
}

fn normalise(properties: &mut BTreeMap<String, Value>) {
    tags_to_map(properties);
    for (group, key, ..) in LIMITS {
        if let Some(Value::Map(limits)) = properties.get_mut(*group)
            && let Some(value) = limits.get_mut(*key)
        {
            number_in_place(value);
            // 10 and 10.0 are the same rate.
            if let Value::Number(number) = value
                && let Some(whole) = number.as_f64().filter(|rate| rate.fract() == 0.0)
            {
                *value = Value::Number((whole as i64).into());
            }
        }
    }
    // What API Gateway shows of a limit that was not set.
    for (group, key) in [("Quota", "Offset"), ("Throttle", "BurstLimit"), ("Throttle", "RateLimit")] {
        if let Some(Value::Map(limits)) = properties.get_mut(group)
            && limits.get(key) == Some(&Value::Number(0.into()))
        {
            limits.remove(key);
        }
    }
    drop_empty(properties, &[]);
}

fn creation(properties: &Value) -> Json {
    let mut body = Map::new();
    for (name, key) in [("description", "Description"), ("name", "UsagePlanName")] {
        if let Some(value) = text(properties, &[key]) {
            body.insert(name.to_owned(), value.into());
        }
    }
    for (group, key, name, _) in LIMITS {
        if let Some(value) = properties.at(&[group, key]) {
            let group = body.entry(group.to_lowercase()).or_insert_with(|| json!({}));
            group[*name] = to_json(value);
        }
    }
    let stages = items(properties, &["ApiStages"]).iter();
    let stages: Vec<Json> =
        stages.map(|stage| json!({ "apiId": text(stage, &["ApiId"]), "stage": text(stage, &["Stage"]) })).collect();
    body.insert("apiStages".to_owned(), stages.into());
    body.insert("tags".to_owned(), json!(text_map(properties, &["Tags"])));
    Json::Object(body)
}

/// `api:stage` of every stage that the plan is for.
fn stages(properties: &Value) -> BTreeSet<String> {
    let stages = items(properties, &["ApiStages"]).iter();
    stages.filter_map(|stage| Some(format!("{}:{}", text(stage, &["ApiId"])?, text(stage, &["Stage"])?))).collect()
}

/// All changes of a plan in one request, removals included.
fn patch(live: &Value, wanted: &Value, changed: &BTreeSet<&str>) -> Patch {
    let mut patch = Patch::default();
    for (key, at) in [("UsagePlanName", "/name"), ("Description", "/description")] {
        if changed.contains(key) {
            patch.replace(at, &text(wanted, &[key]).unwrap_or_default());
        }
    }
    for group in ["Quota", "Throttle"] {
        if !changed.contains(group) {
            continue;
        }
        if wanted.get(group).is_none() {
            patch.remove(&format!("/{}", group.to_lowercase()));
            continue;
        }
        for (_, key, _, at) in LIMITS.iter().filter(|(name, ..)| *name == group) {
            let (before, after) = (text(live, &[group, key]), text(wanted, &[group, key]));
            match (&before, &after) {
                (_, Some(value)) if before != after => patch.replace(at, value),
                (Some(_), None) => patch.replace(at, "0"),
                _ => {}
            }
        }
    }
    let (before, after) = (stages(live), stages(wanted));
    before.difference(&after).for_each(|stage| patch.remove_value("/apiStages", stage));
    after.difference(&before).for_each(|stage| patch.add("/apiStages", stage));
    patch
}

#[async_trait]
impl Findable for UsagePlan {
    fn physical_id_of(&self, arn: &str) -> Option<String> {
        after(arn, "apigateway", "/usageplans/").filter(|id| !id.contains('/')).map(str::to_owned)
    }

    async fn by_name(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        let plans = where_allowed(self.all().await)?;
        Ok(plans.iter().filter_map(|plan| Some((TYPE, member(plan, "id")?.to_owned()))).collect())
    }

    async fn confirm(&self, physical_id: &str) -> Result<Option<Live>, Failure> {
        let request = Signed::rest("GET", path(physical_id));
        match self.aws.look_for("apigateway", "GetUsagePlan", &request).await? {
            Some(plan) => self.live(&plan, None).map(Some),
            None => Ok(None),
        }
    }
}

#[async_trait]
impl Kind for UsagePlan {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[("ApiStages", Trait::Unordered)]
    }

    fn normalise(&self, properties: &mut Value) {
        if let Value::Map(map) = properties {
            normalise(map);
        }
    }

    fn identity(&self, _: &Desired) -> Option<String> {
        None
    }

    fn predict(&self, _: &Desired) -> BTreeMap<String, Value> {
        BTreeMap::new()
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        let plan = self.ours(&desired.address.logical_id).await?;
        plan.map(|plan| self.live(&plan, Some(&desired.address))).transpose()
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let request = Signed::rest("POST", "/usageplans").body(creation(&wanted));
        let find = || self.ours(&desired.address.logical_id);
        let call = self.aws.call("apigateway", "CreateUsagePlan").progress(progress);
        let plan = call.create(find, || self.aws.signed("apigateway", request.clone())).await?;
        let id = expect(&plan, "id", "apigateway.CreateUsagePlan")?;
        Ok(Live::made(desired, attributes(&id), id, wanted))
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        fields: &[FieldChange],
        progress: &Progress,
    ) -> Result<Live, Failure> {
        let wanted = self.normalised(desired);
        let id = live.physical_id.as_str();
        let patch = patch(&live.properties, &wanted, &changed(fields));
        if !patch.is_empty() {
            self.patch(id, &patch, progress).await?;
        }
        let change = Retag::between(&live.properties, &wanted);
        retag(&self.aws, TAGS, ("tags", "tagKeys"), &arn(&self.aws, &path(id)), &change, progress).await?;
        Ok(live.now(wanted))
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        // A plan that is for a stage cannot be deleted.
        let mut patch = Patch::default();
        stages(&live.properties).iter().for_each(|stage| patch.remove_value("/apiStages", stage));
        if !patch.is_empty() {
            let request = patch.request(&path(&live.physical_id));
            let call = self.aws.call("apigateway", "UpdateUsagePlan").progress(progress);
            call.find(|| self.aws.signed("apigateway", request.clone())).await?;
        }
        let request = Signed::rest("DELETE", path(&live.physical_id));
        let call = self.aws.call("apigateway", "DeleteUsagePlan").progress(progress);
        call.find(|| self.aws.signed("apigateway", request.clone())).await.map(drop)
    }

    fn permissions(&self) -> &'static [Permission] {
        plan_permissions()
    }
}

fn plan_permissions() -> &'static [Permission] {
    const fn needs(step: Step, action: &'static str) -> Permission {
        Permission { step, action, resource: PLANS }
    }
    const ALL: &[Permission] = &[
        needs(Step::Read, "apigateway:GET"),
        needs(Step::Create, "apigateway:POST"),
        needs(Step::Update, "apigateway:PATCH"),
        // A plan lets go of its stages before it is deleted.
        needs(Step::Delete, "apigateway:PATCH"),
        needs(Step::Delete, "apigateway:DELETE"),
    ];
    ALL
}

/// Reads, makes and deletes the keys of usage plans.
pub struct UsagePlanKey {
    aws: Arc<Aws>,
}

impl UsagePlanKey {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    async fn of_plan(&self, plan: &str) -> Result<Vec<Json>, Failure> {
        let request = Signed::rest("GET", format!("{}/keys", path(plan))).query("limit", "500");
        self.aws.pages("apigateway", "GetUsagePlanKeys", request, ("position", "position"), "item").await
    }

    fn live(&self, plan: &str, key: &str, kind: &str, address: Address) -> Live {
        let properties = [("UsagePlanId", plan), ("KeyId", key), ("KeyType", kind)];
        Live {
            address,
            physical_id: format!("{key}:{plan}"),
            properties: Value::Map(
                properties.map(|(name, value)| (name.to_owned(), Value::string(value))).into_iter().collect(),
            ),
            attributes: attributes(&format!("{key}:{plan}")),
            ownership: Ownership::Ours,
            fingerprint: None,
            revision: None,
            parent: None,
        }
    }
}

impl Findable for UsagePlanKey {}

#[async_trait]
impl Kind for UsagePlanKey {
    fn type_name(&self) -> &'static str {
        KEY
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[("KeyId", Trait::Immutable), ("KeyType", Trait::Immutable), ("UsagePlanId", Trait::Immutable)]
    }

    fn normalise(&self, _: &mut Value) {}

    fn identity(&self, desired: &Desired) -> Option<String> {
        let part = |key: &str| desired.properties.get(key)?.text();
        Some(format!("{}:{}", part("KeyId")?, part("UsagePlanId")?))
    }

    fn predict(&self, _: &Desired) -> BTreeMap<String, Value> {
        BTreeMap::new()
    }

    async fn read(&self, desired: &Desired) -> Result<Option<Live>, Failure> {
        let (Some(plan), Some(key)) =
            (text(&desired.properties, &["UsagePlanId"]), text(&desired.properties, &["KeyId"]))
        else {
            return Ok(None);
        };
        let all = self.of_plan(&plan).await?;
        let found = all.iter().find(|one| member(one, "id") == Some(key.as_str()));
        let kind = |one: &Json| member(one, "type").unwrap_or("API_KEY").to_owned();
        Ok(found.map(|one| self.live(&plan, &key, &kind(one), desired.address.clone())))
    }

    /// Keys of ours only: whoever else was let in stays in.
    async fn beneath(&self, parent: &Live) -> Result<Vec<Live>, Failure> {
        let plan = parent.physical_id.as_str();
        let (keys, ours) = tokio::try_join!(self.of_plan(plan), super::api_key::all(&self.aws))?;
        let ours: BTreeSet<&str> = ours.iter().filter_map(|key| member(key, "id")).collect();
        Ok(keys
            .iter()
            .filter_map(|key| {
                let id = member(key, "id").filter(|id| ours.contains(id))?;
                let name = member(key, "name").unwrap_or(id);
                let mut live = self.live(plan, id, member(key, "type").unwrap_or("API_KEY"), Address::new(KEY, name));
                live.parent = Some(parent.address.logical_id.clone());
                Some(live)
            })
            .collect())
    }

    fn parent_type(&self) -> Option<&'static str> {
        Some(TYPE)
    }

    fn vanishes_with_parent(&self) -> bool {
        true
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let (plan, key) = (required(&desired.properties, "UsagePlanId")?, required(&desired.properties, "KeyId")?);
        let kind = text(&desired.properties, &["KeyType"]).unwrap_or_else(|| "API_KEY".to_owned());
        let request =
            Signed::rest("POST", format!("{}/keys", path(&plan))).body(json!({ "keyId": key, "keyType": kind }));
        let find = || async { Ok(self.read(desired).await?.map(|_| Json::Null)) };
        let call = self.aws.call("apigateway", "CreateUsagePlanKey").progress(progress);
        match call.create(find, || self.aws.signed("apigateway", request.clone())).await {
            Err(failure) if self.read(desired).await?.is_none() => return Err(failure),
            _ => {}
        }
        let mut live = self.live(&plan, &key, &kind, desired.address.clone());
        live.parent.clone_from(&desired.parent);
        Ok(live)
    }

    async fn update(&self, live: &Live, _: &Desired, _: &[FieldChange], _: &Progress) -> Result<Live, Failure> {
        Ok(live.clone())
    }

    async fn delete(&self, live: &Live, progress: &Progress) -> Result<(), Failure> {
        let Some((key, plan)) = live.physical_id.split_once(':') else { return Ok(()) };
        let request = Signed::rest("DELETE", format!("{}/keys/{}", path(plan), segment(key)));
        let call = self.aws.call("apigateway", "DeleteUsagePlanKey").progress(progress);
        call.find(|| self.aws.signed("apigateway", request.clone())).await.map(drop)
    }

    fn permissions(&self) -> &'static [Permission] {
        plan_permissions()
    }
}

#[cfg(test)]
mod tests {
    use super::super::properties::tests::tree_of;
    use super::*;

    fn normal(json: Json) -> Value {
        let Value::Map(mut map) = tree_of(json) else { panic!("a map") };
        normalise(&mut map);
        Value::Map(map)
    }

    #[test]
    fn what_api_gateway_answers_is_what_the_file_says() {
        let live = Value::Map(decode(&json!({
            "id": "p", "name": "n", "apiStages": [{ "apiId": "a", "stage": "dev" }],
            "throttle": { "burstLimit": 200, "rateLimit": 100.0 }, "quota": { "limit": 5000, "offset": 0, "period": "MONTH" },
        })));
        let file = normal(json!({
            "UsagePlanName": "n", "ApiStages": [{ "ApiId": "a", "Stage": "dev" }],
            "Throttle": { "BurstLimit": "200", "RateLimit": 100 }, "Quota": { "Limit": 5000, "Period": "MONTH" },
        }));
        assert_eq!(live, file);
    }

    #[test]
    fn all_changes_of_a_plan_are_one_request() {
        let live = normal(json!({
            "UsagePlanName": "n", "Description": "d", "ApiStages": [{ "ApiId": "a", "Stage": "dev" }],
            "Throttle": { "BurstLimit": 200 }, "Quota": { "Limit": 5000, "Period": "MONTH", "Offset": 2 },
        }));
        let wanted = normal(json!({
            "UsagePlanName": "n", "ApiStages": [{ "ApiId": "b", "Stage": "dev" }], "Quota": { "Limit": 10, "Period": "MONTH" },
        }));
        let fields = crate::engine::diff::difference(&live, &wanted, &[]).fields;
        let mut expected = Patch::default();
        expected.replace("/description", "");
        expected.replace("/quota/limit", "10");
        expected.replace("/quota/offset", "0");
        expected.remove("/throttle");
        expected.remove_value("/apiStages", "a:dev");
        expected.add("/apiStages", "b:dev");
        assert_eq!(patch(&live, &wanted, &changed(&fields)), expected);
    }
}
