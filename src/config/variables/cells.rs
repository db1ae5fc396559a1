//! The values of a configuration while its variables are being resolved: a cell each, so that one that is referred to
//! from many places is resolved once and never copied before the end.

use std::sync::Arc;

use indexmap::IndexMap;

use super::grammar::{self, Malformed, Part, Template};
use crate::config::node::{Data, Node, Origin, Place, Reference};

/// A cell, by its position among the [`Cells`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct CellId(u32);

pub(super) struct Cell {
    pub place: Place,
    pub origins: Vec<Origin>,
    pub secret: bool,
    /// How to ask for the value again, where that must be kept in its place.
    pub reference: Option<Reference>,
    /// The mapping or list that it stands in.
    pub up: Option<CellId>,
    pub state: State,
}

pub(super) enum State {
    /// A scalar.
    Plain(Data),
    List(Vec<CellId>),
    Map(IndexMap<String, (Place, CellId)>),
    /// A string with variables, not resolved yet.
    Template(Arc<Template>),
    /// A string that is one variable, resolved: the cell that it stands for, which is never itself a link.
    Link {
        target: CellId,
        secret: bool,
        template: Arc<Template>,
    },
    /// Resolvable only with an account at hand: the text.
    Deferred(String),
    /// Reported.
    Failed,
}

#[derive(Default)]
pub(super) struct Cells {
    cells: Vec<Cell>,
}

impl Cells {
    pub fn add(&mut self, cell: Cell) -> CellId {
        self.cells.push(cell);
        CellId(u32::try_from(self.cells.len() - 1).unwrap_or(u32::MAX))
    }

    /// A scalar that stands by itself.
    pub fn plain(&mut self, data: Data, place: Place, secret: bool) -> CellId {
        self.add(Cell { place, origins: Vec::new(), secret, reference: None, up: None, state: State::Plain(data) })
    }

    pub fn get(&self, id: CellId) -> &Cell {
        // Ids are only made by `add`, and cells are never taken away.
        &self.cells[id.0 as usize]
    }

    pub fn get_mut(&mut self, id: CellId) -> &mut Cell {
        &mut self.cells[id.0 as usize]
    }

    /// Takes a tree in. Strings are read for variables, those of secrets excepted: a password is never a program.
    pub fn load(&mut self, node: Node, up: Option<CellId>, malformed: &mut Vec<(CellId, Box<Malformed>)>) -> CellId {
        let Node { data, place, origins, secret, reference } = node;
        let id = self.add(Cell { place, origins, secret, reference, up, state: State::Failed });
        let state = match data {
            Data::List(items) => {
                State::List(items.into_iter().map(|item| self.load(item, Some(id), malformed)).collect())
            }
            Data::Map(map) => State::Map(
                map.into_iter()
                    .map(|(key, entry)| (key, (entry.key_place, self.load(entry.value, Some(id), malformed))))
                    .collect(),
            ),
            Data::String(text) if secret => State::Plain(Data::String(text)),
            Data::String(text) => match grammar::parse(&text) {
                Ok(None) => State::Plain(Data::String(text)),
                Ok(Some(template)) => State::Template(Arc::new(template)),
                Err(error) => {
                    malformed.push((id, error));
                    State::Failed
                }
            },
            Data::Deferred(text) => State::Deferred(text),
            scalar => State::Plain(scalar),
        };
        self.get_mut(id).state = state;
        id
    }

    /// The dotted path of a cell; `None` for one that stands in no file.
    pub fn path(&self, id: CellId) -> Option<String> {
        let mut steps = Vec::new();
        let mut here = id;
        while let Some(up) = self.get(here).up {
            match &self.get(up).state {
                State::Map(map) => steps.push(map.iter().find(|(_, (_, child))| *child == here)?.0.clone()),
                State::List(items) => steps.push(items.iter().position(|child| *child == here)?.to_string()),
                _ => return None,
            }
            here = up;
        }
        steps.reverse();
        (!steps.is_empty()).then(|| steps.join("."))
    }

    /// The outermost cell around one.
    pub fn top(&self, id: CellId) -> CellId {
        let mut here = id;
        while let Some(up) = self.get(here).up {
            here = up;
        }
        here
    }
}

/// A template as it was written.
pub(super) fn written(template: &Template) -> String {
    let part = |part: &Part| match part {
        Part::Text { written, .. } => written.clone(),
        Part::Variable(variable) => variable.written.clone(),
    };
    template.parts.iter().map(part).collect()
}

/// A scalar as text in the middle of a string; `None` for null, lists and mappings.
pub(super) fn text_of(data: &Data) -> Option<String> {
    match data {
        Data::String(text) => Some(text.clone()),
        Data::Int(value) => Some(value.to_string()),
        Data::Float(value) => Some(value.to_string()),
        Data::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}
