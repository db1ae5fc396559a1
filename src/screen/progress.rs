//! What is seen while a plan is applied: one line a change.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::style::{CREATE, DELETE, DIM, ERROR, UPDATE};
use super::{Screen, describe, failure, json};
use crate::engine::address::Address;
use crate::engine::event::{Event, Verb};
use crate::engine::plan::{Change, Plan};

/// At most so many running changes have a line of their own on a terminal; the rest is only counted.
const RUNNING_LINES: usize = 6;
/// What is skipped because of one failure is named so often; the rest is only counted.
const SKIPPED_LINES: usize = 5;

/// Shows the engine's events: redrawn lines on a terminal, plain lines in a pipe, JSON lines with `--json`.
pub struct Progress {
    screen: Screen,
    /// Changes that only touch our own marks: carried out, not shown.
    hidden: HashSet<Address>,
    bars: MultiProgress,
    overall: ProgressBar,
    running: Mutex<HashMap<Address, ProgressBar>>,
    /// How much was skipped because of each failure.
    skipped: Mutex<BTreeMap<String, usize>>,
}

impl Progress {
    /// For the changes of a plan.
    pub fn new(screen: Screen, plan: &Plan) -> Arc<Self> {
        let is_hidden = |change: &&Change| !change.is_visible();
        let hidden: HashSet<Address> =
            plan.changes.iter().filter(is_hidden).map(|change| change.address.clone()).collect();
        let total = plan.changes.len() - hidden.len();
        let target = if screen.is_live() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bars = MultiProgress::with_draw_target(target);
        let overall = bars.add(ProgressBar::new(total as u64));
        overall.set_style(style("{spinner} {pos} of {len} changes, {elapsed}"));
        overall.enable_steady_tick(Duration::from_millis(120));
        Arc::new(Self { screen, hidden, bars, overall, running: Mutex::default(), skipped: Mutex::default() })
    }

    /// What the engine calls with each event.
    pub fn events(self: &Arc<Self>) -> Arc<dyn Fn(Event) + Send + Sync> {
        let progress = Arc::clone(self);
        Arc::new(move |event| progress.show(&event))
    }

    /// Takes one event of the engine.
    pub fn show(&self, event: &Event) {
        // A failure is news, whatever it failed at.
        if address(event).is_some_and(|address| self.hidden.contains(address)) && !matches!(event, Event::Failed { .. })
        {
            return;
        }
        self.screen.json(&json::event(event));
        let mut running = self.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match event {
            Event::Phase { .. } => {}
            Event::Started { address, .. } => {
                if running.len() < RUNNING_LINES {
                    let bar = self.bars.insert_before(&self.overall, ProgressBar::new_spinner());
                    bar.set_style(style("  {spinner} {msg}"));
                    bar.set_message(name(address));
                    running.insert(address.clone(), bar);
                }
            }
            Event::Waiting { address, what } => {
                if let Some(bar) = running.get(address) {
                    bar.set_message(format!("{} {DIM}{what}{DIM:#}", name(address)));
                }
            }
            Event::Kept { address, why } => self.line(&format!("  ! {} is kept: {why}", name(address))),
            Event::Step { address, what } => self.line(&format!("  · {}: {what}", name(address))),
            Event::Done { address, verb, took } => {
                let (sign, style) = sign(*verb);
                self.line(&format!(
                    "  {style}{sign}{style:#} {} {DIM}{}{DIM:#}",
                    name(address),
                    describe::duration(*took)
                ));
                self.end(&mut running, address);
            }
            Event::Failed { address, failure, .. } => {
                self.line(&failure::text(failure, Some(address)));
                self.end(&mut running, address);
            }
            Event::Skipped { address, cause, .. } => {
                let mut skipped = self.skipped.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                let number = skipped.entry(cause.logical_id.clone()).or_default();
                *number += 1;
                if *number <= SKIPPED_LINES {
                    self.line(&format!("  {ERROR}·{ERROR:#} {} skipped: {} failed", name(address), cause.logical_id));
                }
                self.end(&mut running, address);
            }
            Event::Interrupted { address, ran, .. } => {
                let how = if *ran { "let go while it ran" } else { "not started" };
                self.line(&format!("  · {} {how}", name(address)));
                self.end(&mut running, address);
            }
        }
    }

    /// Takes the moving lines away; what was printed stays.
    pub fn finish(&self) {
        let skipped = self.skipped.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for (cause, number) in skipped.iter().filter(|(_, number)| **number > SKIPPED_LINES) {
            self.line(&format!("  {ERROR}·{ERROR:#} {} more skipped: {cause} failed", number - SKIPPED_LINES));
        }
        self.overall.finish_and_clear();
        let _ = self.bars.clear();
    }

    fn end(&self, running: &mut HashMap<Address, ProgressBar>, address: &Address) {
        self.overall.inc(1);
        if let Some(bar) = running.remove(address) {
            bar.finish_and_clear();
            self.bars.remove(&bar);
        }
    }

    fn line(&self, text: &str) {
        if self.screen.is_live() {
            let text = if self.screen.err_has_colour() {
                text.to_owned()
            } else {
                anstream::adapter::strip_str(text).to_string()
            };
            let _ = self.bars.println(text);
        } else {
            self.screen.note(text);
        }
    }
}

fn address(event: &Event) -> Option<&Address> {
    match event {
        Event::Phase { .. } => None,
        Event::Started { address, .. }
        | Event::Waiting { address, .. }
        | Event::Kept { address, .. }
        | Event::Step { address, .. }
        | Event::Done { address, .. }
        | Event::Failed { address, .. }
        | Event::Skipped { address, .. }
        | Event::Interrupted { address, .. } => Some(address),
    }
}

fn name(address: &Address) -> String {
    format!("{} {}", describe::noun(&address.kind), address.logical_id)
}

fn sign(verb: Verb) -> (&'static str, anstyle::Style) {
    match verb {
        Verb::Create => ("+", CREATE),
        Verb::Update | Verb::Adopt => ("~", UPDATE),
        Verb::Replace => ("±", UPDATE),
        Verb::Delete => ("-", DELETE),
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
