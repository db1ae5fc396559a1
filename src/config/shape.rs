//! Brings the forms that a configuration may have to one: lists of mappings, short forms, forms of older versions.

use indexmap::IndexMap;

use super::diagnostic::Diagnostic;
use super::node::{Data, Entry, Node};

/// Before variables are resolved: the whole has to be a mapping, and `provider: aws` becomes `provider: {name: aws}`.
pub(super) fn before(root: Node, diagnostics: &mut Vec<Diagnostic>) -> Option<Node> {
    let place = root.place;
    let mut map = match root.data {
        Data::Map(map) => map,
        Data::Null => {
            let empty = Diagnostic::error("not-a-configuration", "the file is empty").at(place);
            diagnostics.push(empty.help("it needs at least `service` and `provider`"));
            return None;
        }
        data => {
            let what = Node::new(data, place).type_name();
            let message = format!("the file holds {what} where a configuration is a mapping");
            diagnostics
                .push(Diagnostic::error("not-a-configuration", message).at(place).help("begin with `service: name`"));
            return None;
        }
    };
    if let Some(entry) = map.get_mut("provider")
        && entry.value.as_str().is_some_and(|name| !name.contains("${"))
    {
        let name = entry.value.clone();
        let fields = IndexMap::from([(String::from("name"), Entry { key_place: entry.key_place, value: name })]);
        entry.value.data = Data::Map(fields);
    }
    Some(Node { data: Data::Map(map), ..root_without_data(place) })
}

fn root_without_data(place: super::node::Place) -> Node {
    Node::new(Data::Null, place)
}

/// After variables are resolved: lists are merged, and the service's old form is taken apart.
pub(super) fn after(root: Node, diagnostics: &mut Vec<Diagnostic>) -> Node {
    let Data::Map(mut map) = root.data else { return root };
    if let Some(entry) = map.get_mut("functions") {
        merge_list(&mut entry.value, "functions", diagnostics, assign);
        if let Data::Map(functions) = &mut entry.value.data {
            // A function that is null is one that a variable or an include left out.
            functions.retain(|_, function| function.value.data != Data::Null);
        }
    }
    if let Some(entry) = map.get_mut("resources") {
        merge_list(&mut entry.value, "resources", diagnostics, deepen);
    }
    if let Some(entry) = map.get_mut("service")
        && let Data::Map(old) = &mut entry.value.data
    {
        diagnostics.push(
            Diagnostic::warning("legacy-service-object", "service: as a mapping it is a form of version 2")
                .path("service")
                .at(entry.key_place)
                .help("write `service: name`, and `awsKmsKeyArn` as `provider.kmsKeyArn`"),
        );
        let key = old.shift_remove("awsKmsKeyArn");
        if let Some(name) = old.shift_remove("name") {
            entry.value = name.value;
        }
        if let (Some(key), Some(provider)) = (key, map.get_mut("provider"))
            && let Data::Map(provider) = &mut provider.value.data
        {
            provider.entry(String::from("kmsKeyArn")).or_insert(key);
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

type Merge = fn(&mut IndexMap<String, Entry>, IndexMap<String, Entry>);

/// A list of mappings becomes one mapping. Items that are null are left out.
fn merge_list(node: &mut Node, path: &str, diagnostics: &mut Vec<Diagnostic>, merge: Merge) {
    if !matches!(node.data, Data::List(_)) {
        return;
    }
    let Data::List(items) = std::mem::replace(&mut node.data, Data::Null) else { return };
    let mut merged = IndexMap::new();
    for (index, item) in items.into_iter().enumerate() {
        let (place, what) = (item.place, item.type_name());
        match item.data {
            Data::Map(map) => merge(&mut merged, map),
            // What is left open has been reported, or waits for an account.
            Data::Null | Data::Deferred(_) => {}
            _ => {
                let message = format!("{path}.{index}: {what} where a mapping is expected");
                diagnostics.push(Diagnostic::error("wrong-type", message).path(format!("{path}.{index}")).at(place));
            }
        }
    }
    node.data = Data::Map(merged);
}

/// The later one wins, key by key.
fn assign(into: &mut IndexMap<String, Entry>, from: IndexMap<String, Entry>) {
    into.extend(from);
}

/// As lodash's `merge`, which the framework uses: mappings key by key and lists item by item, all the way down.
fn deepen(into: &mut IndexMap<String, Entry>, from: IndexMap<String, Entry>) {
    for (key, entry) in from {
        match into.get_mut(&key) {
            Some(old) => overlay(&mut old.value, entry.value),
            None => {
                into.insert(key, entry);
            }
        }
    }
}

fn overlay(old: &mut Node, new: Node) {
    match (&mut old.data, new.data) {
        (Data::Map(old), Data::Map(new)) => deepen(old, new),
        (Data::List(old), Data::List(new)) => {
            for (index, item) in new.into_iter().enumerate() {
                match old.get_mut(index) {
                    Some(old) => overlay(old, item),
                    None => old.push(item),
                }
            }
        }
        (_, data) => *old = Node { data, ..new },
    }
}
