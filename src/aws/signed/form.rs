//! Parameters of the query protocol: a tree as the pairs of an HTML form.
//! <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>

use serde_json::Value as Json;

use super::segment;

/// The body of a request. Lists are numbered from 1 (`Names.member.1`), what is null is left out.
pub fn form(action: &str, version: &str, parameters: &Json) -> String {
    let mut pairs = vec![("Action".to_owned(), action.to_owned()), ("Version".to_owned(), version.to_owned())];
    flatten("", parameters, &mut pairs);
    let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("{}={}", segment(key), segment(value))).collect();
    pairs.join("&")
}

fn flatten(path: &str, value: &Json, pairs: &mut Vec<(String, String)>) {
    match value {
        Json::Null => {}
        Json::Object(members) => {
            for (name, value) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(&path, value, pairs);
            }
        }
        // An empty list is sent by its name alone: it takes away what was there.
        Json::Array(items) if items.is_empty() => pairs.push((path.to_owned(), String::new())),
        Json::Array(items) => {
            for (item, number) in items.iter().zip(1..) {
                flatten(&format!("{path}.member.{number}"), item, pairs);
            }
        }
        Json::String(text) => pairs.push((path.to_owned(), text.clone())),
        plain => pairs.push((path.to_owned(), plain.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_tree_is_flattened() {
        let parameters = json!({
            "Name": "a b",
            "Conditions": [{ "Field": "path-pattern", "Values": ["/x*"] }],
            "Port": 80,
            "Enabled": true,
            "Tags": [],
            "None": null,
        });
        let expected = "Action=CreateRule&Version=2015-12-01&Name=a%20b&Conditions.member.1.Field=path-pattern\
            &Conditions.member.1.Values.member.1=%2Fx%2A&Port=80&Enabled=true&Tags=";
        assert_eq!(form("CreateRule", "2015-12-01", &parameters), expected);
    }
}
