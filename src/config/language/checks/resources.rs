//! The outer form of `resources`: sections, logical ids, and the keys of a resource. What is inside belongs to
//! CloudFormation.

use super::Checked;
use crate::config::decode::{describe, nearest};
use crate::config::diagnostic::Diagnostic;
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
    let map = match &node.data {
        Data::Map(map) => map,
        Data::Null | Data::Deferred(_) => return,
        _ => {
            let message = format!("{path}: expected a mapping (`Resources`, `Outputs`, …), found {}", describe(node));
            diagnostics.push(Diagnostic::error("wrong-type", message).path(path).at(node.place));
            return;
        }
    };
    for (name, entry) in map {
        let path = format!("{path}.{name}");
        // `Fn::Transform` takes in a whole section.
        if !SECTIONS.contains(&name.as_str()) && !name.starts_with("Fn::") {
            diagnostics.push(unknown(&path, name, entry, &SECTIONS, looks_like_resource(entry)));
        }
        if name == "Resources" || name == "extensions" {
            each_resource(entry, &path, diagnostics);
        }
    }
}

fn each_resource(section: &Entry, path: &str, diagnostics: &mut Vec<Diagnostic>) {
    let Data::Map(map) = &section.value.data else { return };
    for (id, entry) in map {
        if id.starts_with("Fn::") {
            continue;
        }
        let path = format!("{path}.{id}");
        if id.len() > 255 || !id.chars().all(|c| c.is_ascii_alphanumeric()) {
            diagnostics.push(
                Diagnostic::error("bad-format", format!("{path}: a logical id has only letters and digits"))
                    .path(&path)
                    .at(entry.key_place),
            );
        }
        if let Data::Map(keys) = &entry.value.data {
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
}
