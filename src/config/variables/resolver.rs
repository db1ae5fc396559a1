//! Resolves the variables of a configuration, each once, in the order in which they need each other.
//!
//! Resolution itself never waits. What has to be waited for (an account, git, a script) is put on a list and leaves
//! its variable pending; [`super::rounds`] fetches the whole list at once and resolves again what was pending.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexSet;

use super::cells::{CellId, Cells, State, text_of};
use super::grammar::{Argument, Call, Part, Source, Template, Variable};
use super::remote::{Account, Answer, Found, Lookup};
use super::sources;
use crate::config::diagnostic::Diagnostic;
use crate::config::json;
use crate::config::node::{Data, Node, Place, Reference, Sources};

/// How many variables may lead to each other in a row, or stand inside each other. Resolution recurses along this
/// chain, and has to fit the stack of any thread.
const MAX_CHAIN: usize = 64;

/// What variables see of the outside world, apart from what has to be waited for.
#[derive(Clone, Default)]
pub(crate) struct Inputs {
    /// The service's directory, against which paths are read.
    pub directory: PathBuf,
    /// `None` while the stage itself is being found out.
    pub stage: Option<String>,
    /// `--region`, which wins over the file.
    pub region: Option<String>,
    /// `--aws-profile`, which wins over the file.
    pub profile: Option<String>,
    /// Command line options by their long names, for `${opt:}`.
    pub options: BTreeMap<String, String>,
    /// `--param`, for `${param:}`.
    pub params: BTreeMap<String, String>,
    pub env: BTreeMap<String, String>,
    /// No account at hand: what needs one is left as it is written.
    pub offline: bool,
    /// `${sls:instanceId}`.
    pub instance: String,
}

/// Why a variable has no value yet, or never will.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Stop {
    /// There is nothing there: the next fallback is tried.
    Missing,
    /// It is on the list of lookups.
    Pending,
    /// Reported.
    Failed,
    /// It needs an account and there is none: the text that stands for it, empty for the variable as written.
    Deferred(String),
}

/// A value that was found, and whether it was found by way of a secret.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    pub cell: CellId,
    pub secret: bool,
}

/// One source of one variable, with its parameters and address resolved.
pub(super) struct Request<'a> {
    pub kind: &'a str,
    pub params: Vec<Data>,
    pub address: Option<Data>,
    /// Whether a parameter or the address was made from a secret.
    pub secret: bool,
    pub variable: &'a Variable,
    /// The cell that the variable stands in.
    pub cell: CellId,
    /// The resolver configuration behind the name, for `${<name>:..}` of v4.
    pub settings: Option<CellId>,
}

impl Request<'_> {
    /// The address as text.
    pub fn address(&self) -> Option<String> {
        self.address.as_ref().and_then(text_of)
    }

    /// A parameter as text; `None` when it is left out or empty.
    pub fn param(&self, index: usize) -> Option<String> {
        self.params.get(index).and_then(text_of).filter(|text| !text.is_empty())
    }
}

/// A text that was put together.
struct Joined {
    text: String,
    secret: bool,
    /// How to put it together again, where something in it may not be kept.
    reference: Option<Reference>,
}

/// A source, and the settings that the configuration has for its name.
type Known = (&'static dyn sources::Source, Option<CellId>);

pub(super) struct Resolver<'a> {
    pub cells: Cells,
    pub root: CellId,
    pub inputs: &'a Inputs,
    pub sources: &'a mut Sources,
    pub diagnostics: Vec<Diagnostic>,
    /// The addresses that `${self:..}` asked for.
    pub asked: BTreeSet<String>,
    /// Files that were read, by path: their root, or why there is none.
    pub files: HashMap<PathBuf, Result<CellId, Stop>>,
    pub known: HashMap<Lookup, Answer>,
    pub wanted: IndexSet<Lookup>,
    /// The cells that are being resolved, outermost first.
    pub working: Vec<CellId>,
    /// The cells that this round found to be pending, so that none is tried twice.
    pending: HashSet<CellId>,
    /// Variables that are being resolved, those inside others included.
    depth: usize,
    /// Bytes of text that concatenation has made, which is what a bomb would consist of.
    made: usize,
}

