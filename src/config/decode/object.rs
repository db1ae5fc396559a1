//! One declaration per object: the typed struct, the decoder that collects every error, and the schema.

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::super::node::{Data, Entry, Node, Place};
use super::{Decoder, Schemas, nearest, or_variable};

/// Where the keys of an object stand: the value's place by key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Places(Vec<(&'static str, Place)>);

impl Places {
    /// The places of the known keys that are there, under their first spelling.
    pub fn of(map: &IndexMap<String, Entry>, shape: &Shape) -> Self {
        let mut places = Vec::with_capacity(map.len());
        for field in shape.fields {
            for key in field.keys {
                if let Some(entry) = map.get(*key) {
                    places.push((*key, entry.value.place));
                }
            }
        }
        Self(places)
    }

    /// The place of a key's value, when the key is there.
    pub fn get(&self, key: &str) -> Option<Place> {
        self.0.iter().find(|(name, _)| *name == key).map(|(_, place)| *place)
    }
}

/// What a declaration says about its object.
#[derive(Debug)]
pub struct Shape {
    pub name: &'static str,
    pub doc: &'static [&'static str],
    pub fields: &'static [FieldInfo],
    /// Accepted and without effect in hoist, with the reason.
    pub ignored: &'static [(&'static str, &'static str)],
    /// As `ignored`, but said, because the user would miss it.
    pub noted: &'static [(&'static str, &'static str)],
    /// Not accepted, with the way out.
    pub refused: &'static [(&'static str, &'static str)],
    /// Fields that are read and not built into hoist yet, with what that means for the service.
    pub unbuilt: &'static [(&'static str, &'static str)],
}

/// One key of an object.
#[derive(Debug)]
pub struct FieldInfo {
    /// The key and its older spellings.
    pub keys: &'static [&'static str],
    pub doc: &'static [&'static str],
}

impl Shape {
    /// Every key that the object may have.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        let others = [self.ignored, self.noted, self.refused];
        self.fields
            .iter()
            .flat_map(|field| field.keys.iter().copied())
            .chain(others.into_iter().flatten().map(|(key, _)| *key))
    }
}

impl Decoder {
    /// Reports keys that the object does not have, are refused, or have no effect that the user would expect.
    pub fn check_keys(&mut self, map: &IndexMap<String, Entry>, shape: &Shape) {
        for (key, entry) in map {
            if let Some((_, what)) = shape.unbuilt.iter().find(|(name, _)| name == key)
                && !matches!(entry.value.data, Data::Null | Data::Bool(false))
            {
                let at_key = Node::new(Data::Null, entry.key_place);
                let diagnostic = self
                    .within(key, |cx| cx.warning("unbuilt-key", &at_key, format!("is not built into hoist: {what}")))
                    .help("the rest of the file is deployed; check whether the service works without it");
                self.report(diagnostic);
            }
            let at_key = Node::new(Data::Null, entry.key_place);
            if let Some((_, reason)) = shape.noted.iter().find(|(name, _)| name == key) {
                let diagnostic =
                    self.within(key, |cx| cx.warning("ignored-key", &at_key, format!("has no effect: {reason}")));
                self.report(diagnostic);
                continue;
            }
            if shape.fields.iter().any(|field| field.keys.contains(&key.as_str()))
                || shape.ignored.iter().any(|(name, _)| name == key)
            {
                continue;
            }
            // `null` is as good as absent, as in the framework: files in JavaScript write `vpc: subnets ? {..} : null`.
            if matches!(entry.value.data, Data::Null) {
                continue;
            }
            if let Some((_, way_out)) = shape.refused.iter().find(|(name, _)| name == key) {
                let diagnostic =
                    self.within(key, |cx| cx.error("refused-key", &at_key, "is not supported by hoist")).help(*way_out);
                self.report(diagnostic);
            } else {
                self.unknown_key(key, &at_key, &shape.keys().collect::<Vec<_>>());
            }
        }
    }

