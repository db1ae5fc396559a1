//! The reference of every key, `docs/configuration.md`, from the same declarations as the schema.

use serde_json::{Map, Value};

use super::schema;

/// The page.
pub fn page() -> String {
    let schema = schema::schema();
    let empty = Map::new();
    let definitions = schema["definitions"].as_object().unwrap_or(&empty);
    let mut page = String::from(
        "# Every key of serverless.yml\n\nNames and defaults are those of the Serverless Framework. Every value may be a variable (`${source:address}`);\nwhere *CloudFormation function* is allowed, `!Ref`, `!GetAtt`, `!Sub` and the others may stand.\n\nEditors complete and check the file with the schema in `schemas/serverless.schema.json` (also printed by\n`hoist schema`): write this as the first line, with the path of the schema, for the YAML language server.\n\n```yaml\n# yaml-language-server: $schema=./serverless.schema.json\n```\n\nThis page is made from the declarations in `src/config/language/`.\n",
    );
    for name in order(definitions) {
        if let Some(definition) = definitions.get(name).filter(|definition| definition["properties"].is_object()) {
            section(name, definition, &mut page);
        }
    }
    page
}

/// The objects from the top of the file downwards, in the order in which they are first needed.
fn order(definitions: &Map<String, Value>) -> Vec<&str> {
    let mut found = vec!["Service"];
    let mut next = 0;
    while let Some(name) = found.get(next).copied() {
        next += 1;
        if let Some(definition) = definitions.get(name) {
            references(definition, &mut found);
        }
    }
    found
}

fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(map) => {
            if let Some(name) = map.get("$ref").and_then(Value::as_str).and_then(|text| text.rsplit('/').next())
                && !found.contains(&name)
            {
                found.push(name);
            }
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

fn section(name: &str, definition: &Value, page: &mut String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    page.push_str(&format!("\n## {name}\n\n{}\n\n", text(&definition["description"])));
    page.push_str("| key | value | default | |\n| --- | --- | --- | --- |\n");
    let required: Vec<&str> =
        definition["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (key, property) in definition["properties"].as_object().into_iter().flatten() {
        let default = match &property["default"] {
            Value::Null if required.contains(&key.as_str()) => "required".to_owned(),
            Value::Null => String::new(),
            Value::String(default) => format!("`{default}`"),
            default => format!("`{default}`"),
        };
        let description = text(&property["description"]).replace('|', "\\|");
        page.push_str(&format!("| `{key}` | {} | {default} | {description} |\n", kind(property).replace('|', "\\|")));
    }
}

/// What a value may be, in a few words.
fn kind(schema: &Value) -> String {
    if let Some(forms) = schema["anyOf"].as_array() {
        let mut words: Vec<String> = Vec::new();
        for form in forms.iter().filter(|form| form["$ref"] != "#/definitions/Variable") {
            let word = kind(form);
            if !word.is_empty() && !words.contains(&word) {
                words.push(word);
            }
        }
        // Every list takes a single value, too: not worth saying each time.
        let lists: Vec<String> =
            words.iter().filter_map(|word| word.strip_prefix("list of ").map(str::to_owned)).collect();
        words.retain(|word| !lists.iter().any(|list| list.split(" or ").any(|item| item == word)));
        return words.join(" or ");
    }
    if let Some(name) = schema["$ref"].as_str().and_then(|text| text.rsplit('/').next()) {
        return match name {
            "Intrinsic" => "CloudFormation function".to_owned(),
            "Environment" => "names and values".to_owned(),
            "Event" => "[event](#event)".to_owned(),
            "Statement" => "IAM statement".to_owned(),
            _ => format!("[{name}](#{})", name.to_lowercase()),
        };
    }
    if let Some(words) = schema["enum"].as_array() {
        return words
            .iter()
            .map(|word| format!("`{}`", word.as_str().map_or(word.to_string(), str::to_owned)))
            .collect::<Vec<_>>()
            .join(", ");
    }
    if let Some(word) = schema.get("const") {
        return format!("`{}`", word.as_str().map_or(word.to_string(), str::to_owned));
    }
    match schema["type"].as_str() {
        Some("array") => format!("list of {}", kind(&schema["items"])),
        Some("object") => {
            let values = match schema["patternProperties"].as_object().and_then(|map| map.values().next()) {
                Some(values) => kind(values),
                None => kind(&schema["additionalProperties"]),
            };
            if values.is_empty() || values == "any" { "mapping".to_owned() } else { format!("mapping to {values}") }
        }
        Some("integer") => match (schema["minimum"].as_i64(), schema["maximum"].as_i64()) {
            (Some(min), Some(max)) => format!("{min} to {max}"),
            (Some(min), None) => format!("at least {min}"),
            _ => "whole number".to_owned(),
        },
        Some("null") => "`null`".to_owned(),
        Some(other) => other.to_owned(),
        None if schema["type"].is_array() => "string".to_owned(),
        None => "any".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_lists_what_the_code_has() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");
        if std::env::var_os("HOIST_BLESS").is_some() {
            std::fs::write(path, page()).expect("the page can be written");
        }
        let published = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            published == page(),
            "docs/configuration.md is out of date: run `HOIST_BLESS=1 cargo test --lib reference`"
        );
    }

    #[test]
    fn says_values_and_defaults() {
        let page = page();
        for line in [
            "| `memorySize` | 128 to 32768 or CloudFormation function | `1024` |",
            "| `cors` | boolean or [Cors](#cors) |",
            "| `disabledDeprecations` | any |  | Accepted without effect:",
        ] {
            assert!(page.contains(line), "{line}");
        }
    }
}
