//! What changes in a template, resource by resource: what comes and what goes is told in one line each.

use std::collections::BTreeSet;

use super::replacement;
use crate::engine::plan::FieldChange;
use crate::engine::value::Value;

const RESOURCES: &str = "TemplateBody.Resources.";

/// The differences of a stack: its new and its old resources are one each, and what is made anew is said.
pub fn tell(live: &Value, desired: &Value, fields: Vec<FieldChange>) -> Vec<FieldChange> {
    let template = |side: &Value| side.get("TemplateBody").cloned().unwrap_or(Value::Null);
    let (before, after) = (template(live), template(desired));
    let lost = replacement::lost(&before, &after);
    let mut told = BTreeSet::new();
    let mut all = Vec::with_capacity(fields.len());
    for field in fields {
        let logical_id = field.path.strip_prefix(RESOURCES).and_then(|rest| rest.split('.').next());
        let Some(logical_id) = logical_id.map(str::to_owned) else {
            // Which outputs there are follows from who uses what.
            let bookkeeping = field.bookkeeping || field.path.starts_with("TemplateBody.Outputs.Hoist");
            all.push(FieldChange { bookkeeping, ..field });
            continue;
        };
        let path = ["Resources", logical_id.as_str()];
        let (was, is) = (before.at(&path), after.at(&path));
        if was.is_some() && is.is_some() {
            all.push(field);
        }
        let what = match (was, is) {
            (None, _) => "is created",
            (_, None) => "is deleted",
            _ if lost.contains(&logical_id) => "is made anew, and what is in it is lost",
            _ => continue,
        };
        if told.insert(logical_id.clone()) {
            all.push(clause(&logical_id, was, is, what));
        }
    }
    all
}

/// `AWS::SQS::Queue Jobs is created`
fn clause(logical_id: &str, was: Option<&Value>, is: Option<&Value>, what: &str) -> FieldChange {
    let kind = |resource: &Value| resource.get("Type").cloned().unwrap_or(Value::Null);
    let (before, after) = (was.map(kind), is.map(kind));
    let name = after.as_ref().or(before.as_ref()).and_then(Value::text).unwrap_or("the resource");
    let told = Some(format!("{name} {logical_id} {what}"));
    FieldChange { path: format!("{RESOURCES}{logical_id}"), before, after, sensitive: false, bookkeeping: false, told }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::aws::kinds::properties::tests::tree_of;
    use crate::engine::diff::difference;

    #[test]
    fn what_comes_and_goes_is_told_once() {
        let stack = |resources| tree_of(json!({ "TemplateBody": { "Resources": resources } }));
        let table = |mode: &str| json!({ "Type": "AWS::DynamoDB::Table", "Properties": { "BillingMode": mode } });
        let queue = json!({ "Type": "AWS::SQS::Queue", "Properties": { "A": 1, "B": 2 } });
        let topic = |name: &str| json!({ "Type": "AWS::SNS::Topic", "Properties": { "TopicName": name } });
        let live = stack(json!({ "Table": table("PROVISIONED"), "Old": queue, "Topic": topic("a") }));
        let desired = stack(json!({ "Table": table("PAY_PER_REQUEST"), "New": queue, "Topic": topic("b") }));
        let fields = tell(&live, &desired, difference(&live, &desired, &[]).fields);
        let told: Vec<_> = fields.iter().map(|field| (field.path.as_str(), field.told.as_deref())).collect();
        assert_eq!(
            told,
            [
                ("TemplateBody.Resources.New", Some("AWS::SQS::Queue New is created")),
                ("TemplateBody.Resources.Old", Some("AWS::SQS::Queue Old is deleted")),
                ("TemplateBody.Resources.Table.Properties.BillingMode", None),
                ("TemplateBody.Resources.Topic.Properties.TopicName", None),
                ("TemplateBody.Resources.Topic", Some("AWS::SNS::Topic Topic is made anew, and what is in it is lost")),
            ]
        );
    }
}