    /// Reports one unknown key, with the nearest that exists.
    pub fn unknown_key(&mut self, key: &str, at_key: &Node, known: &[&'static str]) {
        let mut diagnostic = self.within(key, |cx| cx.error("unknown-key", at_key, "unknown key"));
        diagnostic = match nearest(key, known.iter().copied()) {
            Some(meant) => diagnostic.label(format!("did you mean `{meant}`?")).help(format!("write `{meant}`")),
            None => {
                let mut names = known.to_vec();
                names.sort_unstable();
                if names.len() <= 16 {
                    diagnostic.help(format!("known keys here: {}", names.join(", ")))
                } else {
                    diagnostic
                }
            }
        };
        self.report(diagnostic);
    }
}

/// The schema of an object from what its declaration says and the schemas of its fields.
pub fn object_schema(shape: &Shape, properties: Vec<(&FieldInfo, Value, Option<Value>)>, required: Vec<&str>) -> Value {
    let mut all = Map::new();
    for (field, schema, default) in properties {
        for (index, key) in field.keys.iter().enumerate() {
            let mut property = match or_variable(schema.clone()) {
                // `$ref` with siblings is fine since 2019-09, but older editors drop them.
                Value::Object(map) if map.contains_key("$ref") => {
                    let mut wrapped = Map::new();
                    wrapped.insert("anyOf".to_owned(), json!([Value::Object(map)]));
                    wrapped
                }
                Value::Object(map) => map,
                _ => Map::new(),
            };
            let mut doc = prose(field.doc);
            if index > 0 {
                doc = format!("Older spelling of `{}`. {doc}", field.keys[0]);
                property.insert("deprecated".to_owned(), json!(true));
            }
            if let Some((_, what)) = shape.unbuilt.iter().find(|(name, _)| field.keys.contains(name)) {
                doc = format!("{doc} Not built into hoist yet: {what}.");
            }
            if let Some((_, reason)) = shape.noted.iter().find(|(name, _)| field.keys.contains(name)) {
                doc = format!("{doc} Accepted without effect: {reason}.");
            }
            if !doc.is_empty() {
                property.insert("description".to_owned(), json!(doc));
            }
            if let Some(default) = &default {
                property.insert("default".to_owned(), default.clone());
            }
            all.insert((*key).to_owned(), Value::Object(property));
        }
    }
    for (key, reason) in shape.ignored.iter().chain(shape.noted) {
        let description = || json!({"description": format!("Accepted without effect: {reason}.")});
        all.entry(*key).or_insert_with(description);
    }
    let mut schema = json!({
        "type": "object",
        "description": prose(shape.doc),
        "properties": all,
        "additionalProperties": false
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// Doc comment lines as one text.
pub fn prose(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ").trim().to_owned()
}

/// Gives the schema of a field type; a free function so that the macro names it once.
pub fn field_schema<T: super::Decode>(schemas: &mut Schemas) -> (Value, bool) {
    (T::schema(schemas), T::absent().is_none())
}

/// Declares an object of the language: its typed struct, decoder and schema piece.
///
/// ```text
/// object! {
///     /// What the object is.
///     pub struct Vpc {
///         /// What the key does.
///         subnet_ids "subnetIds": CfList,
///         /// A key with an older spelling and a default.
///         kms_key "kmsKeyArn" | "awsKmsKeyArn" = "none": Option<Cf>,
///     }
///     ignored { "frameworkVersion": "hoist reads the files of every version" }
///     noted { "stackPolicy": "no stack holds the functions" }
///     refused { "x": "write y instead" }
///     unbuilt { "subnetIds": "functions stay outside" }
/// }
/// ```
macro_rules! object {
    (
        $(#[doc = $doc:literal])*
        pub struct $name:ident {
            $(
                $(#[doc = $fdoc:literal])*
                $field:ident $key:literal $(| $alias:literal)* $(= $default:literal)? : $ty:ty
            ),* $(,)?
        }
        $(ignored { $($ikey:literal : $ireason:literal),* $(,)? })?
        $(noted { $($nkey:literal : $nreason:literal),* $(,)? })?
        $(refused { $($rkey:literal : $rreason:literal),* $(,)? })?
        $(unbuilt { $($ukey:literal : $ureason:literal),* $(,)? })?
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug)]
        pub struct $name {
            $(
                $(#[doc = $fdoc])*
                pub $field: $ty,
            )*
            /// Where the object stands.
            pub place: $crate::config::node::Place,
            /// Where its keys' values stand.
            pub places: $crate::config::decode::Places,
        }

        impl $name {
            /// What the declaration says: keys, descriptions, what has no effect.
            pub const SHAPE: $crate::config::decode::Shape = $crate::config::decode::Shape {
                name: stringify!($name),
                doc: &[$($doc),*],
                fields: &[$(
                    $crate::config::decode::FieldInfo { keys: &[$key $(, $alias)*], doc: &[$($fdoc),*] },
                )*],
                ignored: &[$($(($ikey, $ireason)),*)?],
                noted: &[$($(($nkey, $nreason)),*)?],
                refused: &[$($(($rkey, $rreason)),*)?],
                unbuilt: &[$($(($ukey, $ureason)),*)?],
            };

            /// The place of a key's value; that of the object when the key is not there.
            pub fn place_of(&self, key: &str) -> $crate::config::node::Place {
                self.places.get(key).unwrap_or(self.place)
            }
        }

        impl $crate::config::decode::Decode for $name {
            fn decode(
                node: &$crate::config::node::Node,
                cx: &mut $crate::config::decode::Decoder,
            ) -> Option<Self> {
                let map = cx.mapping(node, <Self as $crate::config::decode::Decode>::expects)?;
                cx.check_keys(map, &Self::SHAPE);
                $( let $field = cx.field::<$ty>(map, &[$key $(, $alias)*], node); )*
                Some(Self {
                    $( $field: $field?, )*
                    place: node.place,
                    places: $crate::config::decode::Places::of(map, &Self::SHAPE),
                })
            }

            fn fits(node: &$crate::config::node::Node) -> bool {
                matches!(node.data, $crate::config::node::Data::Map(_))
                    && $crate::config::decode::intrinsic(node).is_none()
            }

            fn expects() -> String {
                $crate::config::decode::expects_object(&Self::SHAPE)
            }

            fn schema(schemas: &mut $crate::config::decode::Schemas) -> serde_json::Value {
                schemas.named(stringify!($name), |schemas| {
                    let mut properties = Vec::new();
                    let mut required = Vec::new();
                    let mut fields = Self::SHAPE.fields.iter();
                    $(
                        let (schema, needed) = $crate::config::decode::field_schema::<$ty>(schemas);
                        let default: Option<serde_json::Value> = [$(serde_json::json!($default))?].into_iter().next();
                        if let Some(field) = fields.next() {
                            properties.push((field, schema, default));
                        }
                        if needed {
                            required.push($key);
                        }
                    )*
                    $crate::config::decode::object_schema(&Self::SHAPE, properties, required)
                })
            }
        }
    };
}
pub(crate) use object;

/// Names an object by its first keys: `a mapping (`path`, `method`, …)`.
pub fn expects_object(shape: &Shape) -> String {
    let mut keys: Vec<String> =
        shape.fields.iter().filter_map(|field| field.keys.first()).take(3).map(|key| format!("`{key}`")).collect();
    if shape.fields.len() > 3 {
        keys.push("…".to_owned());
    }
    format!("a mapping ({})", keys.join(", "))
}
