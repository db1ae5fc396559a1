//! What each error means and how long it is worth trying again: data.

use std::time::Duration;

use super::error::{CallError, Fate};
use crate::engine::failure::Reason;

/// What an error means for the call that met it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// A role or policy that changed moments ago does not count everywhere yet.
    Propagating,
    /// Too many calls.
    Throttled,
    /// Another change of the same resource is running.
    Busy,
    /// The service failed, or the connection did.
    Server,
    /// Trying again will not help.
    Final,
}

/// How long a class of errors is tried again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// Before the second attempt.
    pub first: Duration,
    /// What each delay is multiplied by for the next.
    pub growth: f64,
    /// No delay is longer.
    pub cap: Duration,
    /// From the first error of the class to giving up.
    pub total: Duration,
}

impl Budget {
    pub const fn new(first_ms: u64, growth: f64, cap_ms: u64, total_s: u64) -> Self {
        Self {
            first: Duration::from_millis(first_ms),
            growth,
            cap: Duration::from_millis(cap_ms),
            total: Duration::from_secs(total_s),
        }
    }

    /// The delay after so many failed attempts (1 is the first), before jitter.
    pub(super) fn delay(&self, failed: u32) -> Duration {
        let exponent = i32::try_from(failed.saturating_sub(1)).unwrap_or(i32::MAX).min(64);
        let seconds = self.first.as_secs_f64() * self.growth.powi(exponent);
        Duration::from_secs_f64(seconds.min(self.cap.as_secs_f64()))
    }
}

/// A budget for each class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budgets {
    pub propagating: Budget,
    pub throttled: Budget,
    pub busy: Budget,
    pub server: Budget,
    /// For an endpoint that cannot be reached at all: shorter, because it is mostly a mistake of the user's.
    pub unreachable: Budget,
}

impl Default for Budgets {
    fn default() -> Self {
        Self {
            // Seconds as a rule, minutes at worst; others gave up too soon at 15, 30 and 48 s.
            // Close together for the first ten seconds: when it counts at last, nobody should be asleep.
            propagating: Budget::new(200, 1.03, 2_000, 300),
            // The slowest quotas give one call in 30 s.
            throttled: Budget::new(400, 1.8, 10_000, 600),
            // A function in a VPC takes minutes to update.
            busy: Budget::new(250, 1.5, 2_000, 600),
            server: Budget::new(200, 2.0, 5_000, 60),
            unreachable: Budget::new(200, 2.0, 2_000, 10),
        }
    }
}

impl Budgets {
    fn of(&self, class: Class) -> Option<Budget> {
        match class {
            Class::Propagating => Some(self.propagating),
            Class::Throttled => Some(self.throttled),
            Class::Busy => Some(self.busy),
            Class::Server => Some(self.server),
            Class::Final => None,
        }
    }
}

/// One line of the table. `"*"` stands for any service, operation or code; the first line that fits counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// `lambda`
    pub service: &'static str,
    /// `CreateFunction`
    pub operation: &'static str,
    /// `InvalidParameterValueException`
    pub code: &'static str,
    /// A part of the message, compared without regard to case.
    pub message: Option<&'static str>,
    pub class: Class,
    /// Instead of the class's own total.
    pub within: Option<Duration>,
    /// What a person reads while it lasts: `IAM`. `None`: the class's own words.
    pub waiting_for: Option<&'static str>,
}

impl Rule {
    pub const fn new(service: &'static str, operation: &'static str, code: &'static str, class: Class) -> Self {
        Self { service, operation, code, message: None, class, within: None, waiting_for: None }
    }

    /// Only when the message contains this.
    #[must_use]
    pub const fn message(mut self, part: &'static str) -> Self {
        self.message = Some(part);
        self
    }

    /// Gives up after so many seconds.
    #[must_use]
    pub const fn within(mut self, seconds: u64) -> Self {
        self.within = Some(Duration::from_secs(seconds));
        self
    }

    /// What a person reads while it lasts.
    #[must_use]
    pub const fn waiting_for(mut self, what: &'static str) -> Self {
        self.waiting_for = Some(what);
        self
    }

