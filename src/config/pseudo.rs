//! `#{AWS::Region}` of serverless-pseudo-parameters: a `Fn::Sub` before CloudFormation's own was everywhere.

use indexmap::IndexMap;

use super::load::lists;
use super::node::{Data, Entry, Node};

/// Where the plugin looked: what ends up in the template.
const SECTIONS: &[&str] = &["provider", "functions", "layers", "resources"];

/// Turns texts with `#{Name}` into `Fn::Sub`, when the plugin is among `plugins`; otherwise they are plain texts.
pub(super) fn replace(root: Node) -> Node {
    if !root.get("plugins").is_some_and(|plugins| lists(plugins, "serverless-pseudo-parameters")) {
        return root;
    }
    let Data::Map(mut map) = root.data else { return root };
    for section in SECTIONS {
        if let Some(entry) = map.get_mut(*section) {
            walk(&mut entry.value, false);
        }
    }
    Node {
        data: Data::Map(map),
        place: root.place,
        origins: root.origins,
        secret: root.secret,
        reference: root.reference,
    }
}

fn walk(node: &mut Node, inside_sub: bool) {
    match &mut node.data {
        Data::String(text) => {
            let Some(replaced) = substituted(text, inside_sub) else { return };
            if inside_sub {
                *text = replaced;
                return;
            }
            let value = Node { data: Data::String(replaced), origins: Vec::new(), ..node.clone() };
            let entry = Entry { key_place: node.place, value };
            node.data = Data::Map(IndexMap::from([(String::from("Fn::Sub"), entry)]));
        }
        Data::List(items) => items.iter_mut().for_each(|item| walk(item, inside_sub)),
        Data::Map(map) => {
            for (key, entry) in map {
                walk(&mut entry.value, key == "Fn::Sub");
            }
        }
        _ => {}
    }
}

/// The text as `Fn::Sub` writes it; `None` when it has nothing to substitute.
fn substituted(text: &str, inside_sub: bool) -> Option<String> {
    let mut made = String::new();
    let mut rest = text;
    let mut any = false;
    while let Some(at) = rest.find("#{") {
        let Some(length) = rest[at..].find('}') else { break };
        let name = &rest[at + 2..at + length];
        let plain = &rest[..at];
        made.push_str(&if inside_sub { plain.to_owned() } else { plain.replace("${", "${!") });
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, ':' | '.')) {
            made.push_str(&rest[at..=at + length]);
        } else {
            made.push_str(&format!("${{{name}}}"));
            any = true;
        }
        rest = &rest[at + length + 1..];
    }
    made.push_str(&if inside_sub { rest.to_owned() } else { rest.replace("${", "${!") });
    any.then_some(made)
}
