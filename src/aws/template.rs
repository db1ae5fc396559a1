//! What a service compiles to before anything about an account is known: resources in CloudFormation's vocabulary,
//! intrinsics left as they are.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde_json::{Map, json};

use crate::config::secrets::Secrets;
use crate::engine::value::{Expression, MASK, Secret, Value};

/// Everything that a service compiles to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Template {
    pub service: String,
    pub stage: String,
    pub region: String,
    /// What hoist makes itself, by logical id, in the order in which the framework lists it.
    pub resources: IndexMap<String, TemplateResource>,
    /// Templates of the raw `resources:`, by stack name, which CloudFormation makes; one may have nothing but outputs.
    pub stacks: IndexMap<String, Value>,
    /// `Conditions`, `Mappings` and `Parameters` of the raw resources, which the resources here may mention too.
    pub sections: IndexMap<String, Value>,
    /// What the stacks have beside their templates, by the names of `AWS::CloudFormation::Stack`: `Parameters`, a map.
    pub stack_properties: BTreeMap<String, Value>,
    /// What the framework gives as outputs of its stack, by name: shown by `info`, read by other services.
    pub outputs: IndexMap<String, Value>,
}

/// One resource of a template.
#[derive(Clone, Debug, PartialEq)]
pub struct TemplateResource {
    /// `AWS::Lambda::Function`
    pub kind: String,
    /// A map; intrinsics are maps of one key, as in a template (`{"Ref": "Table"}`).
    pub properties: Value,
    /// Logical ids of what must exist first, beyond what the properties mention.
    pub depends_on: Vec<String>,
    /// Logical id of the resource that this one lives beneath.
    pub parent: Option<String>,
    /// Name of a condition among the raw resources: the resource is wanted only where it holds.
    pub condition: Option<String>,
    /// Further attributes of the resource that CloudFormation knows and hoist only carries (`DeletionPolicy`).
    pub attributes: BTreeMap<String, Value>,
    /// What a kind needs to know and nobody diffs.
    pub hints: BTreeMap<String, Value>,
}

impl TemplateResource {
    /// A resource with its properties and nothing else.
    pub fn new(kind: impl Into<String>, properties: Value) -> Self {
        Self {
            kind: kind.into(),
            properties,
            depends_on: Vec::new(),
            parent: None,
            condition: None,
            attributes: BTreeMap::new(),
            hints: BTreeMap::new(),
        }
    }

    /// Names the resource that this one lives beneath.
    #[must_use]
    pub fn beneath(mut self, parent: impl Into<String>) -> Self {
        self.parent = Some(parent.into());
        self
    }

    /// Adds what must exist first.
    #[must_use]
    pub fn after(mut self, logical_ids: impl IntoIterator<Item = impl Into<String>>) -> Self {
        for logical_id in logical_ids {
            let logical_id = logical_id.into();
            if !self.depends_on.contains(&logical_id) {
                self.depends_on.push(logical_id);
            }
        }
        self
    }

    /// Adds an attribute beside the properties.
    #[must_use]
    pub fn attribute(mut self, name: &str, value: Value) -> Self {
        self.attributes.insert(name.to_owned(), value);
        self
    }

    /// Adds what the kind needs to know.
    #[must_use]
    pub fn hint(mut self, name: &str, value: Value) -> Self {
        self.hints.insert(name.to_owned(), value);
        self
    }
}

/// Whether other stacks may read an output.
pub fn is_exported(output: &Value) -> bool {
    output.get("Export").is_some()
}

impl Template {
    /// The stack in which CloudFormation makes the resource of that name, with what the stack's template says of it.
    pub fn raw(&self, logical_id: &str) -> Option<(&str, &Value)> {
        self.stacks
            .iter()
            .find_map(|(stack, template)| Some((stack.as_str(), template.at(&["Resources", logical_id])?)))
    }

    /// Makes secrets of the plain properties that are nothing but a short one, or a document that holds one. Longer ones
    /// are found in every text by themselves (see [`Secrets::telling`]).
    pub fn hide(&mut self, secrets: &Secrets) {
        if !secrets.has_short_ones() {
            return;
        }
        for resource in self.resources.values_mut() {
            hide(&mut resource.properties, secrets);
        }
        self.stacks.values_mut().for_each(|stack| hide(stack, secrets));
    }

