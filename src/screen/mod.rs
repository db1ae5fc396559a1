//! The one place that writes to the terminal: for people, and as JSON lines for machines.
//!
//! Results go to standard output; progress, notes and errors to standard error. With `--json` everything that a
//! program may want comes as one JSON object a line on standard output, and nothing else does.

pub mod check;
pub mod describe;
pub mod failure;
pub mod fold;
pub mod history;
pub mod json;
pub mod outcome;
pub mod plan;
pub mod progress;
pub mod style;
pub mod summary;

use std::borrow::Cow;
use std::io::{BufRead, IsTerminal, Write};
use std::sync::{Arc, PoisonError, RwLock};

use anstream::{AutoStream, ColorChoice};
use serde_json::{Value as Json, json};

use crate::config::diagnostic::Diagnostic;
use crate::config::node::Sources;
use crate::config::secrets::Secrets;
use style::{ERROR, HINT, WARNING};

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Colour {
    Auto,
    Always,
    Never,
}

/// Where a command's words go, and which of them are never shown.
#[derive(Clone, Debug)]
pub struct Screen {
    json: bool,
    verbose: u8,
    out: ColorChoice,
    err: ColorChoice,
    interactive: bool,
    /// Columns of the terminal behind standard error; none when it goes elsewhere.
    columns: Option<usize>,
    on_github: bool,
    /// Secrets of the configurations that were read: values of plain fields go through many hands on their way here.
    secrets: Arc<RwLock<Secrets>>,
}

impl Screen {
    /// Looks at the terminal once: colour by `--color`, `NO_COLOR` and whether somebody is watching.
    pub fn new(json: bool, colour: Colour, verbose: u8) -> Self {
        let choice = |auto: ColorChoice| match colour {
            Colour::Auto => auto,
            Colour::Always => ColorChoice::Always,
            Colour::Never => ColorChoice::Never,
        };
        Self {
            json,
            verbose,
            out: choice(AutoStream::choice(&std::io::stdout())),
            err: choice(AutoStream::choice(&std::io::stderr())),
            secrets: Arc::default(),
            on_github: std::env::var_os("GITHUB_ACTIONS").is_some(),
            columns: console::Term::stderr().size_checked().map(|(_, columns)| usize::from(columns)),
            interactive: std::io::stderr().is_terminal() && std::io::stdin().is_terminal(),
        }
    }

    /// Masks these from now on in all that is said; a function's answer and its log lines are shown as they are.
    pub fn hide(&self, secrets: &Secrets) {
        self.secrets.write().unwrap_or_else(PoisonError::into_inner).add(&secrets.telling());
    }

    fn masked<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.secrets.read().unwrap_or_else(PoisonError::into_inner).mask(text)
    }

    /// Whether the output is for a machine.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// How often `-v` was given.
    pub fn verbosity(&self) -> u8 {
        self.verbose
    }

    /// Whether somebody sits at the terminal who can be asked.
    pub fn can_ask(&self) -> bool {
        self.interactive && !self.json
    }

    /// Whether progress may redraw lines.
    pub fn is_live(&self) -> bool {
        !self.json && std::io::stderr().is_terminal()
    }

    /// Whether colour goes to standard error.
    pub fn err_has_colour(&self) -> bool {
        self.err != ColorChoice::Never
    }

    /// A result for people, on standard output. A reader that went away (`| head`) is no error.
    pub fn result(&self, text: &str) {
        if !self.json {
            let text = self.masked(text);
            let _ = writeln!(AutoStream::new(std::io::stdout().lock(), self.out), "{text}");
        }
    }

    /// A result without a line end of our own: a function's answer, a log line that has one.
    pub fn raw(&self, bytes: &[u8]) {
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(bytes);
        let _ = out.flush();
    }

    /// One JSON line on standard output, only with `--json`.
    pub fn json(&self, value: &Json) {
        if self.json {
            let line = self.secrets.read().unwrap_or_else(PoisonError::into_inner).mask_json(value);
            self.raw(format!("{line}\n").as_bytes());
        }
    }

    /// A remark for people on standard error, folded to the terminal's width.
    pub fn note(&self, text: &str) {
        if !self.json {
            let text = self.masked(text);
            let folded = self.columns.map(|columns| fold::fold(&text, columns));
            let text = folded.as_deref().unwrap_or(&text);
            let _ = writeln!(AutoStream::new(std::io::stderr().lock(), self.err), "{text}");
        }
    }

    /// A warning: one line on standard error, or a JSON line.
    pub fn warning(&self, text: &str) {
        self.note(&format!("{WARNING}warning{WARNING:#}: {text}"));
        self.json(&json!({"type": "warning", "message": text}));
    }

    /// One sentence that says what is wrong, then what to do, a line each.
    pub fn error(&self, message: &str, help: &[String]) {
        self.note(&format!("{ERROR}error{ERROR:#}: {message}"));
        for line in help {
            self.note(&format!("  {HINT}help{HINT:#}: {line}"));
        }
        self.json(&json!({"type": "error", "error": {"message": message, "help": help}}));
    }

    /// A failed call or change.
    pub fn failure(&self, failure: &crate::engine::failure::Failure) {
        self.note(&failure::text(failure, None));
        self.json(&json!({"type": "error", "error": json::failure(failure)}));
    }

    /// Stopped on somebody's word.
    pub fn stopped(&self, message: &str) {
        self.note(message);
        self.json(&json!({"type": "stopped", "message": message}));
    }

    /// Problems of a configuration, each with its place; on GitHub also beside the line in the pull request.
    pub fn diagnostics(&self, diagnostics: &[Diagnostic], sources: &Sources) {
        if diagnostics.is_empty() {
            return;
        }
        let look = diagnostics::Look { colour: self.err_has_colour(), width: self.columns.unwrap_or(80) };
        self.note(&diagnostics::report(diagnostics, sources, look));
        for one in diagnostics {
            if self.on_github {
                self.note(&diagnostics::github(one, sources));
            }
            let mut line = diagnostics::json(one, sources);
            if let Some(object) = line.as_object_mut() {
                object.insert("type".into(), "diagnostic".into());
            }
            self.json(&line);
        }
    }

    /// Asks a yes/no question on the terminal; `None` when nobody can be asked.
    pub fn confirm(&self, question: &str) -> Option<bool> {
        if !self.can_ask() {
            return None;
        }
        // A line, with the terminal left as it is: however the program ends meanwhile, nobody has to mend it.
        let mut err = AutoStream::new(std::io::stderr().lock(), self.err);
        let _ = write!(err, "{question} [y/N] ").and_then(|()| err.flush());
        drop(err);
        let mut answer = String::new();
        // A closed terminal means no.
        let _ = std::io::stdin().lock().read_line(&mut answer);
        Some(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
    }

    /// Asks for a line on the terminal that is not shown while it is typed.
    ///
    /// # Errors
    /// The terminal cannot be read, or was left with Ctrl-C.
    pub fn ask_hidden(&self, question: &str) -> std::io::Result<String> {
        let mut err = AutoStream::new(std::io::stderr().lock(), self.err);
        write!(err, "{question} (not shown): ").and_then(|()| err.flush())?;
        drop(err);
        console::Term::stderr().read_secure_line()
    }
}

pub mod diagnostics;
