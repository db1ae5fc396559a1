//! Walks property trees and turns intrinsics into values, or into expressions of what is not known yet.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Number;

use super::dynamic::{Dynamic, OPENING};
use super::{Context, Lookup};
use crate::aws::kinds::stack::{OUTPUTS, output};
use crate::aws::template::{Template, is_function, masked, single};
use crate::config::diagnostic::Diagnostic;
use crate::config::variables::grammar::{self, Part, has_variables};
use crate::engine::value::{Expression, Secret, Value};

/// How deep intrinsics may nest, and how long a chain of conditions may be.
const DEPTH: usize = 64;

/// What to write instead of a function that only CloudFormation evaluates.
const WAYS_OUT: &[(&str, &str)] = &[(
    "Fn::GetAZs",
    "write the names of the zones (`us-east-1a`), or refer to an attribute of a raw resource, such as `!GetAtt Subnet.AvailabilityZone`",
)];

/// Resources that plugins make which are not built in.
const OF_PLUGINS: &[(&str, &str)] = &[
    ("PythonRequirementsLambdaLayer", "serverless-python-requirements"),
    ("WarmUpPluginLambdaFunction", "serverless-plugin-warmup"),
    ("WarmUpPluginDefaultLambdaFunction", "serverless-plugin-warmup"),
    ("ServerlessAlertsAlarmTopic", "serverless-plugin-aws-alerts"),
];

/// Evaluates the trees of one template and collects what is missing and what is wrong.
pub(super) struct Evaluator<'a> {
    pub(super) template: &'a Template,
    pub(super) context: &'a Context,
    ours: BTreeSet<&'a str>,
    path: Vec<String>,
    pub(super) depth: usize,
    needs: BTreeSet<Lookup>,
    /// How often something had to be left open because it is not looked up yet.
    open: usize,
    /// By stack: the attributes of its resources that are used outside of it.
    pub(super) outputs: BTreeMap<&'a str, BTreeSet<(String, String)>>,
    problems: Vec<Diagnostic>,
}

impl<'a> Evaluator<'a> {
    pub(super) fn new(template: &'a Template, context: &'a Context) -> Self {
        Self {
            template,
            context,
            ours: template.resources.keys().map(String::as_str).collect(),
            path: Vec::new(),
            depth: 0,
            needs: BTreeSet::new(),
            open: 0,
            outputs: BTreeMap::new(),
            problems: Vec::new(),
        }
    }

