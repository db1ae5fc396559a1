//! What a stack's template says of it: which of its outputs a change may touch, and whose resources are in it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::replacement::{is_lasting, may_be_replaced};
use crate::aws::kinds::json::member;
use crate::aws::kinds::properties::text_map;
use crate::aws::signed::each;
use crate::aws::template::mentioned;
use crate::engine::failure::{Failure, Reason};
use crate::engine::resource::Desired;
use crate::engine::value::Value;

/// What the attributes of a stack begin with that are its outputs, as in `!GetAtt Nested.Outputs.Name`.
pub const OUTPUTS: &str = "Outputs.";

/// The output in which a stack gives an attribute of one of its resources to those outside: `HoistTable`,
/// `HoistTableArn`. Names of outputs have letters and digits only.
pub fn output(logical_id: &str, attribute: &str) -> String {
    let attribute = if attribute == "Ref" { "" } else { attribute };
    let attribute: String = attribute.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("Hoist{logical_id}{attribute}")
}

/// What hoist would take for its own where it leads to a function of ours. A stack gives the names of these, which says that
/// they are the stack's.
pub const LEADING_HERE: &[&str] = &["AWS::Cognito::UserPool", "AWS::Scheduler::Schedule"];

/// The logical ids of those in a stack's properties.
pub fn leading_here(properties: &Value) -> impl Iterator<Item = &str> {
    let resources = match properties.at(&["TemplateBody", "Resources"]) {
        Some(Value::Map(resources)) => Some(resources),
        _ => None,
    };
    let is_one =
        |resource: &Value| resource.get("Type").and_then(Value::text).is_some_and(|kind| LEADING_HERE.contains(&kind));
    resources.into_iter().flatten().filter(move |(_, resource)| is_one(resource)).map(|(id, _)| id.as_str())
}

/// The names in a section of a template.
fn names<'a>(template: Option<&'a Value>, section: &str) -> BTreeSet<&'a str> {
    match template.and_then(|template| template.get(section)) {
        Some(Value::Map(map)) => map.keys().map(String::as_str).collect(),
        _ => BTreeSet::new(),
    }
}

/// A stack of that name that is nobody's may be taken over when nothing is in it that the file does not have: an update
/// would delete it.
///
/// # Errors
/// `NotOurs`, with what is in it.
pub fn refuse_what_others_have(name: &str, live: Option<&Value>, desired: &Desired) -> Result<(), Failure> {
    let wanted = names(desired.properties.get("TemplateBody"), "Resources");
    let others: Vec<&str> = names(live, "Resources").into_iter().filter(|id| !wanted.contains(id)).collect();
    let what = match others.as_slice() {
        [] if matches!(live, Some(Value::Map(_))) => return Ok(()),
        [] => "has a template that is not JSON".to_owned(),
        [one] => format!("makes {one}, which is not among the `resources:` of the file"),
        [one, rest @ ..] => {
            format!("makes {one} and {} more that are not among the `resources:` of the file", rest.len())
        }
    };
    Err(Failure::new(Reason::NotOurs, format!("the CloudFormation stack {name} is there already and {what}"))
        .help("hoist needs that name for `resources:` alone, and changed nothing.")
        .help(
            "Give what the stack should no longer make a `DeletionPolicy: Retain`, update the stack without it, and run \
             this again with --adopt.",
        )
        .help("Or name another stack in `provider.stackName`."))
}

/// The parameters of a live stack, without those that are what the template has for everybody.
pub fn parameters(stack: &Json, template: Option<&Value>, desired: Option<&Desired>) -> Option<Value> {
    let given = desired.map(|desired| text_map(&desired.properties, &["Parameters"])).unwrap_or_default();
    let mut found = BTreeMap::new();
    for parameter in each(stack, "Parameters") {
        let Some(name) = member(parameter, "ParameterKey") else { continue };
        let value = member(parameter, "ParameterValue").unwrap_or_default();
        let declared = template.and_then(|template| template.at(&["Parameters", name]));
        let of = |key: &str| declared.and_then(|declared| declared.get(key)).and_then(super::as_text);
        match given.get(name) {
            // What must not be seen cannot be compared.
            Some(given) if of("NoEcho").as_deref() == Some("true") => {
                found.insert(name.to_owned(), Value::string(given.as_str()));
            }
            None if of("Default").as_deref() == Some(value) || of("NoEcho").as_deref() == Some("true") => {}
            _ => {
                found.insert(name.to_owned(), Value::string(value));
            }
        }
    }
    (!found.is_empty()).then_some(Value::Map(found))
}

