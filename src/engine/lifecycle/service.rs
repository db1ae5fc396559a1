//! A small service, what it wants, and what must be live when it was deployed.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

use crate::engine::address::Address;
use crate::engine::diff::from_json;
use crate::engine::evaluate::evaluate;
use crate::engine::fingerprint::{Left, fingerprint};
use crate::engine::memory::{Owner, Thing, World, object};
use crate::engine::resource::{Desired, DesiredState};
use crate::engine::value::{Expression, Secret, Value};

pub const SECRET: &str = "hunter2";

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Service {
    pub functions: BTreeMap<u8, Function>,
    pub queues: BTreeMap<u8, u8>,
    pub apis: BTreeMap<u8, bool>,
    pub policy: u8,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Function {
    pub name: u8,
    /// Cannot be changed.
    pub image: bool,
    pub memory: Option<u16>,
    pub env: BTreeMap<u8, Env>,
    pub secrets: BTreeMap<u8, u8>,
    pub layers: Vec<u8>,
    pub permissions: BTreeMap<u8, u8>,
    pub mapping: Option<u8>,
    pub version: bool,
    /// Points at the version.
    pub alias: bool,
    pub log: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Env {
    Plain(u8),
    QueueUrl(u8),
    ApiRef(u8),
}

pub fn any_service() -> impl Strategy<Value = Service> {
    let functions = prop::collection::btree_map(0..4u8, any_function(), 0..4);
    let queues = prop::collection::btree_map(0..3u8, 0..2u8, 0..3);
    let apis = prop::collection::btree_map(0..2u8, any::<bool>(), 0..2);
    (functions, queues, apis, 0..3u8)
        .prop_map(|(functions, queues, apis, policy)| Service { functions, queues, apis, policy }.closed())
}

fn any_function() -> impl Strategy<Value = Function> {
    let env =
        prop_oneof![(0..3u8).prop_map(Env::Plain), (0..3u8).prop_map(Env::QueueUrl), (0..2u8).prop_map(Env::ApiRef)];
    (
        prop_oneof![4 => Just(0u8), 1 => 1..3u8],
        prop::bool::weighted(0.3),
        prop::option::of(prop_oneof![Just(128u16), Just(256), Just(1024)]),
        prop::collection::btree_map(0..4u8, env, 0..4),
        prop::collection::btree_map(0..3u8, 0..3u8, 0..3),
        prop::collection::vec(0..3u8, 0..3),
        prop::collection::btree_map(0..3u8, 0..2u8, 0..3),
        prop::option::of(0..3u8),
        any::<(bool, bool, bool)>(),
    )
        .prop_map(|(name, image, memory, env, secrets, layers, permissions, mapping, (version, alias, log))| {
            Function {
                name,
                image,
                memory,
                env,
                secrets,
                layers,
                permissions,
                mapping,
                version,
                alias: alias && version,
                log,
            }
        })
}

impl Service {
    /// Everything that it refers to is in it.
    pub fn closed(mut self) -> Self {
        for function in self.functions.values() {
            for env in function.env.values() {
                match env {
                    Env::QueueUrl(queue) => drop(self.queues.entry(*queue).or_insert(0)),
                    Env::ApiRef(api) => drop(self.apis.entry(*api).or_insert(false)),
                    Env::Plain(_) => {}
                }
            }
            if let Some(queue) = function.mapping {
                self.queues.entry(queue).or_insert(0);
            }
            if !function.permissions.is_empty() {
                self.apis.entry(0).or_insert(false);
            }
        }
        self
    }

    /// With the same beneath each function that both have: fingerprints stay as they are.
    pub fn with_children_of(mut self, other: &Self) -> Self {
        for (number, function) in &mut self.functions {
            if let Some(other) = other.functions.get(number) {
                let Function { permissions, mapping, version, alias, .. } = other.clone();
                *function = Function { permissions, mapping, version, alias, ..function.clone() };
            }
        }
        self.closed()
    }

    /// As the compiler would give it.
    pub fn desired(&self) -> DesiredState {
        let mut resources = Vec::new();
        for (&number, function) in &self.functions {
            let id = format!("F{number}");
            let children = beneath(&id, function);
            let fingerprint = fingerprint(&children, |child| match child.address.kind.as_str() {
                "Mem::Mapping" => Left::Itself,
                _ => Left::Nothing,
            });
            resources.push(Desired {
                fingerprint: Some(fingerprint.clone()),
                ..resource("Mem::Function", &id, properties(number, function, &fingerprint))
            });
            resources.extend(children);
            if function.log {
                let name = Value::Later(Expression::Join {
                    separator: String::new(),
                    parts: vec![Value::string("/log/"), Value::attribute(&id, "Ref")],
                });
                let name = Value::Map(BTreeMap::from([("Name".to_owned(), name)]));
                resources.push(resource("Mem::Log", &format!("F{number}Log"), name));
            }
        }
        if !self.functions.is_empty() {
            let policy = json!({"Name": "role", "Policy": format!("{{\"level\": [{}]}}", self.policy)});
            resources.push(resource("Mem::Role", "Role", from_json(policy)));
        }
        for (number, delay) in &self.queues {
            let queue = json!({"Name": format!("queue{number}"), "Delay": delay});
            resources.push(resource("Mem::Queue", &format!("Q{number}"), from_json(queue)));
        }
        for (number, http) in &self.apis {
            let api = json!({"Protocol": if *http { "HTTP" } else { "REST" }});
            resources.push(resource("Mem::Api", &format!("A{number}"), from_json(api)));
        }
        DesiredState { resources }
    }

    /// Says how what is live differs from what must be.
    pub fn check(&self, world: &World) -> Result<(), String> {
        let ours = world.ours();
        let by_id = |id: &str| -> Vec<&Thing> {
            let has = |thing: &&Thing| matches!(&thing.owner, Owner::Service { id: owner, .. } if owner == id);
            ours.iter().filter(has).collect()
        };
        let attribute = |id: &str, attribute: &str| {
            let candidates = by_id(id);
            // Of versions, the one that its function is now.
            let is_current = |thing: &&&Thing| {
                let function = ours.iter().find(|other| Some(&other.physical_id) == thing.parent.as_ref());
                let memory = |thing: &Thing| thing.properties.get("Memory").cloned().unwrap_or(json!(1024));
                thing.kind != "Mem::Version" || function.is_some_and(|function| memory(function) == memory(thing))
            };
            let thing = *candidates.iter().find(is_current)?;
            if attribute == "Memory" {
                return Some(from_json(thing.properties.get("Memory").cloned().unwrap_or(json!(1024))));
            }
            Some(Value::String(match attribute {
                "Arn" => thing.arn(),
                "Url" => format!("https://queues/{}", thing.physical_id),
                _ => thing.physical_id.clone(),
            }))
        };
        let desired = self.desired().resources;
        for resource in &desired {
            let id = &resource.address.logical_id;
            let mut wanted = object(&evaluate(&resource.properties, &attribute));
            let mut there = by_id(id);
            if resource.address.kind == "Mem::Version" {
                // Older ones stay.
                there.retain(|thing| thing.properties == wanted);
            }
            let [thing] = there[..] else { return Err(format!("{id} is there {} times", there.len())) };
            if thing.kind == "Mem::Function" {
                wanted.entry("Memory").or_insert(json!(1024));
                wanted.remove("Code");
            }
            let is = in_order(&thing.properties);
            let wanted = in_order(&wanted);
            if thing.kind != resource.address.kind || is != wanted {
                return Err(format!("{id} is {is:?} and not {wanted:?}"));
            }
            if thing.parent
                != resource.parent.as_ref().and_then(|parent| Some(by_id(parent).first()?.physical_id.clone()))
            {
                return Err(format!("{id} is beneath {:?}", thing.parent));
            }
        }
        let known = |thing: &&Thing| {
            desired
                .iter()
                .any(|resource| matches!(&thing.owner, Owner::Service { id, .. } if *id == resource.address.logical_id))
        };
        match ours.iter().filter(|thing| thing.kind != "Mem::Version").find(|thing| !known(thing)) {
            Some(left) => Err(format!("{} {} was left over", left.kind, left.physical_id)),
            None => Ok(()),
        }
    }
}

fn resource(kind: &str, id: &str, properties: Value) -> Desired {
    Desired {
        address: Address::new(kind, id),
        properties,
        depends_on: Vec::new(),
        parent: None,
        fingerprint: None,
        hints: BTreeMap::new(),
    }
}

fn properties(number: u8, function: &Function, fingerprint: &str) -> Value {
    let mut map = BTreeMap::from([
        ("Name".to_owned(), Value::String(format!("f{number}-{}", function.name))),
        ("Role".to_owned(), Value::attribute("Role", "Arn")),
        ("Type".to_owned(), Value::string(if function.image { "Image" } else { "Zip" })),
        ("Tags".to_owned(), from_json(json!({"applied": fingerprint}))),
    ]);
    if let Some(memory) = function.memory {
        map.insert("Memory".to_owned(), Value::Number(memory.into()));
    }
    if !function.layers.is_empty() {
        map.insert("Layers".to_owned(), from_json(json!(function.layers)));
    }
    let env = function.env.iter().map(|(key, env)| {
        let value = match env {
            Env::Plain(value) => Value::String(format!("plain{value}")),
            Env::QueueUrl(queue) => Value::attribute(format!("Q{queue}"), "Url"),
            Env::ApiRef(api) => Value::attribute(format!("A{api}"), "Ref"),
        };
        (format!("E{key}"), value)
    });
    map.insert("Env".to_owned(), Value::Map(env.collect()));
    let secrets = function.secrets.iter().map(|(key, value)| {
        // Zero is one that the file has in the clear.
        let text = format!("{SECRET}-{value}");
        (format!("S{key}"), Value::Secret(Secret::new(text)))
    });
    map.insert("Secrets".to_owned(), Value::Map(secrets.collect()));
    map.retain(|_, value| !matches!(value, Value::Map(inner) if inner.is_empty()));
    Value::Map(map)
}

fn beneath(id: &str, function: &Function) -> Vec<Desired> {
    let child = |kind: &str, suffix: String, more: Vec<(&str, Value)>| {
        let mut map = BTreeMap::from([("FunctionName".to_owned(), Value::attribute(id, "Ref"))]);
        map.extend(more.into_iter().map(|(key, value)| (key.to_owned(), value)));
        Desired { parent: Some(id.to_owned()), ..resource(kind, &format!("{id}{suffix}"), Value::Map(map)) }
    };
    let mut children = Vec::new();
    for (sid, action) in &function.permissions {
        let source = Value::Later(Expression::Join {
            separator: ":".to_owned(),
            parts: vec![Value::string("arn"), Value::attribute("A0", "Ref"), Value::Number((*action).into())],
        });
        let more = vec![("Sid", Value::String(format!("sid{sid}"))), ("Action", source)];
        children.push(child("Mem::Permission", format!("Permission{sid}"), more));
    }
    if let Some(queue) = function.mapping {
        children.push(child(
            "Mem::Mapping",
            "Mapping".to_owned(),
            vec![("Source", Value::attribute(format!("Q{queue}"), "Arn"))],
        ));
    }
    if function.version {
        // What the function is at the time, as the real ones are.
        children.push(child("Mem::Version", "Version".to_owned(), vec![("Memory", Value::attribute(id, "Memory"))]));
    }
    if function.alias {
        let version = Value::attribute(format!("{id}Version"), "Ref");
        let more = vec![("Name", Value::string("live")), ("Version", version)];
        children.push(child("Mem::Alias", "Alias".to_owned(), more));
    }
    children
}

/// Lists without an order of their own, and without what says nothing.
fn in_order(properties: &Map<String, Json>) -> BTreeMap<String, Json> {
    let sorted = |value: &Json| match value {
        Json::Array(items) => {
            let mut items = items.clone();
            items.sort_by_key(ToString::to_string);
            Json::Array(items)
        }
        other => other.clone(),
    };
    let empty = |value: &Json| value.as_object().is_some_and(Map::is_empty);
    properties.iter().filter(|(_, value)| !empty(value)).map(|(key, value)| (key.clone(), sorted(value))).collect()
}