impl<'a> Resolver<'a> {
    pub fn new(root: Node, inputs: &'a Inputs, sources: &'a mut Sources) -> Self {
        let mut cells = Cells::default();
        let mut malformed = Vec::new();
        let root = cells.load(root, None, &mut malformed);
        let mut resolver = Self {
            cells,
            root,
            inputs,
            sources,
            diagnostics: Vec::new(),
            asked: BTreeSet::new(),
            files: HashMap::new(),
            known: HashMap::new(),
            wanted: IndexSet::new(),
            working: Vec::new(),
            pending: HashSet::new(),
            depth: 0,
            made: 0,
        };
        resolver.report(malformed);
        resolver
    }

    /// Takes in a value that a source brought. Its strings are read for variables again, as the framework does.
    pub fn adopt(&mut self, node: Node) -> CellId {
        let mut malformed = Vec::new();
        let id = self.cells.load(node, None, &mut malformed);
        self.report(malformed);
        id
    }

    /// The value of a cell once its variables are resolved, as deep as its own type and no deeper.
    pub fn settle(&mut self, id: CellId) -> Result<Value, Stop> {
        let template = match &self.cells.get(id).state {
            State::Link { target, secret, .. } => return Ok(Value { cell: *target, secret: *secret }),
            State::Failed => return Err(Stop::Failed),
            State::Deferred(text) => return Err(Stop::Deferred(text.clone())),
            State::Template(template) => Arc::clone(template),
            State::Plain(_) | State::List(_) | State::Map(_) => return Ok(Value { cell: id, secret: false }),
        };
        if self.pending.contains(&id) {
            return Err(Stop::Pending);
        }
        if let Some(start) = self.working.iter().position(|working| *working == id) {
            self.report_circle(start);
            return Err(Stop::Failed);
        }
        self.working.push(id);
        let outcome = self.evaluate(id, &template);
        self.working.pop();
        match outcome {
            Ok((state, value)) => {
                let cell = self.cells.get_mut(id);
                cell.secret |= value.secret;
                cell.state = state;
                Ok(value)
            }
            Err(stop) => {
                match &stop {
                    Stop::Pending => {
                        self.pending.insert(id);
                    }
                    Stop::Deferred(text) => self.cells.get_mut(id).state = State::Deferred(text.clone()),
                    Stop::Failed | Stop::Missing => self.cells.get_mut(id).state = State::Failed,
                }
                Err(stop)
            }
        }
    }

    fn evaluate(&mut self, id: CellId, template: &Arc<Template>) -> Result<(State, Value), Stop> {
        if let [Part::Variable(variable)] = template.parts.as_slice() {
            let value = self.variable(id, variable)?;
            let secret = value.secret;
            return Ok((State::Link { target: value.cell, secret, template: Arc::clone(template) }, value));
        }
        let Joined { text, secret, reference } = self.concatenate(id, template)?;
        if reference.is_some() {
            self.cells.get_mut(id).reference = reference;
        }
        Ok((State::Plain(Data::String(text)), Value { cell: id, secret }))
    }

