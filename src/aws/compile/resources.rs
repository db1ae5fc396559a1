//! The file's own `resources:`: what is laid over generated resources, what CloudFormation makes, and in which stack.
//!
//! Resources that refer to functions, APIs or anything else that hoist makes can only be made after it: they go into a
//! second stack. All others come first, so that functions can refer to them.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;

use super::output::Output;
use super::plan::Plan;
use super::tree;
use crate::aws::template::{TemplateResource, is_exported, mentioned, texts};
use crate::config::diagnostic::Diagnostic;
use crate::config::language::provider::Provider;
use crate::config::language::stack::RollbackTrigger;
use crate::config::node::{Data, Entry, Node};
use crate::engine::value::Value;

/// Sections that both stacks get, and that generated resources may mention too.
const SHARED_SECTIONS: &[&str] = &["Conditions", "Mappings", "Parameters"];
/// Sections that belong to a template as a whole.
const TEMPLATE_SECTIONS: &[&str] = &["AWSTemplateFormatVersion", "Description", "Metadata", "Transform"];

pub(super) fn compile(plan: &Plan, output: &mut Output) {
    let Some(node) = &plan.service.resources else { return };
    let documents: Vec<&Node> = match &node.data {
        Data::List(items) => items.iter().filter(|item| !matches!(item.data, Data::Null)).collect(),
        Data::Null => return,
        _ => vec![node],
    };
    let mut all = Value::Map(Default::default());
    for document in &documents {
        merge(&mut all, tree::from_node(document));
    }
    for name in SHARED_SECTIONS {
        if let Some(section) = all.get(name) {
            output.template.sections.insert((*name).to_owned(), section.clone());
        }
    }

    let mut raw: IndexMap<String, Value> = IndexMap::new();
    for (logical_id, entry) in section(&documents, "Resources") {
        let Some(resource) = all.at(&["Resources", logical_id]) else { continue };
        // What is not a mapping was told, or only an account knows it: it can still be referred to.
        let is_mapping = matches!(entry.value.data, Data::Map(_));
        if let Some(generated) = output.template.resources.get_mut(logical_id) {
            lay_over(generated, resource.clone());
        } else if !is_mapping || resource.get("Type").is_some() || logical_id.starts_with("Fn::") {
            raw.insert(logical_id.clone(), resource.clone());
        } else {
            output.problem(
                Diagnostic::error("unknown-resource", format!("resources.Resources.{logical_id} has no `Type`"))
                    .path(format!("resources.Resources.{logical_id}"))
                    .at(entry.key_place)
                    .help("without a `Type` it must be the logical id of a resource that hoist generates: `hoist package` lists them in `.hoist/resources.json`"),
            );
        }
    }
    for (logical_id, entry) in section(&documents, "extensions") {
        let Some(extension) = all.at(&["extensions", logical_id]) else { continue };
        match output.template.resources.get_mut(logical_id) {
            Some(generated) => extend(generated, extension),
            None => output.problem(
                Diagnostic::error(
                    "unknown-resource",
                    format!("resources.extensions.{logical_id}: hoist generates no such resource"),
                )
                .path(format!("resources.extensions.{logical_id}"))
                .at(entry.key_place)
                .help("`hoist package` lists the generated resources in `.hoist/resources.json`"),
            ),
        }
    }
    take_beneath_functions(&mut raw, output);
    super::apis::absorb(&mut raw, &section(&documents, "Resources"), output);
    check_references(&documents, &all, &raw, output);
    stacks(plan, &all, raw, output);
}

/// A type that stands beneath a function or leads to one, where it is hoist's to look after.
struct Beneath {
    kind: &'static str,
    /// The property that names the function.
    function: &'static str,
    /// The property with the source, for what is found beneath the function only where a permission names that.
    source: Option<&'static str>,
}

const fn beneath(kind: &'static str, function: &'static str, source: Option<&'static str>) -> Beneath {
    Beneath { kind, function, source }
}

const BENEATH_A_FUNCTION: &[Beneath] = &[
    beneath("AWS::Lambda::EventInvokeConfig", "FunctionName", None),
    beneath("AWS::Lambda::EventSourceMapping", "FunctionName", None),
    beneath("AWS::Lambda::Permission", "FunctionName", None),
    beneath("AWS::Lambda::Url", "TargetFunctionArn", None),
    beneath("AWS::Logs::SubscriptionFilter", "DestinationArn", Some("LogGroupName")),
    beneath("AWS::SNS::Subscription", "Endpoint", Some("TopicArn")),
];