    /// The content of `.hoist/resources.json`: intrinsics as they are, secrets masked.
    pub fn to_json(&self) -> serde_json::Value {
        let mut resources = Map::new();
        for (logical_id, resource) in &self.resources {
            let mut entry = Map::new();
            entry.insert("Type".to_owned(), json!(resource.kind));
            entry.insert("Properties".to_owned(), masked(&resource.properties));
            if !resource.depends_on.is_empty() {
                entry.insert("DependsOn".to_owned(), json!(resource.depends_on));
            }
            if let Some(condition) = &resource.condition {
                entry.insert("Condition".to_owned(), json!(condition));
            }
            for (name, value) in &resource.attributes {
                entry.insert(name.clone(), masked(value));
            }
            resources.insert(logical_id.clone(), entry.into());
        }
        let stacks: Map<_, _> = self.stacks.iter().map(|(name, template)| (name.clone(), masked(template))).collect();
        json!({
            "format": 1,
            "service": self.service,
            "stage": self.stage,
            "region": self.region,
            "resources": resources,
            "stacks": stacks,
        })
    }

    /// Writes `.hoist/resources.json` beneath the service directory and gives its path. The file appears whole or not
    /// at all, and only its owner may read it. Texts that hold one of these secrets, which plain fields may, are masked.
    ///
    /// # Errors
    /// When the directory cannot be made or the file not written.
    pub fn write(&self, service_directory: &Path, secrets: &Secrets) -> io::Result<PathBuf> {
        let directory = service_directory.join(".hoist");
        std::fs::create_dir_all(&directory)?;
        let path = directory.join("resources.json");
        // A named temporary file is made with mode 0600, and keeps it when it is moved into place.
        let mut file = tempfile::NamedTempFile::new_in(&directory)?;
        let mut text = serde_json::to_vec_pretty(&secrets.telling().mask_json(&self.to_json()))?;
        text.push(b'\n');
        file.write_all(&text)?;
        file.as_file().sync_all()?;
        file.persist(&path).map_err(|failed| failed.error)?;
        Ok(path)
    }
}

fn hide(value: &mut Value, secrets: &Secrets) {
    match value {
        Value::String(text) if secrets.covers(text) => {
            *value = Value::Secret(Secret::new(std::mem::take(text)));
        }
        Value::List(items) => items.iter_mut().for_each(|item| hide(item, secrets)),
        // What an intrinsic names is no secret: it is the name of something in the file.
        Value::Map(map) if is_intrinsic(map) => {}
        Value::Map(map) => map.values_mut().for_each(|value| hide(value, secrets)),
        _ => {}
    }
}

/// The only entry of a map of one.
pub(super) fn single(map: &BTreeMap<String, Value>) -> Option<(&str, &Value)> {
    let mut entries = map.iter();
    match (entries.next(), entries.next()) {
        (Some((name, value)), None) => Some((name.as_str(), value)),
        _ => None,
    }
}

/// Whether a map is a function with its argument.
pub fn is_intrinsic(map: &BTreeMap<String, Value>) -> bool {
    single(map).is_some_and(|(name, _)| is_function(name))
}

/// Whether a key of a map of one is a function. `Condition` is one inside of conditions only: in properties it is
/// the key of a policy statement.
pub(super) fn is_function(name: &str) -> bool {
    name == "Ref" || name.starts_with("Fn::")
}

/// Every logical id that a tree of a template mentions: in `Ref`, `Fn::GetAtt`, `Fn::Sub` and `DependsOn`.
pub fn mentioned(tree: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(tree, &mut found);
    found
}