    /// From here on, only these resources can be referred to.
    pub(super) fn keep_only(&mut self, wanted: &[&'a String]) {
        self.ours = wanted.iter().map(|id| id.as_str()).collect();
    }

    pub(super) fn is_ours(&self, logical_id: &str) -> bool {
        self.ours.contains(logical_id)
    }

    pub(super) fn finish(self) -> (BTreeSet<Lookup>, Vec<Diagnostic>) {
        (self.needs, self.problems)
    }

    /// Evaluates something at a path, which problems then name.
    pub(super) fn within<T>(&mut self, path: &[&str], evaluate: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.path.len();
        self.path.extend(path.iter().map(|step| (*step).to_owned()));
        let value = evaluate(self);
        self.path.truncate(before);
        value
    }

    pub(super) fn problem(&mut self, code: &'static str, what: impl std::fmt::Display) {
        let path = self.path.join(".");
        self.problems.push(Diagnostic::error(code, format!("{path}: {what}")).path(path));
    }

    /// The value of a tree; `None` is `AWS::NoValue`: the key or item is left out.
    pub(super) fn value(&mut self, tree: &Value) -> Option<Value> {
        if self.depth >= DEPTH {
            self.problem("intrinsic-depth", format!("more than {DEPTH} functions inside of one another"));
            return Some(Value::Null);
        }
        self.depth += 1;
        let value = match tree {
            Value::List(items) => Some(Value::List(self.items(items))),
            Value::Map(map) => match single(map).filter(|(name, _)| is_function(name)) {
                Some((name, argument)) => self.within(&[name], |evaluator| evaluator.call(name, argument)),
                None => Some(Value::Map(
                    map.iter()
                        .filter_map(|(key, value)| {
                            self.within(&[key], |evaluator| evaluator.value(value)).map(|value| (key.clone(), value))
                        })
                        .collect(),
                )),
            },
            Value::String(text) => Some(self.dynamic(text)),
            other => Some(other.clone()),
        };
        self.depth -= 1;
        value
    }

    fn items(&mut self, items: &[Value]) -> Vec<Value> {
        items
            .iter()
            .enumerate()
            .filter_map(|(index, item)| self.within(&[&index.to_string()], |evaluator| evaluator.value(item)))
            .collect()
    }

    /// Evaluates one of a function's arguments, by its position in their list: paths lead through it.
    pub(super) fn argument(&mut self, position: usize, tree: &Value) -> Option<Value> {
        self.within(&[&position.to_string()], |evaluator| evaluator.value(tree))
    }

    fn call(&mut self, name: &str, argument: &Value) -> Option<Value> {
        match name {
            "Ref" => match argument {
                Value::String(target) => self.reference(target),
                _ => Some(self.malformed("a name")),
            },
            "Fn::GetAtt" => Some(self.attribute(argument)),
            "Fn::Join" => Some(self.join(argument)),
            "Fn::Sub" => Some(self.substitute(argument)),
            "Fn::Select" => self.select(argument),
            "Fn::Split" => Some(self.split(argument)),
            "Fn::Base64" => Some(self.base64(argument)),
            "Fn::If" => self.choose(argument),
            "Fn::ImportValue" => Some(self.import(argument)),
            "Fn::FindInMap" => Some(self.find_in_map(argument)),
            "Fn::ToJsonString" => Some(self.json(argument)),
            "Fn::Length" => Some(self.length(argument)),
            "Fn::Equals" | "Fn::And" | "Fn::Or" | "Fn::Not" | "Condition" => {
                Some(Value::Bool(self.holds(name, argument)))
            }
            _ => {
                self.problem(
                    "unsupported-function",
                    format!("`{name}` can only be used in raw `resources:`, which CloudFormation makes"),
                );
                if let (Some((_, way_out)), Some(problem)) =
                    (WAYS_OUT.iter().find(|(function, _)| *function == name), self.problems.last_mut())
                {
                    problem.help.push((*way_out).to_owned());
                }
                Some(Value::Null)
            }
        }
    }

    fn malformed(&mut self, expected: &str) -> Value {
        self.problem("malformed-function", format!("expected {expected}"));
        Value::Null
    }

    pub(super) fn reference(&mut self, target: &str) -> Option<Value> {
        if has_variables(target) {
            return Some(Value::string(target));
        }
        let context = self.context;
        let pseudo = match target {
            "AWS::NoValue" => return None,
            "AWS::AccountId" => Some(&context.account_id),
            "AWS::Region" => Some(&context.region),
            "AWS::Partition" => Some(&context.partition),
            "AWS::URLSuffix" => Some(&context.url_suffix),
            "AWS::StackName" => Some(&context.stack_name),
            _ => None,
        };
        if let Some(text) = pseudo {
            return Some(Value::string(text));
        }
        match target {
            "AWS::NotificationARNs" => return Some(Value::List(Vec::new())),
            "AWS::StackId" => {
                self.problem("no-stack", "`AWS::StackId` means nothing here: hoist makes no stack for this");
                return Some(Value::Null);
            }
            _ => {}
        }
        if self.template.resources.contains_key(target) {
            return Some(self.own(target, "Ref"));
        }
        if let Some(parameter) = self.template.sections.get("Parameters").and_then(|all| all.get(target)) {
            return Some(self.parameter(target, parameter));
        }
        Some(self.raw(target, "Ref"))
    }

    /// The value of a parameter of the raw resources: what `provider.stackParameters` says, else its default.
    fn parameter(&mut self, name: &str, declared: &Value) -> Value {
        let given = self.template.stack_properties.get("Parameters").and_then(|given| given.get(name));
        let Some(value) = given.or_else(|| declared.get("Default")) else {
            self.problem("no-parameter", format!("the parameter `{name}` has no value and no default"));
            return Value::Null;
        };
        let kind = declared.get("Type").and_then(Value::text).unwrap_or_default();
        let value = match (self.value(value), kind.starts_with("AWS::SSM::Parameter::Value<")) {
            (Some(Value::String(name)), true) => {
                self.found(Lookup::Dynamic(Dynamic::Parameter { name, secure: false }))
            }
            (value, _) => value.unwrap_or(Value::Null),
        };
        let is_list = kind == "CommaDelimitedList" || kind.contains("List<");
        match value {
            Value::String(text) if is_list => {
                Value::List(text.split(',').map(|item| Value::string(item.trim())).collect())
            }
            value => value,
        }
    }

    pub(super) fn attribute(&mut self, argument: &Value) -> Value {
        let parts = match argument {
            Value::String(text) => text.split_once('.').map(|(id, name)| (id.to_owned(), Value::string(name))),
            Value::List(items) => match items.as_slice() {
                [Value::String(id), name] => Some((id.clone(), name.clone())),
                _ => None,
            },
            _ => None,
        };
        let Some((logical_id, name)) = parts else { return self.malformed("a resource and one of its attributes") };
        match self.value(&name) {
            Some(Value::String(name)) => self.attribute_of(&logical_id, &name),
            _ => self.malformed("the name of an attribute"),
        }
    }

    pub(super) fn attribute_of(&mut self, logical_id: &str, name: &str) -> Value {
        if has_variables(logical_id) {
            return Value::string(logical_id);
        }
        if self.template.resources.contains_key(logical_id) {
            self.own(logical_id, name)
        } else {
            self.raw(logical_id, name)
        }
    }

    fn own(&mut self, logical_id: &str, attribute: &str) -> Value {
        if !self.is_ours(logical_id) {
            self.problem("condition-not-met", format!("`{logical_id}` is left out by its condition"));
            return Value::Null;
        }
        Value::attribute(logical_id, attribute)
    }

    /// An attribute of a raw resource, which CloudFormation makes: an output of its stack gives it.
    fn raw(&mut self, logical_id: &str, attribute: &str) -> Value {
        let template = self.template;
        let Some((stack, resource)) = template.raw(logical_id) else {
            self.problem("unknown-resource", format!("there is no resource and no parameter `{logical_id}`"));
            let of_plugin = OF_PLUGINS.iter().find(|(id, _)| *id == logical_id);
            // It puts the API's name before what each is.
            let of_appsync = logical_id.ends_with("GraphQlApi").then_some(&("", "serverless-appsync-plugin"));
            if let (Some((_, plugin)), Some(problem)) = (of_plugin.or(of_appsync), self.problems.last_mut()) {
                problem.help.push(format!("the plugin `{plugin}` makes it, and is not built into hoist"));
            }
            if let ("ServerlessDeploymentBucket", Some(problem)) = (logical_id, self.problems.last_mut()) {
                let help = "hoist makes no bucket for the service: take this away, or name a bucket of your own";
                problem.help.push(help.to_owned());
            }
            return Value::Null;
        };
        if let Some(condition) = resource.get("Condition").and_then(Value::text)
            && !self.condition(condition)
        {
            self.problem("condition-not-met", format!("`{logical_id}` is left out by its condition"));
            return Value::Null;
        }
        let given = self.outputs.entry(stack).or_default();
        given.insert((logical_id.to_owned(), attribute.to_owned()));
        Value::attribute(stack, format!("{OUTPUTS}{}", output(logical_id, attribute)))
    }

    fn found(&mut self, lookup: Lookup) -> Value {
        if let Some(value) = self.context.found.get(&lookup) {
            return value.clone();
        }
        if let Some(why) = self.context.absent.get(&lookup) {
            self.problem("value-not-found", format!("{lookup} {why}"));
        } else {
            self.needs.insert(lookup);
            self.open += 1;
        }
        Value::Null
    }

    fn join(&mut self, argument: &Value) -> Value {
        let Value::List(items) = argument else { return self.malformed("a separator and a list") };
        let [Value::String(separator), list] = items.as_slice() else {
            return self.malformed("a separator and a list");
        };
        let open = self.open;
        match self.argument(1, list) {
            Some(Value::List(parts)) => self.completed(joined(separator, parts), open),
            // The one later value that `Fn::Join` takes for a list is a list itself (`Fn::Split`): nothing to join
            // with until it is known.
            Some(later @ Value::Later(_)) => {
                Value::Later(Expression::Join { separator: separator.clone(), parts: vec![later] })
            }
            _ => self.malformed("a separator and a list"),
        }
    }

    fn substitute(&mut self, argument: &Value) -> Value {
        let (text, variables) = match argument {
            Value::String(text) => (text, None),
            Value::List(items) => match items.as_slice() {
                [Value::String(text)] => (text, None),
                [Value::String(text), Value::Map(map)] => (text, Some(map)),
                _ => return self.malformed("a text, or a text and a mapping"),
            },
            Value::Secret(_) => return argument.clone(),
            _ => return self.malformed("a text, or a text and a mapping"),
        };
        let open = self.open;
        let mut parts = Vec::new();
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => parts.push(Value::string(text)),
                Piece::Variable(name) => {
                    let value = match (variables.and_then(|map| map.get(name)), name.split_once('.')) {
                        (Some(tree), _) => self.value(tree),
                        (None, Some((logical_id, attribute))) => Some(self.attribute_of(logical_id, attribute)),
                        (None, None) => self.reference(name),
                    };
                    parts.extend(value);
                }
            }
        }
        self.completed(joined("", parts), open)
    }

    /// A text that was put together, with the dynamic references that came about by it: `{{resolve:` and `}}` may stand
    /// in different parts. `open`: as it was before the parts were evaluated.
    fn completed(&mut self, text: Value, open: usize) -> Value {
        match text {
            // A part is missing: what the reference says is not known yet.
            Value::String(text) if self.open > open && text.contains(OPENING) => Value::Null,
            Value::String(text) => self.dynamic(&text),
            later @ Value::Later(_) if mentions(&later, OPENING) => {
                self.problem("late-reference", "a dynamic reference must be known before anything is made");
                Value::Null
            }
            other => other,
        }
    }

    fn select(&mut self, argument: &Value) -> Option<Value> {
        let Value::List(items) = argument else { return Some(self.malformed("an index and a list")) };
        let [index, list] = items.as_slice() else { return Some(self.malformed("an index and a list")) };
        let index = match self.value(index) {
            Some(Value::String(text)) if has_variables(&text) => return Some(Value::String(text)),
            Some(Value::Number(number)) => number.as_u64(),
            Some(Value::String(text)) => text.parse().ok(),
            _ => None,
        };
        let Some(index) = index.and_then(|index| usize::try_from(index).ok()) else {
            return Some(self.malformed("an index from 0"));
        };
        match self.argument(1, list) {
            Some(Value::List(items)) => match items.get(index) {
                Some(item) => Some(item.clone()),
                // How many there are depends on what only an account knows.
                None if items.iter().any(|item| mentions(item, "${")) => items.last().cloned(),
                None => {
                    self.problem("out-of-range", format!("the list has no item {index}"));
                    Some(Value::Null)
                }
            },
            Some(later @ Value::Later(_)) => Some(Value::Later(Expression::Select { index, from: Box::new(later) })),
            // A value that is still to be looked up stands as null until then.
            Some(Value::Null) => Some(Value::Null),
            _ => Some(self.malformed("an index and a list")),
        }
    }

    fn split(&mut self, argument: &Value) -> Value {
        let Value::List(items) = argument else { return self.malformed("a separator and a text") };
        let [Value::String(separator), text] = items.as_slice() else {
            return self.malformed("a separator and a text");
        };
        if separator.is_empty() {
            return self.malformed("a separator that is not empty");
        }
        match self.argument(1, text) {
            Some(Value::String(text)) => Value::List(text.split(separator.as_str()).map(Value::string).collect()),
            Some(Value::Secret(secret)) => Value::List(
                secret.reveal().split(separator.as_str()).map(|part| Value::Secret(Secret::new(part))).collect(),
            ),
            Some(later @ Value::Later(_)) => {
                Value::Later(Expression::Split { separator: separator.clone(), text: Box::new(later) })
            }
            Some(Value::Null) => Value::Null,
            _ => self.malformed("a separator and a text"),
        }
    }

    fn base64(&mut self, argument: &Value) -> Value {
        match self.value(argument) {
            Some(Value::String(text)) => Value::String(STANDARD.encode(text)),
            Some(Value::Secret(secret)) => Value::Secret(Secret::new(STANDARD.encode(secret.reveal()))),
            Some(later @ Value::Later(_)) => Value::Later(Expression::Base64(Box::new(later))),
            Some(Value::Null) => Value::Null,
            _ => self.malformed("a text"),
        }
    }

    fn import(&mut self, argument: &Value) -> Value {
        match self.value(argument) {
            Some(Value::String(name)) => self.found(Lookup::Export(name)),
            Some(Value::Null) => Value::Null,
            Some(Value::Later(_)) => {
                self.problem("late-import", "the name of an export must be known before anything is made");
                Value::Null
            }
            _ => self.malformed("the name of an export"),
        }
    }

    fn find_in_map(&mut self, argument: &Value) -> Value {
        let Value::List(items) = argument else { return self.malformed("a map and two keys") };
        let items = items.clone();
        let keys: Vec<Option<String>> = items
            .iter()
            .take(3)
            .map(|item| match self.value(item) {
                Some(Value::String(text)) => Some(text),
                Some(Value::Number(number)) => Some(number.to_string()),
                _ => None,
            })
            .collect();
        let [Some(map), Some(first), Some(second)] = keys.as_slice() else {
            return self.malformed("a map and two keys");
        };
        let found = self.template.sections.get("Mappings").and_then(|maps| maps.at(&[map, first, second]));
        let default = items.get(3).and_then(|options| options.get("DefaultValue"));
        if let Some(key) = keys.iter().flatten().find(|key| has_variables(key)) {
            return Value::string(key);
        }
        match found.or(default).cloned() {
            Some(tree) => self.value(&tree).unwrap_or(Value::Null),
            None => {
                self.problem("unknown-mapping", format!("`Mappings` has no `{map}.{first}.{second}`"));
                Value::Null
            }
        }
    }

    /// JSON text of a tree. Where later values stand inside, the text is joined around them.
    fn json(&mut self, argument: &Value) -> Value {
        let Some(tree) = self.value(argument) else { return Value::string("null") };
        let mut parts = vec![Value::string("")];
        write_json(&tree, &mut parts);
        joined("", parts)
    }

    fn length(&mut self, argument: &Value) -> Value {
        match self.value(argument) {
            Some(Value::List(items)) => Value::Number(Number::from(items.len())),
            _ => self.malformed("a list"),
        }
    }

    /// A text with its dynamic references resolved.
    fn dynamic(&mut self, text: &str) -> Value {
        if !text.contains(OPENING) {
            return Value::string(text);
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(OPENING) {
            let Some((reference, following)) = after.split_once("}}") else { break };
            parts.push(Value::string(before));
            parts.push(match Dynamic::parse(reference) {
                Ok(dynamic) => self.found(Lookup::Dynamic(dynamic)),
                Err(expected) => {
                    self.problem("malformed-reference", format!("`{{{{resolve:{reference}}}}}`: expected {expected}"));
                    Value::Null
                }
            });
            rest = following;
        }
        parts.push(Value::string(rest));
        joined("", parts)
    }
}