/// Takes what the file itself puts beneath our functions out of the raw resources: whatever else stands there is taken for
/// something that left the file.
fn take_beneath_functions(raw: &mut IndexMap<String, Value>, output: &mut Output) {
    let kind = |resource: &Value| resource.get("Type").and_then(Value::text).map(str::to_owned);
    let is_function =
        |id: &String| output.template.resources.get(id).is_some_and(|one| one.kind == "AWS::Lambda::Function");
    let mut taken = Vec::new();
    for (logical_id, resource) in raw.iter() {
        let of = |property: &str| resource.at(&["Properties", property]);
        let Some(what) = BENEATH_A_FUNCTION.iter().find(|what| kind(resource).as_deref() == Some(what.kind)) else {
            continue;
        };
        let Some(function) = of(what.function).map(mentioned).into_iter().flatten().find(is_function) else { continue };
        let is_permission = |other: &&Value| kind(other).as_deref() == Some("AWS::Lambda::Permission");
        let is_listed = what.source.and_then(of).is_none_or(|source| {
            raw.values().filter(is_permission).any(|permission| lets_in(permission, source, &function))
        });
        let mut ours = TemplateResource::new(what.kind, Value::Map(BTreeMap::new()));
        ours.parent = is_listed.then_some(function);
        lay_over(&mut ours, resource.clone());
        taken.push((logical_id.clone(), ours));
    }
    for (logical_id, ours) in taken {
        raw.shift_remove(&logical_id);
        output.template.resources.insert(logical_id, ours);
    }
}

/// Whether a permission of a function is for that source.
fn lets_in(permission: &Value, source: &Value, function: &str) -> bool {
    let of = |key: &str| permission.at(&["Properties", key]);
    let Some(arn) = of("SourceArn") else { return false };
    let is_same = arn == source || !mentioned(arn).is_disjoint(&mentioned(source));
    is_same && of("FunctionName").is_some_and(|name| mentioned(name).contains(function))
}

/// Says which raw resources mention something that is not there: CloudFormation would refuse them.
fn check_references(documents: &[&Node], all: &Value, raw: &IndexMap<String, Value>, output: &mut Output) {
    let places = section(documents, "Resources");
    let is_parameter = |name: &str| all.at(&["Parameters", name]).is_some();
    for (logical_id, resource) in raw {
        for name in mentioned(resource) {
            let known = name.starts_with("AWS::")
                || raw.contains_key(&name)
                || output.template.resources.contains_key(&name)
                || is_parameter(&name);
            if known {
                continue;
            }
            let path = format!("resources.Resources.{logical_id}");
            let mut problem = Diagnostic::warning(
                "unknown-resource",
                format!("{path}: there is no resource and no parameter `{name}`"),
            )
            .path(path)
            .help(help_for(&name));
            problem.place = places.get(logical_id).map(|entry| entry.key_place);
            output.problem(problem);
        }
    }
}

/// Resources of the framework that hoist does without, with the way out.
const WITHOUT: &[(&str, &str)] = &[
    (
        "ApiGateway",
        "hoist makes a REST API as one document, so there are no resources, methods or authorizers of it to refer to",
    ),
    ("HttpApi", "hoist makes an HTTP API as one document, so there are no routes or integrations of it to refer to"),
    ("ServerlessDeploymentBucket", "hoist makes no bucket for the service: name one of your own"),
];

fn help_for(name: &str) -> &'static str {
    WITHOUT
        .iter()
        .find(|(beginning, _)| name.starts_with(beginning))
        .map_or("`hoist package` lists the generated resources in `.hoist/resources.json`", |(_, help)| help)
}

/// Every key of a section, from the last document that has it.
fn section<'a>(documents: &[&'a Node], name: &str) -> IndexMap<&'a String, &'a Entry> {
    let mut entries = IndexMap::new();
    for document in documents {
        if let Some(Data::Map(map)) = document.get(name).map(|section| &section.data) {
            entries.extend(map.iter());
        }
    }
    entries
}