    fn fits(&self, error: &CallError) -> bool {
        let any_or = |pattern: &str, text: &str| pattern == "*" || pattern == text;
        any_or(self.service, error.service)
            && any_or(self.operation, error.operation)
            && any_or(self.code, error.code.as_deref().unwrap_or_default())
            && self.message.is_none_or(|part| contains_ignoring_case(&error.message, part))
    }
}

fn contains_ignoring_case(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}

/// The retry table of a provider.
#[derive(Clone, Debug)]
pub struct Table {
    rules: Vec<Rule>,
    budgets: Budgets,
}

impl Table {
    /// The provider's rules; what none of them names is classified by how the request ended.
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Self {
        Self { rules: rules.into_iter().collect(), budgets: Budgets::default() }
    }

    /// With other budgets.
    #[must_use]
    pub fn budgets(mut self, budgets: Budgets) -> Self {
        self.budgets = budgets;
        self
    }

    /// What the error means.
    pub fn classify(&self, error: &CallError) -> Class {
        self.rule(error).map_or_else(|| by_fate(error), |rule| rule.class)
    }

    fn rule(&self, error: &CallError) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.fits(error))
    }

    pub(super) fn budget(&self, error: &CallError, class: Class) -> Option<Budget> {
        let rule = self.rule(error);
        let mut budget = match (rule, error.fate) {
            (None, Fate::NotSent) if class == Class::Server => self.budgets.unreachable,
            _ => self.budgets.of(class)?,
        };
        if let Some(total) = rule.and_then(|rule| rule.within) {
            budget.total = total;
        }
        Some(budget)
    }

    pub(super) fn words(&self, error: &CallError, class: Class) -> &'static str {
        self.rule(error).and_then(|rule| rule.waiting_for).unwrap_or(match class {
            Class::Propagating => "permissions to spread",
            Class::Throttled => "the request quota",
            Class::Busy => "another change to finish",
            Class::Server | Class::Final => "the service to recover",
        })
    }
}

fn by_fate(error: &CallError) -> Class {
    match error.fate {
        // No connection is worth another try; no credentials are not.
        Fate::NotSent if error.reason == Reason::Unreachable => Class::Server,
        Fate::NotSent => Class::Final,
        Fate::Unknown | Fate::Answered(500..) => Class::Server,
        Fate::Answered(429) => Class::Throttled,
        Fate::Answered(_) => Class::Final,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: [Rule; 3] = [
        Rule::new("lambda", "CreateFunction", "InvalidParameterValueException", Class::Propagating)
            .message("cannot be assumed"),
        Rule::new("lambda", "*", "ResourceConflictException", Class::Busy).message("in progress"),
        Rule::new("*", "*", "Throttling", Class::Throttled),
    ];

    fn error(code: &str, message: &str) -> CallError {
        CallError::new("lambda", "CreateFunction", Fate::Answered(400), message).code(code)
    }

    #[test]
    fn the_message_decides_what_a_code_means() {
        let table = Table::new(RULES);
        assert_eq!(
            table.classify(&error("InvalidParameterValueException", "The role CANNOT BE ASSUMED by Lambda.")),
            Class::Propagating
        );
        assert_eq!(table.classify(&error("InvalidParameterValueException", "Bad handler")), Class::Final);
        assert_eq!(table.classify(&error("ResourceConflictException", "An update is in progress")), Class::Busy);
        assert_eq!(table.classify(&error("ResourceConflictException", "Function already exist")), Class::Final);
        assert_eq!(table.classify(&error("Throttling", "Rate exceeded")), Class::Throttled);
    }

    #[test]
    fn what_no_rule_names_is_classified_by_how_the_request_ended() {
        let table = Table::new([]);
        let of = |fate| table.classify(&CallError::new("sqs", "SetQueueAttributes", fate, ""));
        assert_eq!(of(Fate::Answered(500)), Class::Server);
        assert_eq!(of(Fate::Answered(429)), Class::Throttled);
        assert_eq!(of(Fate::Answered(400)), Class::Final);
        assert_eq!(of(Fate::Unknown), Class::Server);
        assert_eq!(of(Fate::NotSent), Class::Server);
        let expired = CallError::new("sqs", "x", Fate::NotSent, "").reason(Reason::Credentials);
        assert_eq!(table.classify(&expired), Class::Final);
    }
}