/// Whether a text stands in any part of a value that is put together later.
fn mentions(value: &Value, text: &str) -> bool {
    match value {
        Value::String(part) => part.contains(text),
        Value::Later(Expression::Join { parts, .. }) => parts.iter().any(|part| mentions(part, text)),
        _ => false,
    }
}

/// One piece of a text with `${..}` in it.
#[derive(Debug, PartialEq)]
pub(super) enum Piece<'a> {
    Text(&'a str),
    Variable(&'a str),
}

/// Cuts a text of `Fn::Sub` at its variables; `${!x}` is the text `${x}`. Variables of the file that only an account can
/// resolve (`${ssm:/x}`) are text: none is at hand where they still stand.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let Ok(Some(template)) = grammar::parse(text) else { return of_template(text) };
    let mut pieces = Vec::new();
    let mut rest = text;
    for part in &template.parts {
        let (written, is_variable) = match part {
            Part::Text { written, .. } => (written, false),
            Part::Variable(variable) => (&variable.written, true),
        };
        // Parts are cut out of the text, one after the other.
        let (part, following) = rest.split_at_checked(written.len()).unwrap_or((rest, ""));
        match is_variable {
            true => pieces.push(Piece::Text(part)),
            false => pieces.extend(of_template(part)),
        }
        rest = following;
    }
    pieces
}