/// Puts every raw resource and output into its stack.
fn stacks(plan: &Plan, all: &Value, raw: IndexMap<String, Value>, output: &mut Output) {
    let generated: BTreeSet<&str> = output.template.resources.keys().map(String::as_str).collect();
    let mut after: BTreeSet<&str> = BTreeSet::new();
    // What refers to something of the second stack belongs there too.
    loop {
        let more: Vec<&str> = raw
            .iter()
            .filter(|(logical_id, resource)| {
                !after.contains(logical_id.as_str())
                    && mentioned(resource).iter().any(|name| {
                        after.contains(name.as_str()) || (generated.contains(name.as_str()) && !raw.contains_key(name))
                    })
            })
            .map(|(logical_id, _)| logical_id.as_str())
            .collect();
        if more.is_empty() {
            break;
        }
        after.extend(more);
    }
    let after: BTreeSet<String> = after.into_iter().map(str::to_owned).collect();
    let generated: BTreeSet<String> = generated.into_iter().map(str::to_owned).collect();

    let mut parts = [(IndexMap::new(), IndexMap::new()), (IndexMap::new(), IndexMap::new())];
    if let Some(Value::Map(outputs)) = all.get("Outputs") {
        for (name, value) in outputs {
            let names = mentioned(value);
            let late = names.iter().any(|name| after.contains(name) || generated.contains(name));
            parts[usize::from(late)].1.insert(name.clone(), value.clone());
        }
        if raw.is_empty() && !outputs.values().any(is_exported) {
            let mut problem =
                Diagnostic::warning("ignored-key", "resources.Outputs: there is no stack whose outputs these would be")
                    .path("resources.Outputs")
                    .help("`hoist info` shows functions and endpoints; outputs with an `Export` are published");
            let written = plan.service.resources.as_ref().and_then(|resources| resources.get("Outputs"));
            problem.place = written.map(|outputs| outputs.place);
            output.problem(problem);
        }
    }
    for (logical_id, resource) in raw {
        let late = after.contains(&logical_id);
        parts[usize::from(late)].0.insert(logical_id, resource);
    }
    output.template.stack_properties = stack_properties(&plan.service.provider).into_map();
    for (name, (resources, outputs)) in [plan.names.stack(), plan.names.after_stack()].into_iter().zip(parts) {
        if resources.is_empty() && outputs.is_empty() {
            continue;
        }
        let mut template = tree::Properties::new();
        for section in TEMPLATE_SECTIONS.iter().chain(SHARED_SECTIONS) {
            template = template.maybe(section, all.get(section).cloned());
        }
        if !resources.is_empty() {
            template = template.with("Resources", Value::Map(resources.into_iter().collect()));
        }
        if !outputs.is_empty() {
            template = template.with("Outputs", Value::Map(outputs.into_iter().collect()));
        }
        output.template.stacks.insert(name, template.into());
    }
}

/// What the file says of the stacks beside their templates.
fn stack_properties(provider: &Provider) -> tree::Properties {
    let given = provider.stack_parameters.iter();
    let given = given.filter_map(|given| Some((given.name.clone(), tree::as_text(given.value.as_ref()?))));
    let parameters: BTreeMap<String, Value> = given.collect();
    let alarms = provider.rollback_configuration.as_ref().map(|alarms| {
        let trigger = |trigger: &RollbackTrigger| {
            tree::Properties::new().with("Arn", tree::as_text(&trigger.arn)).with("Type", trigger.kind.as_str()).into()
        };
        tree::Properties::new()
            .list("RollbackTriggers", alarms.triggers.iter().map(trigger).collect())
            .maybe("MonitoringTimeInMinutes", alarms.minutes.map(|minutes| minutes.0))
    });
    let statements: Vec<Value> = provider.stack_policy.iter().map(|statement| tree::from_node(statement)).collect();
    let policy = tree::Properties::new().list("Statement", statements).some();
    tree::Properties::new()
        .maybe("Parameters", (!parameters.is_empty()).then_some(Value::Map(parameters)))
        .list("NotificationARNs", provider.notification_arns.iter().map(tree::as_text).collect())
        .maybe("RollbackConfiguration", alarms)
        .maybe("StackPolicyBody", policy)
        .maybe("DisableRollback", provider.disable_rollback)
}

/// Lays what the file says about a generated resource over it: mappings key by key, lists item by item.
fn lay_over(generated: &mut TemplateResource, given: Value) {
    let Value::Map(given) = given else { return };
    for (key, value) in given {
        match key.as_str() {
            "Type" => {}
            "Properties" => merge(&mut generated.properties, value),
            "DependsOn" => {
                for name in texts(&value) {
                    if !generated.depends_on.contains(&name) {
                        generated.depends_on.push(name);
                    }
                }
            }
            "Condition" => generated.condition = value.text().map(str::to_owned),
            _ => match generated.attributes.get_mut(&key) {
                Some(old) => merge(old, value),
                None => {
                    generated.attributes.insert(key, value);
                }
            },
        }
    }
}

/// `resources.extensions`: properties replace those of the same name, dependencies are added, the rest is overwritten.
fn extend(generated: &mut TemplateResource, extension: &Value) {
    let Value::Map(extension) = extension else { return };
    for (key, value) in extension {
        match key.as_str() {
            "Properties" => {
                if let (Value::Map(properties), Value::Map(new)) = (&mut generated.properties, value) {
                    properties.extend(new.clone());
                }
            }
            "DependsOn" => generated.depends_on.extend(texts(value)),
            "Condition" => generated.condition = value.text().map(str::to_owned),
            _ => {
                generated.attributes.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Merges trees as the framework does: mappings key by key, lists item by item, the rest is replaced.
fn merge(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Map(base), Value::Map(over)) => {
            for (key, value) in over {
                match base.get_mut(&key) {
                    Some(old) => merge(old, value),
                    None => {
                        base.insert(key, value);
                    }
                }
            }
        }
        (Value::List(base), Value::List(over)) => {
            for (index, value) in over.into_iter().enumerate() {
                match base.get_mut(index) {
                    Some(old) => merge(old, value),
                    None => base.push(value),
                }
            }
        }
        (base, over) => *base = over,
    }
}
