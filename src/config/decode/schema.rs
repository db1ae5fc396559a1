//! Collects the JSON Schema that the declarations give.

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

/// The named pieces of a schema under construction.
#[derive(Debug, Default)]
pub struct Schemas {
    definitions: IndexMap<&'static str, Value>,
}

impl Schemas {
    /// A reference to a named piece, built on first need. Names that refer to themselves end here too.
    pub fn named(&mut self, name: &'static str, build: impl FnOnce(&mut Self) -> Value) -> Value {
        if !self.definitions.contains_key(name) {
            self.definitions.insert(name, Value::Null);
            let schema = build(self);
            self.definitions.insert(name, schema);
        }
        json!({"$ref": format!("#/definitions/{name}")})
    }

    /// A CloudFormation function: one key, `Ref`, `Condition` or `Fn::…`.
    pub fn intrinsic(&mut self) -> Value {
        self.named("Intrinsic", |_| {
            json!({
                "description": "A CloudFormation function: `{Ref: LogicalId}`, `{Fn::GetAtt: [..]}`, or its short form.",
                "type": "object",
                "minProperties": 1,
                "maxProperties": 1,
                "patternProperties": {"^(Ref|Condition|Fn::[A-Za-z:]+)$": {}},
                "additionalProperties": false
            })
        })
    }

    /// All pieces, sorted by name, with the one that every value may be: a variable.
    pub fn finish(mut self) -> Map<String, Value> {
        self.definitions.insert(
            "Variable",
            json!({"description": "A variable: `${source:address}`.", "type": "string", "pattern": "\\$\\{.+\\}"}),
        );
        self.definitions.sort_keys();
        self.definitions.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
    }
}

/// Lets a variable stand in for a value, as an editor sees the file before variables are resolved.
pub fn or_variable(schema: Value) -> Value {
    let variable = json!({"$ref": "#/definitions/Variable"});
    match schema {
        Value::Object(map) if map.is_empty() => Value::Object(map),
        Value::Object(map) if map.len() == 1 && map.get("type") == Some(&json!("string")) => Value::Object(map),
        Value::Object(mut map) if map.len() == 1 && map.contains_key("anyOf") => {
            if let Some(Value::Array(forms)) = map.get_mut("anyOf")
                && !forms.contains(&variable)
            {
                forms.push(variable);
            }
            Value::Object(map)
        }
        other => json!({"anyOf": [other, variable]}),
    }
}