    /// A string with variables in it. All of them are looked at, so that all their problems show and all their lookups
    /// are sent together.
    fn concatenate(&mut self, id: CellId, template: &Template) -> Result<Joined, Stop> {
        let (mut text, mut deferred, mut reference) = (String::new(), String::new(), String::new());
        let (mut secret, mut private, mut open, mut stop) = (false, false, false, None);
        for part in &template.parts {
            match part {
                Part::Text { text: plain, written } => {
                    text.push_str(plain);
                    deferred.push_str(written);
                    reference.push_str(written);
                }
                Part::Variable(variable) => match self.variable(id, variable) {
                    Ok(value) => {
                        let cell = self.cells.get(value.cell);
                        let hidden = value.secret || cell.secret;
                        let known = cell.reference.as_ref().filter(|known| known.private).map(|known| &*known.text);
                        let asked_again = known.or(hidden.then_some(variable.written.as_str()));
                        secret |= hidden;
                        private |= asked_again.is_some();
                        match self.scalar(value.cell) {
                            Some(data) => {
                                match asked_again {
                                    Some(variable) => reference.push_str(variable),
                                    None => reference.push_str(&super::grammar::escaped(&data)),
                                }
                                text.push_str(&data);
                                deferred.push_str(&data);
                            }
                            None => {
                                let what = self.type_name(value.cell);
                                let message =
                                    format!("`{}` is {what}, which cannot be part of a text", variable.written);
                                let help = [
                                    "a variable inside a text has to be a text, a number or a boolean; one that is the whole value may be anything",
                                ];
                                self.problem(id, Some(variable), "non-string-variable", &message, &help);
                                stop = Some(Stop::Failed);
                            }
                        }
                    }
                    Err(Stop::Deferred(written)) => {
                        open = true;
                        deferred.push_str(&written);
                    }
                    Err(Stop::Pending) => stop = stop.or(Some(Stop::Pending)),
                    Err(_) => stop = Some(Stop::Failed),
                },
            }
        }
        if let Some(stop) = stop {
            return Err(stop);
        }
        self.made = self.made.saturating_add(text.len());
        if self.made > super::MAX_BYTES {
            let message = format!("variables make more than {} MB of text", super::MAX_BYTES >> 20);
            self.problem(id, None, "too-large", &message, &[]);
            return Err(Stop::Failed);
        }
        if open {
            return Err(Stop::Deferred(deferred));
        }
        let reference = private.then(|| Reference { text: reference.into(), private });
        Ok(Joined { text, secret, reference })
    }

    /// The value of a variable, unless too many led to it.
    fn variable(&mut self, id: CellId, variable: &Variable) -> Result<Value, Stop> {
        if self.depth >= MAX_CHAIN {
            let message = format!("more than {MAX_CHAIN} variables lead to each other in a row");
            self.problem(id, Some(variable), "variable-too-deep", &message, &[]);
            return Err(Stop::Failed);
        }
        self.depth += 1;
        let outcome = self.first(id, variable);
        self.depth -= 1;
        outcome
    }

    /// The first source of a variable that has a value.
    fn first(&mut self, id: CellId, variable: &Variable) -> Result<Value, Stop> {
        let mut hints = Vec::new();
        for source in &variable.sources {
            let call = match source {
                Source::Literal(data) => {
                    let place = self.cells.get(id).place;
                    let cell = self.cells.plain(data.clone(), place, false);
                    return Ok(Value { cell, secret: false });
                }
                Source::Call(call) => call,
            };
            let Some((source, settings)) = self.source(&call.kind)? else {
                let (message, help) = sources::explain_unknown(&call.kind, &variable.written);
                let help: Vec<_> = help.iter().map(String::as_str).collect();
                self.problem(id, Some(variable), "variable-unknown-source", &message, &help);
                return Err(Stop::Failed);
            };
            let request = match self.request(id, variable, call, settings) {
                Err(Stop::Deferred(_)) => return Err(Stop::Deferred(variable.written.clone())),
                other => other?,
            };
            let found = source.resolve(&request, self).and_then(|found| {
                let value = self.settle(found.cell)?;
                Ok(Value { secret: value.secret || found.secret || request.secret, ..value })
            });
            match found {
                Ok(value) if matches!(self.cells.get(value.cell).state, State::Plain(Data::Null)) => {}
                Ok(value) => {
                    let secret = value.secret || self.cells.get(value.cell).secret;
                    let private = source.is_private(&request, self.inputs);
                    let cell = self.cells.get_mut(value.cell);
                    if cell.reference.is_none() && (cell.secret || private) {
                        cell.reference = Some(Reference { text: asked(&request, call).into(), private: true });
                    }
                    return Ok(Value { secret, ..value });
                }
                Err(Stop::Missing) => {}
                Err(Stop::Deferred(text)) if text.is_empty() => return Err(Stop::Deferred(rendered(&request, call))),
                Err(stop) => return Err(stop),
            }
            // An address that was made from a secret is one: advice would quote it.
            if !request.secret {
                hints.extend(source.explain_missing(&request, self));
            }
        }
        let message = format!("`{}` has no value", variable.written);
        if let [Source::Call(_)] = variable.sources.as_slice() {
            let or = if hints.is_empty() { "" } else { "or " };
            hints.push(format!("{or}give it a fallback: `{}`", with_fallback(&variable.written)));
        }
        let hints: Vec<_> = hints.iter().map(String::as_str).collect();
        self.problem(id, Some(variable), "variable-missing", &message, &hints);
        Err(Stop::Failed)
    }

