//! The resolved configuration as text, for `hoist print`: secrets masked, open variables as they are written.

use serde_json::Value;

use super::json;
use super::node::{Data, Node};
use super::suggest;

/// What stands for a secret.
pub const MASK: &str = "••••••";

/// The value at a dotted path (`functions.api.events.0`); an empty path is the whole tree. A key that holds dots itself
/// is found too. The error says how far the path leads.
pub fn at<'n>(node: &'n Node, path: &str) -> Result<&'n Node, String> {
    let mut here = node;
    let mut walked = 0;
    let keys: Vec<&str> = if path.is_empty() { Vec::new() } else { path.split('.').collect() };
    while walked < keys.len() {
        // The longest run of keys that is one key: `resources.Outputs.a.b` where the output is called `a.b`.
        let found = (walked + 1..=keys.len())
            .rev()
            .find_map(|end| child(here, &keys[walked..end].join(".")).map(|child| (child, end)));
        let Some((child, end)) = found else { return Err(explain(here, &keys, walked)) };
        here = child;
        walked = end;
    }
    Ok(here)
}

fn child<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    match &node.data {
        Data::Map(_) => node.get(key),
        Data::List(items) => key.parse::<usize>().ok().and_then(|index| items.get(index)),
        _ => None,
    }
}

fn explain(node: &Node, keys: &[&str], walked: usize) -> String {
    let place = if walked == 0 { String::from("the configuration") } else { format!("`{}`", keys[..walked].join(".")) };
    let key = keys[walked];
    match &node.data {
        Data::Map(map) => match suggest::nearest(key, map.keys().map(String::as_str)) {
            Some(near) => format!("{place} has no `{key}`; did you mean `{near}`?"),
            None => format!("{place} has no `{key}`; it has {}", map.keys().cloned().collect::<Vec<_>>().join(", ")),
        },
        Data::List(items) => format!("{place} is a list of {} items, counted from 0", items.len()),
        _ => format!("{place} is {}", node.type_name()),
    }
}

/// The tree as YAML, which reads back as the same values.
pub fn yaml(node: &Node) -> String {
    // Only maps with strange keys could fail to serialize, and all keys here are strings.
    serde_yaml::to_string(&value(node)).unwrap_or_default()
}

/// The tree as indented JSON.
pub fn json(node: &Node) -> String {
    format!("{:#}\n", value(node))
}

fn value(node: &Node) -> Value {
    json::from_node(node, &|_| Value::from(MASK))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::node::FileId;
    use crate::config::yaml::compose;

    fn read(text: &str) -> Node {
        let composed = compose(text, FileId(0));
        assert_eq!(composed.diagnostics, [], "{text}");
        composed.root.expect("valid")
    }

    #[test]
    fn a_path_leads_to_a_value_or_says_where_it_ends() {
        let root = read("a: {list: [x, {c: 1}], d.e: {f: 2}}\n");
        let value = |path: &str| at(&root, path).map(|node| node.data.clone());
        assert_eq!(value("a.list.1.c"), Ok(Data::Int(1)));
        assert_eq!(value("a.d.e.f"), Ok(Data::Int(2)));
        assert_eq!(at(&root, ""), Ok(&root));
        assert_eq!(value("a.x"), Err(String::from("`a` has no `x`; it has list, d.e")));
        assert_eq!(value("a.lsit"), Err(String::from("`a` has no `lsit`; did you mean `list`?")));
        assert_eq!(value("a.list.7"), Err(String::from("`a.list` is a list of 2 items, counted from 0")));
        assert_eq!(value("a.list.0.c"), Err(String::from("`a.list.0` is a string")));
    }

    #[test]
    fn secrets_are_masked_in_both_forms() {
        let mut root = read("a: {password: hunter2}\n");
        let Data::Map(map) = &mut root.data else { panic!("a mapping") };
        map["a"].value.secret = true;
        for text in [yaml(&root), json(&root)] {
            assert!(text.contains(MASK) && !text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn what_is_printed_reads_back_as_the_same() {
        let texts = [
            "",
            " ",
            "010",
            "10",
            "yes",
            "on",
            "1e3",
            "1e",
            "0x1F",
            "0o17",
            "0b1",
            "null",
            "Null",
            "~",
            "true",
            "True",
            "2012-10-17",
            "1_000",
            "- a",
            "a: b",
            "a:b",
            "#x",
            "a #b",
            "*a",
            "&a",
            "!Ref x",
            "@a",
            "`a`",
            "%a",
            ".5",
            "+1",
            "-1",
            "1.",
            ".inf",
            "+.inf",
            ".NaN",
            "<<",
            "${self:a}",
            "{a}",
            "[a]",
            "a\nb",
            "a\n",
            "\na",
            " a",
            "a ",
            "\ta",
            "'a'",
            "\"a\"",
            "\\",
            "é😀",
            "---",
            "...",
            "?",
            "-",
            "=",
            "|",
            ">",
            "12:30:45",
            "-0",
            "1.5.2",
            "\u{7f}",
            "\u{85}",
            "\r\n",
            ",",
            "a, b",
            ": ",
            "key:",
        ];
        for text in texts {
            let node = |data| Node { data, ..read("x") };
            let string = node(Data::String(text.to_owned()));
            let again = read(&yaml(&string));
            assert_eq!(again.data, string.data, "{text:?} as {:?}", yaml(&string));
        }
        let all = read("a: [1, 1.5, true, null, x, {b: []}, {}]\n");
        assert_eq!(value(&read(&yaml(&all))), value(&all));
        assert_eq!(value(&read(&json(&all))), value(&all));
    }
}