fn of_template(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else { break };
        let name = &rest[start + 2..start + length];
        pieces.push(Piece::Text(&rest[..start]));
        match name.strip_prefix('!') {
            Some(literal) => {
                pieces.push(Piece::Text("${"));
                pieces.push(Piece::Text(literal));
                pieces.push(Piece::Text("}"));
            }
            None => pieces.push(Piece::Variable(name.trim())),
        }
        rest = &rest[start + length + 1..];
    }
    pieces.push(Piece::Text(rest));
    pieces.retain(|piece| *piece != Piece::Text(""));
    pieces
}

/// Joins parts as far as they are known: neighbours that are become one, a secret makes its neighbours secret.
pub(super) fn joined(separator: &str, parts: Vec<Value>) -> Value {
    let mut known: Vec<Value> = Vec::with_capacity(parts.len());
    for part in parts {
        let part = match part {
            Value::Number(number) => Value::String(number.to_string()),
            Value::Bool(flag) => Value::String(flag.to_string()),
            Value::Null => Value::string(""),
            other => other,
        };
        match (known.last_mut(), part) {
            (Some(Value::String(before)), Value::String(text)) => {
                before.push_str(separator);
                before.push_str(&text);
            }
            (Some(before @ (Value::String(_) | Value::Secret(_))), part @ (Value::String(_) | Value::Secret(_))) => {
                let text =
                    format!("{}{separator}{}", before.text().unwrap_or_default(), part.text().unwrap_or_default());
                *before = Value::Secret(Secret::new(text));
            }
            (_, part) => known.push(part),
        }
    }
    match known.len() {
        0 => Value::string(""),
        1 if !matches!(known.first(), Some(Value::List(_))) && !is_list(known.first()) => {
            known.pop().unwrap_or(Value::Null)
        }
        _ => Value::Later(Expression::Join { separator: separator.to_owned(), parts: known }),
    }
}

