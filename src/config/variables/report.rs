//! Says what is wrong with a variable, and where exactly.

use super::cells::{CellId, State, written};
use super::grammar::{Malformed, Variable};
use super::resolver::Resolver;
use crate::config::diagnostic::Diagnostic;
use crate::config::node::Place;

impl Resolver<'_> {
    /// Reports strings that are not well formed.
    pub(super) fn report(&mut self, malformed: Vec<(CellId, Box<Malformed>)>) {
        for (id, error) in malformed {
            let place = self.cells.get(id).place;
            let text = self.slice(place);
            // Offsets count in the value, which is the text of the file only where nothing is quoted or folded.
            let place = if text.get(error.at.clone()).is_some() && text.contains("${") {
                let quote = usize::from(text.starts_with(['"', '\'']));
                within(place, text, error.at.start + quote, error.at.end + quote)
            } else {
                place
            };
            let message = self.located(id, &error.message);
            let mut diagnostic = Diagnostic::error("variable-syntax", message).at(place).help(error.help);
            diagnostic.path = self.path(id);
            self.diagnostics.push(diagnostic);
        }
    }

    pub(super) fn report_circle(&mut self, start: usize) {
        let circle: Vec<CellId> = self.working[start..].to_vec();
        let Some(&first) = circle.first() else { return };
        let names: Vec<String> = circle.iter().chain([&first]).map(|id| self.name(*id)).collect();
        let message = match circle.as_slice() {
            [_] => format!("`{}` refers to itself", names[0]),
            _ => format!("variables go in a circle: {}", names.join(" → ")),
        };
        let mut diagnostic = Diagnostic::error("variable-cycle", message)
            .at(self.cells.get(first).place)
            .help("let one of them be a value that does not depend on the others");
        diagnostic.path = self.path(first);
        for id in circle.iter().skip(1) {
            diagnostic = diagnostic.related(format!("`{}`", self.name(*id)), self.cells.get(*id).place);
        }
        self.diagnostics.push(diagnostic);
    }

    /// What a person calls a cell: its path, or what is written there.
    fn name(&self, id: CellId) -> String {
        self.path(id).unwrap_or_else(|| match &self.cells.get(id).state {
            State::Template(template) | State::Link { template, .. } => written(template),
            _ => String::from("a value"),
        })
    }

    /// The dotted path of a cell of the configuration itself.
    pub fn path(&self, id: CellId) -> Option<String> {
        if self.cells.top(id) == self.root { self.cells.path(id) } else { None }
    }

    fn located(&self, id: CellId, message: &str) -> String {
        match self.path(id) {
            Some(path) => format!("{path}: {message}"),
            None => message.to_owned(),
        }
    }

    /// Reports a problem with a cell, at the variable where that can be told.
    pub fn problem(
        &mut self,
        id: CellId,
        variable: Option<&Variable>,
        code: &'static str,
        message: &str,
        help: &[&str],
    ) {
        let place = self.place(id, variable);
        let mut diagnostic = Diagnostic::error(code, self.located(id, message)).at(place);
        diagnostic.path = self.path(id);
        diagnostic.help = help.iter().map(|help| (*help).to_owned()).collect();
        // A value that came from an alias or a merge: where it is written says more with where it is used.
        let origins = &self.cells.get(id).origins;
        diagnostic.related = origins.iter().map(|origin| (origin.how.clone(), origin.place)).collect();
        self.diagnostics.push(diagnostic);
    }

    /// The place of a variable inside its string, as near as the file's text shows it.
    pub fn place(&self, id: CellId, variable: Option<&Variable>) -> Place {
        let place = self.cells.get(id).place;
        let Some(variable) = variable else { return place };
        let text = self.slice(place);
        match text.find(&variable.written) {
            Some(start) => within(place, text, start, start + variable.written.len()),
            None => place,
        }
    }

    /// What is written at a place.
    pub fn slice(&self, place: Place) -> &str {
        let text = self.sources.get(place.file).map_or("", |file| &*file.text);
        text.get(place.start as usize..place.end as usize).unwrap_or_default()
    }
}

/// The part of a place between two offsets into its text.
fn within(place: Place, text: &str, start: usize, end: usize) -> Place {
    let (start, end) = (text.floor_char_boundary(start), text.floor_char_boundary(end));
    let before = &text[..start];
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let lines = number(before.matches('\n').count());
    let column = match before.rfind('\n') {
        Some(newline) => number(before[newline + 1..].chars().count() + 1),
        None => place.column.saturating_add(number(before.chars().count())),
    };
    Place {
        start: place.start.saturating_add(number(start)),
        end: place.start.saturating_add(number(end.max(start))),
        line: place.line + lines,
        column,
        ..place
    }
}
