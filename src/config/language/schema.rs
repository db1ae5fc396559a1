//! The JSON Schema of `serverless.yml`, from the same declarations as structs and decoder.

use serde_json::{Value, json};

use super::super::decode::{Decode, Schemas};
use super::service::Service;

/// The schema as it is published in `schemas/serverless.schema.json`, and printed by `hoist schema`.
/// Draft 7, which every editor reads.
pub fn schema() -> Value {
    let mut schemas = Schemas::default();
    let root = Service::schema(&mut schemas);
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "urn:hoist:serverless.schema.json",
        "title": "serverless.yml, as hoist reads it",
        "allOf": [root],
        "definitions": schemas.finish()
    })
}

/// The schema as text, with a line break at its end.
pub fn schema_text() -> String {
    // A `Value` without non-string keys always serialises.
    let mut text = serde_json::to_string_pretty(&schema()).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_schema_is_that_of_the_code() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/serverless.schema.json");
        let text = schema_text();
        if std::env::var_os("HOIST_BLESS").is_some() {
            std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas")).expect("schemas/ can be made");
            std::fs::write(path, &text).expect("the schema can be written");
        }
        let published = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            published == text,
            "schemas/serverless.schema.json is out of date: run `HOIST_BLESS=1 cargo test --lib schema`"
        );
    }

    /// Every definition that is referred to is there.
    #[test]
    fn references_lead_somewhere() {
        fn collect<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
            match value {
                Value::Object(map) => {
                    if let Some(Value::String(reference)) = map.get("$ref") {
                        found.push(reference);
                    }
                    map.values().for_each(|value| collect(value, found));
                }
                Value::Array(items) => items.iter().for_each(|value| collect(value, found)),
                _ => {}
            }
        }
        let schema = schema();
        let mut references = Vec::new();
        collect(&schema, &mut references);
        assert!(references.len() > 100);
        for reference in references {
            let name = reference.strip_prefix("#/definitions/").expect("a local reference");
            assert!(schema["definitions"].get(name).is_some_and(Value::is_object), "{name}");
        }
    }

    /// Two objects of one name would share a definition.
    #[test]
    fn every_object_has_a_name_of_its_own() {
        fn walk(folder: &std::path::Path, names: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).expect("sources can be listed").flatten() {
                if entry.path().is_dir() {
                    walk(&entry.path(), names);
                    continue;
                }
                let text = std::fs::read_to_string(entry.path()).expect("sources can be read");
                let objects = text.split("\nobject! {").skip(1);
                names.extend(objects.filter_map(|object| {
                    let name = object.split("pub struct ").nth(1)?;
                    Some(name.split(' ').next()?.to_owned())
                }));
            }
        }
        let mut names = Vec::new();
        walk(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/config/language")), &mut names);
        assert!(names.len() > 90, "{}", names.len());
        names.sort();
        let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
        assert!(twice.is_empty(), "{twice:?}");
    }

    #[test]
    fn every_key_is_described() {
        let schema = schema();
        for (name, definition) in schema["definitions"].as_object().expect("definitions") {
            for (key, property) in definition["properties"].as_object().into_iter().flatten() {
                // The keys of IAM statements are IAM's.
                let described = property["description"].as_str().is_some_and(|text| !text.is_empty());
                assert!(described || name == "Statement", "{name}.{key}");
            }
        }
    }

    #[test]
    fn says_descriptions_defaults_and_limits() {
        let schema = schema();
        let memory = &schema["definitions"]["Function"]["properties"]["memorySize"];
        assert_eq!(memory["default"], json!(1024));
        assert_eq!(memory["anyOf"][0]["minimum"], json!(128));
        assert!(memory["description"].as_str().is_some_and(|text| text.contains("Memory in MB")));
    }
}