/// Whether a later value is a list: joining it is still to be done.
fn is_list(value: Option<&Value>) -> bool {
    matches!(value, Some(Value::Later(Expression::Split { .. })))
}

fn write_json(tree: &Value, parts: &mut Vec<Value>) {
    match tree {
        Value::List(items) => {
            add_text(parts, "[");
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    add_text(parts, ",");
                }
                write_json(item, parts);
            }
            add_text(parts, "]");
        }
        Value::Map(map) => {
            add_text(parts, "{");
            for (index, (key, item)) in map.iter().enumerate() {
                if index > 0 {
                    add_text(parts, ",");
                }
                add_text(parts, &serde_json::Value::from(key.as_str()).to_string());
                add_text(parts, ":");
                write_json(item, parts);
            }
            add_text(parts, "}");
        }
        // What AWS gives as an attribute is a name, an id, an ARN or an address: nothing that JSON must escape.
        Value::Later(_) => {
            add_text(parts, "\"");
            parts.push(tree.clone());
            add_text(parts, "\"");
        }
        Value::Secret(secret) => {
            parts.push(Value::Secret(Secret::new(serde_json::Value::from(secret.reveal()).to_string())));
        }
        plain => add_text(parts, &masked(plain).to_string()),
    }
}

fn add_text(parts: &mut Vec<Value>, text: &str) {
    match parts.last_mut() {
        Some(Value::String(before)) => before.push_str(text),
        _ => parts.push(Value::string(text)),
    }
}
