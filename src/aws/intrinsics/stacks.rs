//! The stacks of the raw `resources:` as resources of the service: their templates are CloudFormation's to evaluate, but for
//! what the other stack or hoist makes, which is filled in. What is used outside of a stack becomes an output of it.

use std::collections::{BTreeMap, BTreeSet};

use super::evaluator::Evaluator;
use super::ownership::Owner;
use crate::aws::kinds::stack::{LEADING_HERE, TYPE, mark, output};
use crate::aws::ownership::RESOURCES;
use crate::aws::template::{is_exported, is_function, mentioned, single, texts};
use crate::engine::address::Address;
use crate::engine::resource::Desired;
use crate::engine::value::Value;

/// A stack must have a resource: one that is nothing and costs nothing.
const NOTHING: &str = "AWS::CloudFormation::WaitConditionHandle";

type Tree = BTreeMap<String, Value>;

/// Every stack that has something to make or to publish. What the others refer to was evaluated before.
pub(super) fn desired(evaluator: &mut Evaluator<'_>, owner: &Owner) -> Vec<Desired> {
    let template = evaluator.template;
    // The second stack may take something from the first one.
    let mut all: Vec<Desired> = template
        .stacks
        .iter()
        .rev()
        .filter(|(_, content)| {
            let published = |outputs: &Value| matches!(outputs, Value::Map(all) if all.values().any(is_exported));
            content.get("Resources").is_some() || content.get("Outputs").is_some_and(published)
        })
        .map(|(name, content)| evaluator.stack(name, content, owner))
        .collect();
    all.reverse();
    all
}

impl<'a> Evaluator<'a> {
    /// Who makes the resource of that name: itself, or the stack that it is in; `None` for nobody.
    pub(super) fn made_by(&self, logical_id: &str) -> Option<String> {
        if self.is_ours(logical_id) {
            return Some(logical_id.to_owned());
        }
        self.template.raw(logical_id).map(|(stack, _)| stack.to_owned())
    }

    fn stack(&mut self, name: &'a str, content: &Value, owner: &Owner) -> Desired {
        let mut depends_on = BTreeSet::new();
        let mut body = Tree::new();
        if let Value::Map(sections) = content {
            for (section, tree) in sections {
                let filled_in = match (section.as_str(), tree) {
                    ("Resources", Value::Map(resources)) => self.resources(name, resources, &mut depends_on),
                    ("Outputs", tree) => {
                        self.within(&["resources", section], |evaluator| evaluator.filled_in(tree, name))
                    }
                    (_, tree) => tree.clone(),
                };
                body.insert(section.clone(), filled_in);
            }
        }
        if !body.contains_key("Resources") {
            let nothing = Tree::from([("Type".to_owned(), Value::string(NOTHING))]);
            body.insert("Resources".to_owned(), Value::Map(Tree::from([("Nothing".to_owned(), Value::Map(nothing))])));
        }
        self.publish(name, &mut body);
        if name != self.context.stack_name {
            // Says that it goes first: nothing in the template need mention the other stack.
            let mark = Tree::from([("After".to_owned(), Value::string(&self.context.stack_name))]);
            let metadata = body.entry("Metadata".to_owned()).or_insert_with(|| Value::Map(Tree::new()));
            if let Value::Map(metadata) = metadata {
                metadata.insert("Hoist".to_owned(), Value::Map(mark));
            }
        }
        let mut tags = Tree::from([("STAGE".to_owned(), Value::string(&owner.stage))]);
        tags.extend(owner.stack_tags.clone());
        tags.insert(RESOURCES.to_owned(), Value::String(mark(&owner.service, &owner.stage)));
        let mut properties = Tree::from([
            ("StackName".to_owned(), Value::string(name)),
            ("Tags".to_owned(), Value::Map(tags)),
            ("TemplateBody".to_owned(), Value::Map(body)),
        ]);
        let template = self.template;
        for (key, value) in &template.stack_properties {
            let value = self.within(&["provider", key], |evaluator| evaluator.value(value));
            properties.extend(value.map(|value| (key.clone(), value)));
        }
        Desired {
            address: Address::new(TYPE, name),
            properties: Value::Map(properties),
            depends_on: depends_on.into_iter().collect(),
            parent: None,
            fingerprint: None,
            hints: Tree::new(),
        }
    }

    /// The resources of a stack; what they wait for that is not in it comes to `outside`.
    fn resources(&mut self, stack: &'a str, resources: &Tree, outside: &mut BTreeSet<String>) -> Value {
        let mut all = Tree::new();
        for (logical_id, resource) in resources {
            let leads_here = || mentioned(resource).iter().any(|id| self.template.resources.contains_key(id));
            if LEADING_HERE.contains(&resource.get("Type").and_then(Value::text).unwrap_or_default()) && leads_here() {
                self.outputs.entry(stack).or_default().insert((logical_id.clone(), "Ref".to_owned()));
            }
            let path = ["resources", "Resources", logical_id];
            let mut filled_in = self.within(&path, |evaluator| evaluator.filled_in(resource, stack));
            if let (Value::Map(resource), Some(waits_for)) = (&mut filled_in, resource.get("DependsOn")) {
                let (others, own) =
                    texts(waits_for).into_iter().partition::<Vec<_>, _>(|id| self.is_outside(id, stack));
                outside.extend(others.iter().filter_map(|id| self.made_by(id)));
                if own.is_empty() {
                    resource.remove("DependsOn");
                } else {
                    resource.insert("DependsOn".to_owned(), own.into());
                }
            }
            all.insert(logical_id.clone(), filled_in);
        }
        Value::Map(all)
    }