    /// The source behind a name: one of ours, or a resolver that the configuration names.
    fn source(&mut self, kind: &str) -> Result<Option<Known>, Stop> {
        match sources::find(kind) {
            // Only where a state is kept cannot be told from the variable alone.
            Some(source) if kind == "terraform" => return Ok(Some((source, self.resolver_settings(kind)?))),
            Some(source) => return Ok(Some((source, None))),
            None => {}
        }
        let Some(settings) = self.resolver_settings(kind)? else { return Ok(None) };
        let kind = match self.child(settings, "type") {
            Some(kind) => self.settle(kind).ok().and_then(|value| self.scalar(value.cell)),
            None => None,
        };
        Ok(kind.and_then(|kind| sources::find(&kind)).map(|source| (source, Some(settings))))
    }

    /// `stages.<stage>.resolvers.<name>`, of the stage or of `default`.
    fn resolver_settings(&mut self, name: &str) -> Result<Option<CellId>, Stop> {
        // A variable that brings the stages themselves in cannot be one of their resolvers.
        match self.child(self.root, "stages") {
            Some(stages) if !self.working.contains(&stages) => {}
            _ => return Ok(None),
        }
        let stage = self.inputs.stage.clone();
        for stage in stage.iter().map(String::as_str).chain(["default"]) {
            match self
                .navigate(self.root, &["stages", stage, "resolvers", name])
                .and_then(|found| self.settle(found.cell))
            {
                Ok(value) => return Ok(Some(value.cell)),
                Err(Stop::Pending) => return Err(Stop::Pending),
                Err(_) => {}
            }
        }
        Ok(None)
    }

