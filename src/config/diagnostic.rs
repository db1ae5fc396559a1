//! One problem with a configuration, for people: what is wrong, where, and what to do.

use super::node::Place;
use super::secrets::Secrets;

/// How much a problem weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing once; nothing is wrong.
    Note,
    Warning,
    Error,
}

/// A problem found while reading a configuration. Rendered by `screen` and by `hoist validate --json`.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    /// Stable, kebab-case, listed in `docs/error-codes.md`: `unknown-key`, `out-of-range`.
    pub code: &'static str,
    pub severity: Severity,
    /// One sentence without a full stop: `functions.api.memorySize: 64 is below the minimum of 128`.
    pub message: String,
    /// Dotted path of the value in the configuration, when it has one.
    pub path: Option<String>,
    pub place: Option<Place>,
    /// What stands under the caret, when more than the message helps.
    pub label: Option<String>,
    /// Further places that explain it: the first of two duplicates, the anchor, the file behind a variable.
    pub related: Vec<(String, Place)>,
    /// What to do, one sentence each.
    pub help: Vec<String>,
}

/// What is said of a variable that only live state can resolve where nothing can be made of it.
pub fn left_out(variable: &str) -> String {
    format!("only an account knows `{variable}`, and what depends on it is left out here")
}

impl Diagnostic {
    /// An error with a code and a message; the rest is added by the `at`, `help` and `related` builders.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// A warning with a code and a message.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    /// A note with a code and a message.
    pub fn note(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, message)
    }

    fn new(severity: Severity, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            severity,
            message: message.into(),
            path: None,
            place: None,
            label: None,
            related: Vec::new(),
            help: Vec::new(),
        }
    }

    /// The same as a warning.
    #[must_use]
    pub fn as_warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// Names the value's dotted path.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Names the place that the caret points to.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// Writes under the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Adds a further place with what it means.
    #[must_use]
    pub fn related(mut self, what: impl Into<String>, place: Place) -> Self {
        self.related.push((what.into(), place));
        self
    }

    /// The same without any of the secrets, whoever wrote them into it. What shows a diagnostic shows this.
    #[must_use]
    pub fn without(&self, secrets: &Secrets) -> Self {
        let mask = |text: &String| secrets.mask(text).into_owned();
        Self {
            message: mask(&self.message),
            path: self.path.as_ref().map(mask),
            label: self.label.as_ref().map(mask),
            related: self.related.iter().map(|(what, place)| (mask(what), *place)).collect(),
            help: self.help.iter().map(mask).collect(),
            ..*self
        }
    }

    /// Adds a sentence that says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }
}
