//! The outer form of `resources`: sections, logical ids, and the keys of a resource. What is inside belongs to
//! CloudFormation.

use indexmap::IndexMap;

use super::Checked;
use crate::config::decode::{describe, nearest};
use crate::config::diagnostic::{Diagnostic, left_out};
use crate::config::node::{Data, Entry, Node};

/// Sections of a template: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html>;
/// `extensions` is the framework's.
const SECTIONS: [&str; 12] = [
    "AWSTemplateFormatVersion",
    "Conditions",
    "Description",
    "Hooks",
    "Mappings",
    "Metadata",
    "Outputs",
    "Parameters",
    "Resources",
    "Rules",
    "Transform",
    "extensions",
];

/// Sections that are texts, or a text or a list; all others are mappings.
const TEXTS: [&str; 3] = ["AWSTemplateFormatVersion", "Description", "Transform"];

/// Keys of a resource: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resources-section-structure.html>.
const RESOURCE: [&str; 9] = [
    "Type",
    "Properties",
    "Condition",
    "CreationPolicy",
    "DeletionPolicy",
    "DependsOn",
    "Metadata",
    "UpdatePolicy",
    "UpdateReplacePolicy",
];

pub(super) fn check(checked: &Checked<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let Some(resources) = &checked.service.resources else { return };
    match &resources.data {
        Data::List(parts) => {
            for (index, part) in parts.iter().enumerate() {
                sections(part, &format!("resources[{index}]"), diagnostics);
            }
        }
        _ => sections(resources, "resources", diagnostics),
    }
}

fn sections(node: &Node, path: &str, diagnostics: &mut Vec<Diagnostic>) {
    let Some(map) = mapping(node, path, "a mapping (`Resources`, `Outputs`, …)", diagnostics) else { return };
    for (name, entry) in map {
        let path = format!("{path}.{name}");
        // `Fn::Transform` takes in a whole section.
        if !SECTIONS.contains(&name.as_str()) && !name.starts_with("Fn::") {
            diagnostics.push(unknown(&path, name, entry, &SECTIONS, looks_like_resource(entry)));
        }
        if TEXTS.contains(&name.as_str()) || !SECTIONS.contains(&name.as_str()) {
            continue;
        }
        let section = mapping(&entry.value, &path, "a mapping", diagnostics);
        if let Some(section) = section.filter(|_| name == "Resources" || name == "extensions") {
            each_resource(section, &path, diagnostics);
        }
    }
}

/// The entries of a mapping. Anything else is wrong, or left out where only an account knows it.
fn mapping<'n>(
    node: &'n Node,
    path: &str,
    expected: &str,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<&'n IndexMap<String, Entry>> {
    let diagnostic = match &node.data {
        Data::Map(map) => return Some(map),
        Data::Null => return None,
        Data::Deferred(variable) => Diagnostic::warning("needs-account", format!("{path}: {}", left_out(variable))),
        _ => Diagnostic::error("wrong-type", format!("{path}: expected {expected}, found {}", describe(node))),
    };
    diagnostics.push(diagnostic.path(path).at(node.place));
    None
}

fn each_resource(map: &IndexMap<String, Entry>, path: &str, diagnostics: &mut Vec<Diagnostic>) {
    for (id, entry) in map {
        if id.starts_with("Fn::") {
            continue;
        }
        let path = format!("{path}.{id}");
        if let ("$ref", Some(file)) = (id.as_str(), entry.value.as_str()) {
            // Until v2, the framework's reader of YAML followed these.
            let message = format!("{path}: references of JSON are not followed");
            let help = format!("write `${{file({file})}}` in place of the mapping");
            diagnostics.push(Diagnostic::error("refused-key", message).path(&path).at(entry.key_place).help(help));
            continue;
        }
        if id.len() > 255 || !id.chars().all(|c| c.is_ascii_alphanumeric()) {
            diagnostics.push(
                Diagnostic::error("bad-format", format!("{path}: a logical id has only letters and digits"))
                    .path(&path)
                    .at(entry.key_place),
            );
        }
        let keys = mapping(&entry.value, &path, "a resource (`Type`, `Properties`, …)", diagnostics);
        if let Some(keys) = keys {
            for (key, inner) in keys {
                if !RESOURCE.contains(&key.as_str()) && !key.starts_with("Fn::") {
                    diagnostics.push(unknown(&format!("{path}.{key}"), key, inner, &RESOURCE, false));
                }
            }
        }
    }
}

/// Whether somebody wrote a resource one level too high.
fn looks_like_resource(entry: &Entry) -> bool {
    entry.value.get("Type").and_then(Node::as_str).is_some_and(|text| text.contains("::"))
}

fn unknown(path: &str, key: &str, entry: &Entry, known: &[&'static str], resource: bool) -> Diagnostic {
    let diagnostic = Diagnostic::error("unknown-key", format!("{path}: unknown key")).path(path).at(entry.key_place);
    if resource {
        return diagnostic.help("this is a resource: write it beneath `resources.Resources`");
    }
    match nearest(key, known.iter().copied()) {
        Some(near) => diagnostic.label(format!("did you mean `{near}`?")),
        None => diagnostic.help(format!("known keys here: {}", known.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::findings;

    #[test]
    fn the_outer_form_is_checked() {
        let found = findings(
            "service: shop
provider: {name: aws}
resources:
  - Resources:
      Table: {Type: 'AWS::DynamoDB::Table', Propreties: {}}
      my-table: {Type: 'AWS::DynamoDB::Table'}
    Output: {}
  - Queue: {Type: 'AWS::SQS::Queue'}
",
        );
        insta::assert_snapshot!(found, @r"
        5:45 error[unknown-key] resources[0].Resources.Table.Propreties: unknown key
        6:7 error[bad-format] resources[0].Resources.my-table: a logical id has only letters and digits
        7:5 error[unknown-key] resources[0].Output: unknown key
        8:5 error[unknown-key] resources[1].Queue: unknown key
        ");
    }

    #[test]
    fn sections_and_resources_are_mappings() {
        let found = findings(
            "service: shop
provider: {name: aws}
resources:
  Description: All of it
  Transform: [AWS::LanguageExtensions]
  Conditions: [IsProd]
  Outputs: 3
  Resources: {Table: 'AWS::DynamoDB::Table', Queue: null, $ref: ./tables.json}
",
        );
        insta::assert_snapshot!(found, @r"
        6:15 error[wrong-type] resources.Conditions: expected a mapping, found a list
        7:12 error[wrong-type] resources.Outputs: expected a mapping, found the number 3
        8:22 error[wrong-type] resources.Resources.Table: expected a resource (`Type`, `Properties`, …), found the string `AWS::DynamoDB::Table`
        8:59 error[refused-key] resources.Resources.$ref: references of JSON are not followed
        ");
    }
}