/// Whether an attribute of a stack may be another one after a change of its template: an output says something else, or
/// what it speaks of changes, which may mean a new one in its place.
pub fn changes_output(attribute: &str, live: &Value, desired: &Value) -> bool {
    let Some(name) = attribute.strip_prefix(OUTPUTS) else { return false };
    let (before, after) = (live.get("TemplateBody"), desired.get("TemplateBody"));
    let (Some(before), Some(after)) = (before, after) else { return true };
    let differs = |path: &[&str]| before.at(path) != after.at(path);
    let is_same_around = live.get("Parameters") == desired.get("Parameters")
        && ["Conditions", "Mappings", "Parameters", "Transform"].iter().all(|section| !differs(&[section]));
    if !is_same_around || live.get("StackStatus").is_some() || differs(&["Outputs", name]) {
        return true;
    }
    let Some(output) = after.at(&["Outputs", name]) else { return true };
    // Where it is an attribute that lasts, only a new resource gives another one.
    let attribute = output.at(&["Value", "Fn::GetAtt"]).map_or(Some("Ref"), |path| match path {
        Value::List(path) => path.get(1).and_then(Value::text),
        _ => None,
    });
    let mut seen = BTreeSet::new();
    let mut open: Vec<(String, bool)> = mentioned(output).into_iter().map(|id| (id, true)).collect();
    while let Some((logical_id, is_first)) = open.pop() {
        let path = ["Resources", logical_id.as_str()];
        let (was, is) = match (before.at(&path), after.at(&path)) {
            (Some(was), Some(is)) => (was, is),
            (was, is) if was == is => continue,
            _ => return true,
        };
        let lasts = !is_first || attribute.is_some_and(|attribute| is_lasting(attribute, is));
        if may_be_replaced(was, is) || was != is && !lasts {
            return true;
        }
        if seen.insert(logical_id) {
            open.extend(mentioned(is).into_iter().map(|id| (id, false)));
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::aws::kinds::properties::tests::tree_of;

    #[test]
    fn an_output_changes_with_what_it_speaks_of_and_with_nothing_else() {
        let stack = |table: Json, queue: Json| {
            let resources =
                json!({ "Key": table, "Table": { "Properties": { "Key": { "Ref": "Key" } } }, "Queue": queue });
            let outputs =
                json!({ "HoistTable": { "Value": { "Ref": "Table" } }, "HoistQueue": { "Value": { "Ref": "Queue" } } });
            tree_of(json!({ "TemplateBody": { "Resources": resources, "Outputs": outputs } }))
        };
        let live = stack(json!({ "A": 1 }), json!({ "B": 1 }));
        let changes = |name: &str, desired: &Value| changes_output(name, &live, desired);
        assert!(!changes("Outputs.HoistTable", &stack(json!({ "A": 1 }), json!({ "B": 2 }))));
        assert!(changes("Outputs.HoistQueue", &stack(json!({ "A": 1 }), json!({ "B": 2 }))));
        assert!(
            changes("Outputs.HoistTable", &stack(json!({ "A": 2 }), json!({ "B": 1 }))),
            "through what it refers to"
        );
        assert!(changes("Outputs.HoistNew", &live), "it is not there yet");
        let queue = |timeout: u32| json!({ "Type": "AWS::SQS::Queue", "Properties": { "VisibilityTimeout": timeout } });
        let (live, later) = (stack(json!({}), queue(1)), stack(json!({}), queue(2)));
        assert!(!changes_output("Outputs.HoistQueue", &live, &later), "a queue stays where it is");
        assert!(!changes("Ref", &stack(json!({}), json!({}))), "a stack keeps its id");
    }

    #[test]
    fn what_would_be_deleted_is_not_taken_over() {
        use crate::engine::address::Address;
        let template = tree_of(json!({ "Resources": { "Table": {} } }));
        let desired = Desired {
            address: Address::new(super::super::TYPE, "shop-dev"),
            properties: Value::Map(BTreeMap::from([("TemplateBody".to_owned(), template)])),
            depends_on: Vec::new(),
            parent: None,
            fingerprint: None,
            hints: BTreeMap::new(),
        };
        let refused = |live: Json| refuse_what_others_have("shop-dev", Some(&tree_of(live)), &desired);
        assert_eq!(refused(json!({ "Resources": { "Table": {} } })), Ok(()));
        let failure = refused(json!({ "Resources": { "Table": {}, "Api": {}, "Role": {} } })).unwrap_err();
        assert!(failure.message.contains("makes Api and 1 more"), "{failure}");
        assert!(refused(json!("Resources: {}")).is_err());
    }
}
