//! Brings mappings together: `<<`, `!merge`, and what happens to keys that come twice.

use std::collections::HashSet;

use indexmap::IndexMap;
use indexmap::map::Entry as Slot;

use crate::config::diagnostic::Diagnostic;
use crate::config::node::{Data, Entry, Node, Origin, Place};

/// Adds an entry, unless the mapping itself has the key already: what a merge brought gives way.
pub(super) fn insert(
    entries: &mut IndexMap<String, Entry>,
    merged: &mut HashSet<String>,
    key: String,
    entry: Entry,
) -> Option<Diagnostic> {
    match entries.entry(key) {
        Slot::Vacant(slot) => {
            slot.insert(entry);
            None
        }
        Slot::Occupied(mut slot) => {
            if merged.remove(slot.key()) {
                slot.insert(entry);
                return None;
            }
            let first = slot.get().key_place;
            let again = entry.key_place;
            let message = format!("the key `{}` stands twice in the same mapping", slot.key());
            slot.insert(entry);
            Some(
                Diagnostic::error("duplicate-key", message)
                    .at(again)
                    .label("again here")
                    .related("first here", first)
                    .help("keep one of the two, or put both values under one key"),
            )
        }
    }
}

/// `<<: *anchor` or `<<: [*a, *b]`: brings the entries that the mapping does not have; the first one to bring a key wins.
pub(super) fn key(
    entries: &mut IndexMap<String, Entry>,
    merged: &mut HashSet<String>,
    value: Node,
    key_place: Place,
) -> Option<Diagnostic> {
    let sources = match value.data {
        Data::List(items) => items,
        data => vec![Node { data, ..value }],
    };
    for source in sources {
        let place = source.place;
        let Data::Map(map) = source.data else {
            return Some(
                Diagnostic::error("bad-merge", format!("`<<` takes a mapping, and this is {}", source.type_name()))
                    .at(place)
                    .help("refer to an anchor: `<<: *name`; a variable cannot be merged this way"),
            );
        };
        for (key, mut entry) in map {
            if let Slot::Vacant(slot) = entries.entry(key) {
                entry.value.origins.push(Origin { how: String::from("merged here with `<<`"), place: key_place });
                merged.insert(slot.key().clone());
                slot.insert(entry);
            }
        }
    }
    None
}

/// `!merge [*a, *b]`: one mapping of several (a key may come once), or one list of several.
pub(super) fn list(node: Node, diagnostics: &mut Vec<Diagnostic>) -> Node {
    let place = node.place;
    let Data::List(items) = node.data else { return node };
    if items.iter().all(|item| matches!(item.data, Data::List(_))) {
        let items = items.into_iter().flat_map(|item| match item.data {
            Data::List(items) => items,
            _ => Vec::new(),
        });
        return Node::new(Data::List(items.collect()), place);
    }
    let mut entries = IndexMap::new();
    for item in items {
        match item.data {
            Data::Map(map) => {
                for (key, entry) in map {
                    diagnostics.extend(insert(&mut entries, &mut HashSet::new(), key, entry));
                }
            }
            _ => diagnostics.push(
                Diagnostic::error("bad-merge", "`!merge` takes a list of mappings or a list of lists").at(item.place),
            ),
        }
    }
    Node::new(Data::Map(entries), place)
}