fn collect(tree: &Value, found: &mut BTreeSet<String>) {
    match tree {
        Value::List(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Map(map) => {
            for (key, value) in map {
                match (key.as_str(), value) {
                    ("Ref", Value::String(name)) => {
                        found.insert(name.clone());
                    }
                    ("Fn::GetAtt", Value::String(text)) => {
                        found.extend(text.split('.').next().map(str::to_owned));
                    }
                    ("Fn::GetAtt", Value::List(items)) => {
                        found.extend(items.first().and_then(|name| name.text()).map(str::to_owned));
                    }
                    ("Fn::Sub", Value::String(text)) => substituted(text, found),
                    ("Fn::Sub", Value::List(items)) => {
                        // What the text takes from the mapping beside it is no resource.
                        let mut named = BTreeSet::new();
                        if let Some(Value::String(text)) = items.first() {
                            substituted(text, &mut named);
                        }
                        if let Some(Value::Map(own)) = items.get(1) {
                            named.retain(|name| !own.contains_key(name));
                        }
                        found.extend(named);
                        items.iter().skip(1).for_each(|item| collect(item, found));
                    }
                    ("DependsOn", value) => found.extend(texts(value)),
                    (_, value) => collect(value, found),
                }
            }
        }
        _ => {}
    }
}

fn substituted(text: &str, found: &mut BTreeSet<String>) {
    for piece in text.split("${").skip(1) {
        if let Some((name, _)) = piece.split_once('}')
            && !name.starts_with('!')
        {
            found.extend(name.split('.').next().map(|name| name.trim().to_owned()));
        }
    }
}

/// A text, or the texts of a list: `DependsOn` takes both.
pub fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(name) => vec![name.clone()],
        Value::List(items) => items.iter().filter_map(|item| item.text().map(str::to_owned)).collect(),
        _ => Vec::new(),
    }
}

/// A property tree as JSON: secrets masked, what is known later as the intrinsic that it came from.
pub fn masked(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(flag) => json!(flag),
        Value::Number(number) => serde_json::Value::Number(number.clone()),
        Value::String(text) => json!(text),
        Value::Secret(_) => json!(MASK),
        Value::List(items) => items.iter().map(masked).collect(),
        Value::Map(map) => map.iter().map(|(key, value)| (key.clone(), masked(value))).collect::<Map<_, _>>().into(),
        Value::Later(expression) => masked_expression(expression),
    }
}

fn masked_expression(expression: &Expression) -> serde_json::Value {
    match expression {
        Expression::Attribute { logical_id, attribute } if attribute == "Ref" => json!({ "Ref": logical_id }),
        Expression::Attribute { logical_id, attribute } => json!({ "Fn::GetAtt": [logical_id, attribute] }),
        Expression::Join { separator, parts } => {
            json!({ "Fn::Join": [separator, parts.iter().map(masked).collect::<Vec<_>>()] })
        }
        Expression::Select { index, from } => json!({ "Fn::Select": [index, masked(from)] }),
        Expression::Split { separator, text } => json!({ "Fn::Split": [separator, masked(text)] }),
        Expression::Base64(text) => json!({ "Fn::Base64": masked(text) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::value::Secret;

    fn template() -> Template {
        let mut template = Template { service: "shop".into(), stage: "dev".into(), ..Template::default() };
        let properties = Value::Map(BTreeMap::from([
            ("FunctionName".to_owned(), Value::string("shop-dev-hello")),
            ("Password".to_owned(), Value::Secret(Secret::new("hunter2"))),
            ("Role".to_owned(), Value::attribute("Role", "Arn")),
        ]));
        let function = TemplateResource::new("AWS::Lambda::Function", properties).after(["HelloLogGroup"]);
        template.resources.insert("HelloLambdaFunction".to_owned(), function);
        template
    }

    #[test]
    fn the_written_file_masks_secrets_and_keeps_intrinsics() {
        let json = template().to_json();
        let function = &json["resources"]["HelloLambdaFunction"];
        assert_eq!(json["format"], 1);
        assert_eq!(function["Properties"]["Password"], MASK);
        assert_eq!(function["Properties"]["Role"], json!({ "Fn::GetAtt": ["Role", "Arn"] }));
        assert_eq!(function["DependsOn"], json!(["HelloLogGroup"]));
        assert!(!json.to_string().contains("hunter2"));
    }

    #[test]
    fn the_file_can_be_read_by_its_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = template().write(directory.path(), &Secrets::default()).unwrap();
        template().write(directory.path(), &Secrets::default()).unwrap();
        assert!(path.ends_with(".hoist/resources.json"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(std::fs::read_dir(directory.path().join(".hoist")).unwrap().count(), 1);
    }
}