    fn request<'r>(
        &mut self,
        cell: CellId,
        variable: &'r Variable,
        call: &'r Call,
        settings: Option<CellId>,
    ) -> Result<Request<'r>, Stop> {
        let mut secret = false;
        let mut stop = None;
        let mut params = Vec::new();
        for param in call.params.iter().flatten() {
            match self.argument(cell, variable, param) {
                Ok((data, hidden)) => {
                    secret |= hidden;
                    params.push(data);
                }
                Err(found) => stop = worse(stop, found),
            }
        }
        let mut address = None;
        if let Some(argument) = &call.address {
            match self.argument(cell, variable, argument) {
                Ok((data, hidden)) => {
                    secret |= hidden;
                    address = Some(data);
                }
                Err(found) => stop = worse(stop, found),
            }
        }
        match stop {
            Some(stop) => Err(stop),
            None => Ok(Request { kind: &call.kind, params, address, secret, variable, cell, settings }),
        }
    }

    fn argument(&mut self, id: CellId, variable: &Variable, argument: &Argument) -> Result<(Data, bool), Stop> {
        let template = match argument {
            Argument::Literal(data) => return Ok((data.clone(), false)),
            Argument::Template(template) => template,
        };
        if let [Part::Variable(inner)] = template.parts.as_slice() {
            let value = self.variable(id, inner)?;
            let secret = value.secret || self.cells.get(value.cell).secret;
            return match &self.cells.get(value.cell).state {
                State::Plain(data) => Ok((data.clone(), secret)),
                _ => {
                    let what = self.type_name(value.cell);
                    let message =
                        format!("`{}` is {what}, and `{}` needs a text there", inner.written, variable.written);
                    self.problem(id, Some(inner), "non-string-variable", &message, &[]);
                    Err(Stop::Failed)
                }
            };
        }
        self.concatenate(id, template).map(|joined| (Data::String(joined.text), joined.secret))
    }

    /// Follows keys and list positions from a cell. The cell at the end is not settled.
    pub fn navigate(&mut self, start: CellId, keys: &[&str]) -> Result<Value, Stop> {
        let mut here = Value { cell: start, secret: false };
        for key in keys {
            let settled = match self.settle(here.cell) {
                // What lies beneath a value that is left open is left open too.
                Err(Stop::Deferred(_)) => return Err(Stop::Deferred(String::new())),
                settled => settled?,
            };
            let secret = here.secret || settled.secret;
            let cell = self.child(settled.cell, key).ok_or(Stop::Missing)?;
            here = Value { cell, secret };
        }
        Ok(here)
    }

    /// The cell under a key or at a position of a settled cell.
    pub fn child(&self, id: CellId, key: &str) -> Option<CellId> {
        match &self.cells.get(id).state {
            State::Map(map) => map.get(key).map(|(_, child)| *child),
            State::List(items) => key.parse::<usize>().ok().and_then(|index| items.get(index).copied()),
            State::Link { target, .. } => self.child(*target, key),
            _ => None,
        }
    }

    /// A value that a source brings, at the place of the variable that asked for it.
    pub fn value(&mut self, request: &Request<'_>, data: Data, secret: bool) -> Value {
        let place = self.place(request.cell, Some(request.variable));
        let cell = self.adopt(Node { secret, ..Node::new(data, place) });
        Value { cell, secret }
    }

    /// As [`Self::value`], for JSON.
    pub fn json(&mut self, request: &Request<'_>, value: &serde_json::Value, secret: bool) -> Value {
        let place = self.place(request.cell, Some(request.variable));
        let cell = self.adopt(json::to_node(value, place, secret));
        Value { cell, secret }
    }

    /// What came of a lookup. Asks for it when it is not there, and leaves it open when that is not possible.
    pub fn lookup(&mut self, request: &Request<'_>, lookup: Lookup) -> Result<Found, Stop> {
        match self.known.get(&lookup) {
            Some(Ok(Some(found))) => Ok(found.clone()),
            Some(Ok(None)) => Err(Stop::Missing),
            Some(Err(error)) => {
                let error = error.clone();
                let why = if request.secret { "the reason would show a secret" } else { &error.message };
                let message = format!("`{}` could not be read: {why}", request.variable.written);
                let help: Vec<_> = error.help.iter().map(String::as_str).collect();
                self.problem(request.cell, Some(request.variable), "variable-failed", &message, &help);
                Err(Stop::Failed)
            }
            None if lookup.is_remote() && self.inputs.offline => Err(Stop::Deferred(String::new())),
            None => {
                self.wanted.insert(lookup);
                Err(Stop::Pending)
            }
        }
    }

    /// The account that a request is for: its own region where it names one, and the profile of the configuration.
    pub fn account(&mut self, request: &Request<'_>, region: Option<String>) -> Result<Account, Stop> {
        let own = |resolver: &mut Self, key: &str| -> Result<Option<String>, Stop> {
            match request.settings.and_then(|settings| resolver.child(settings, key)) {
                Some(cell) => resolver.settle(cell).map(|value| resolver.scalar(value.cell)),
                None => Ok(None),
            }
        };
        if self.inputs.offline {
            return Err(Stop::Deferred(String::new()));
        }
        let region = match region.or(own(self, "region")?) {
            Some(region) => region,
            None => self.region()?,
        };
        let profile = match own(self, "profile")?.or_else(|| self.inputs.profile.clone()) {
            Some(profile) => Some(profile),
            None => self.setting(&["provider", "profile"])?,
        };
        Ok(Account { region, profile })
    }

    /// `--region`, or `provider.region`, or `us-east-1`.
    pub fn region(&mut self) -> Result<String, Stop> {
        if let Some(region) = &self.inputs.region {
            return Ok(region.clone());
        }
        Ok(self.setting(&["provider", "region"])?.unwrap_or_else(|| String::from("us-east-1")))
    }

    /// A text of the configuration; `None` where there is none.
    pub fn setting(&mut self, keys: &[&str]) -> Result<Option<String>, Stop> {
        match self.navigate(self.root, keys).and_then(|found| self.settle(found.cell)) {
            Ok(value) => Ok(self.scalar(value.cell)),
            Err(Stop::Missing) => Ok(None),
            Err(Stop::Deferred(_)) => Err(Stop::Deferred(String::new())),
            Err(stop) => Err(stop),
        }
    }

    /// The text of a settled scalar; `None` for null, lists and mappings.
    pub fn scalar(&self, id: CellId) -> Option<String> {
        match &self.cells.get(id).state {
            State::Plain(data) => text_of(data),
            _ => None,
        }
    }

    fn type_name(&self, id: CellId) -> &'static str {
        match &self.cells.get(id).state {
            State::List(_) => "a list",
            State::Map(_) => "a mapping",
            _ => "null",
        }
    }

    /// Resolves everything that can be reached from a cell, except the parameters of other stages, which nobody reads.
    /// Gives whether something is pending.
    pub fn resolve_beneath(&mut self, start: CellId) -> bool {
        self.begin_round();
        let mut pending = false;
        let mut seen = HashSet::new();
        let mut left = vec![start];
        let skipped = self.other_stages();
        while let Some(id) = left.pop() {
            if !seen.insert(id) || skipped.contains(&id) {
                continue;
            }
            if let State::Template(_) = self.cells.get(id).state {
                pending |= matches!(self.settle(id), Err(Stop::Pending));
            }
            match &self.cells.get(id).state {
                State::Map(map) => left.extend(map.values().rev().map(|(_, child)| *child)),
                State::List(items) => left.extend(items.iter().rev()),
                State::Link { target, .. } => left.push(*target),
                _ => {}
            }
        }
        pending
    }

    /// What was pending may be tried again.
    pub fn begin_round(&mut self) {
        self.pending.clear();
    }

    /// `params.<stage>` and `stages.<stage>` of all stages but this one and `default`.
    pub fn other_stages(&self) -> HashSet<CellId> {
        let Some(current) = &self.inputs.stage else { return HashSet::new() };
        let sections = ["params", "stages"].into_iter().filter_map(|key| self.child(self.root, key));
        let mut others = HashSet::new();
        for section in sections {
            if let State::Map(map) = &self.cells.get(section).state {
                let other = map.iter().filter(|(stage, _)| *stage != current && *stage != "default");
                others.extend(other.map(|(_, (_, cell))| *cell));
            }
        }
        others
    }

    /// A cell with nothing around it, for an expression that stands in no file.
    pub fn expression(&mut self, text: &str, place: Place) -> CellId {
        self.adopt(Node::new(Data::String(text.to_owned()), place))
    }
}