    /// Adds an output for everything that is used outside of the stack.
    fn publish(&mut self, stack: &str, body: &mut Tree) {
        let Some(used) = self.outputs.get(stack) else { return };
        let conditions: BTreeMap<&String, Value> =
            used.iter().filter_map(|(id, _)| Some((id, self.template.raw(id)?.1.get("Condition")?.clone()))).collect();
        let outputs = body.entry("Outputs".to_owned()).or_insert_with(|| Value::Map(Tree::new()));
        let Value::Map(outputs) = outputs else { return };
        for (logical_id, attribute) in used {
            let value = if attribute == "Ref" {
                Tree::from([("Ref".to_owned(), Value::string(logical_id))])
            } else {
                let parts = vec![Value::string(logical_id), Value::string(attribute)];
                Tree::from([("Fn::GetAtt".to_owned(), Value::List(parts))])
            };
            let mut entry = Tree::from([("Value".to_owned(), Value::Map(value))]);
            entry.extend(conditions.get(logical_id).map(|condition| ("Condition".to_owned(), condition.clone())));
            outputs.insert(output(logical_id, attribute), Value::Map(entry));
        }
    }

    /// Whether a stack has to be told what that is: hoist makes it, or the other stack.
    fn is_outside(&self, logical_id: &str, stack: &str) -> bool {
        self.template.resources.contains_key(logical_id)
            || self.template.raw(logical_id).is_some_and(|(other, _)| other != stack)
            // Both stacks together are what the file calls one.
            || logical_id == "AWS::StackName" && stack != self.context.stack_name
    }

    /// A tree of a stack's template with what is outside of it filled in.
    fn filled_in(&mut self, tree: &Value, stack: &str) -> Value {
        let map = match tree {
            Value::List(items) => {
                let each = items.iter().enumerate();
                let each = each
                    .map(|(at, item)| self.within(&[&at.to_string()], |evaluator| evaluator.filled_in(item, stack)));
                return Value::List(each.collect());
            }
            Value::Map(map) => map,
            other => return other.clone(),
        };
        match single(map).filter(|(name, _)| is_function(name)) {
            Some(("Ref", Value::String(target))) if self.is_outside(target, stack) => {
                self.reference(target).unwrap_or(Value::Null)
            }
            Some(("Fn::GetAtt", argument)) if mentioned(tree).iter().any(|id| self.is_outside(id, stack)) => {
                self.attribute(argument)
            }
            Some(("Fn::Sub", Value::String(text))) => self.substituted(text, &Tree::new(), stack),
            Some(("Fn::Sub", Value::List(items))) => match items.as_slice() {
                [Value::String(text), Value::Map(variables)] => {
                    let Value::Map(variables) = self.filled_in(&Value::Map(variables.clone()), stack) else {
                        return tree.clone();
                    };
                    self.substituted(text, &variables, stack)
                }
                _ => tree.clone(),
            },
            // CloudFormation refuses what is null: here it says the same as nothing.
            _ => Value::Map(
                map.iter()
                    .filter(|(_, value)| !matches!(value, Value::Null))
                    .map(|(key, value)| {
                        (key.clone(), self.within(&[key], |evaluator| evaluator.filled_in(value, stack)))
                    })
                    .collect(),
            ),
        }
    }

    /// `Fn::Sub` with its outside variables beside the text.
    fn substituted(&mut self, text: &str, variables: &Tree, stack: &str) -> Value {
        let mut variables = variables.clone();
        let mut written = String::new();
        let mut rest = text;
        while let Some((before, (name, after))) =
            rest.split_once("${").and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
        {
            let logical_id = name.split('.').next().unwrap_or(name).trim();
            let is_outside = !variables.contains_key(name) && self.is_outside(logical_id, stack);
            let value = match name.trim().split_once('.') {
                _ if !is_outside => None,
                Some((logical_id, attribute)) => Some(self.attribute_of(logical_id, attribute)),
                None => self.reference(name.trim()),
            };
            let name = match value {
                None => name.to_owned(),
                Some(value) => {
                    let own: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
                    let own = format!("Hoist{own}");
                    variables.insert(own.clone(), value);
                    own
                }
            };
            written.extend([before, "${", &name, "}"]);
            rest = after;
        }
        written.push_str(rest);
        let text = Value::String(written);
        let argument = if variables.is_empty() { text } else { Value::List(vec![text, Value::Map(variables)]) };
        Value::Map(Tree::from([("Fn::Sub".to_owned(), argument)]))
    }
}
