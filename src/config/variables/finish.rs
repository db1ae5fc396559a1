//! From resolved cells back to a tree of nodes: links become copies that know where they came from.

use std::collections::HashSet;

use indexmap::IndexMap;

use super::cells::{CellId, State, written};
use super::resolver::Resolver;
use crate::config::diagnostic::Diagnostic;
use crate::config::node::{Data, Entry, Node, Origin, Place, Reference};

/// How deep the finished tree may be: links add to what one file may have.
const MAX_DEPTH: usize = 200;

/// What a node takes in memory beside its text, in bytes.
const NODE_BYTES: usize = 256;

/// The tree of a cell. What could not be resolved is left open (it has been reported), so that the rest can be checked.
pub(super) fn tree(resolver: &mut Resolver<'_>, id: CellId) -> Node {
    let mut finish = Finish { around: HashSet::new(), bytes: 0, stopped: false, found: Vec::new(), resolver };
    let node = finish.node(id, 0);
    let found = finish.found;
    resolver.diagnostics.extend(found);
    node
}

struct Finish<'r, 'a> {
    resolver: &'r Resolver<'a>,
    /// The mappings and lists around the cell that is being copied: a link to one of them would never end.
    around: HashSet<CellId>,
    bytes: usize,
    /// Too much was found, and said once.
    stopped: bool,
    found: Vec<Diagnostic>,
}

impl Finish<'_, '_> {
    fn node(&mut self, id: CellId, depth: usize) -> Node {
        let cell = self.resolver.cells.get(id);
        let (place, secret) = (cell.place, cell.secret);
        if !self.affordable(id, depth) {
            return Node::new(Data::Null, place);
        }
        let data = match &cell.state {
            State::Link { target, secret, template } => {
                let target_place = self.resolver.cells.get(*target).place;
                let mut node = self.node(*target, depth + 1);
                if !holds(place, target_place) {
                    node.origins
                        .insert(0, Origin { how: format!("value of `{}`", written(template)), place: target_place });
                }
                node.origins.extend(cell.origins.iter().cloned());
                let secret = node.secret || *secret || cell.secret;
                let reference = cell.reference.clone().or(node.reference);
                let reference =
                    reference.unwrap_or_else(|| Reference { text: written(template).into(), private: secret });
                return Node { place, secret, reference: Some(reference), ..node };
            }
            State::Plain(data) => data.clone(),
            State::Deferred(text) => Data::Deferred(text.clone()),
            State::Template(template) => Data::Deferred(written(template)),
            State::Failed => Data::Deferred(self.resolver.slice(place).to_owned()),
            State::List(_) | State::Map(_) if !self.around.insert(id) => {
                self.report_circle(id);
                return Node::new(Data::Null, place);
            }
            State::List(items) => {
                let items = items.iter().map(|item| self.node(*item, depth + 1)).collect();
                self.around.remove(&id);
                Data::List(items)
            }
            State::Map(map) => {
                let mut entries = IndexMap::with_capacity(map.len());
                for (key, (key_place, child)) in map {
                    self.bytes += key.len();
                    entries.insert(key.clone(), Entry { key_place: *key_place, value: self.node(*child, depth + 1) });
                }
                self.around.remove(&id);
                Data::Map(entries)
            }
        };
        Node { data, place, origins: cell.origins.clone(), secret, reference: cell.reference.clone() }
    }

    fn affordable(&mut self, id: CellId, depth: usize) -> bool {
        if self.stopped {
            return false;
        }
        let cell = self.resolver.cells.get(id);
        let text = match &cell.state {
            State::Plain(Data::String(text)) | State::Deferred(text) => text.len(),
            _ => 0,
        };
        self.bytes += NODE_BYTES + text;
        let (code, message) = if depth > MAX_DEPTH {
            ("too-deep", format!("values are nested more than {MAX_DEPTH} deep once variables are resolved"))
        } else if self.bytes > super::MAX_BYTES {
            let limit = super::MAX_BYTES >> 20;
            ("too-large", format!("the configuration takes more than {limit} MB once variables are resolved"))
        } else {
            return true;
        };
        self.stopped = true;
        self.found.push(Diagnostic::error(code, message).at(cell.place));
        false
    }

    fn report_circle(&mut self, id: CellId) {
        let name = self.resolver.path(id).unwrap_or_else(|| String::from("the whole file"));
        let already =
            |found: &Diagnostic| found.path.as_deref() == Some(name.as_str()) && found.code == "variable-cycle";
        if self.found.iter().any(already) {
            return;
        }
        let place = self.resolver.cells.get(id).place;
        self.found.push(
            Diagnostic::error("variable-cycle", format!("variables go in a circle: `{name}` contains itself"))
                .path(name.clone())
                .at(place)
                .help("let the variable inside refer to a value that does not contain it"),
        );
    }
}

/// Whether a place lies inside another: then it says nothing new.
fn holds(outer: Place, inner: Place) -> bool {
    outer.file == inner.file && outer.start <= inner.start && inner.end <= outer.end
}