/// Of two reasons to stop, the one that decides: a failure before a wait, a wait before a deferral.
fn worse(one: Option<Stop>, other: Stop) -> Option<Stop> {
    let rank = |stop: &Stop| match stop {
        Stop::Failed | Stop::Missing => 0,
        Stop::Pending => 1,
        Stop::Deferred(_) => 2,
    };
    match one {
        Some(one) if rank(&one) <= rank(&other) => Some(one),
        _ => Some(other),
    }
}

/// A variable that is left open, from the source that could not be asked on, with what is known of it filled in.
fn rendered(request: &Request<'_>, call: &Call) -> String {
    let resolved = |argument: &Argument| matches!(argument, Argument::Literal(_));
    let as_written = call.params.iter().flatten().all(resolved) && call.address.iter().all(resolved);
    if as_written || request.secret {
        return format!("${{{}}}", call.rest);
    }
    format!("${{{}{}}}", filled_in(request, call), call.fallbacks)
}

/// The source that gave a value, without those that would be asked after it: whoever asks again gets this one or none.
fn asked(request: &Request<'_>, call: &Call) -> String {
    if request.secret {
        let alone = call.rest.strip_suffix(call.fallbacks.as_str()).unwrap_or(&call.rest);
        return format!("${{{}}}", alone.trim_end());
    }
    format!("${{{}}}", filled_in(request, call))
}

/// A source with its parameters and address.
fn filled_in(request: &Request<'_>, call: &Call) -> String {
    let params: Vec<String> = request.params.iter().map(|param| text_of(param).unwrap_or_default()).collect();
    let params = call.params.as_ref().map_or_else(String::new, |_| format!("({})", params.join(", ")));
    let address = request.address().map_or_else(String::new, |address| format!(":{address}"));
    format!("{}{params}{address}", call.kind)
}

fn with_fallback(written: &str) -> String {
    format!("{}, 'fallback'}}", written.strip_suffix('}').unwrap_or(written))
}
