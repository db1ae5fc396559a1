//! `schedule`: calls by the clock, through EventBridge rules or the EventBridge Scheduler.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

use super::event_bridge::InputTransformer;
use crate::config::decode::{
    Cf, Decode, Decoder, Schemas, Short, intrinsic, keywords, mapping_at, object, shown, text,
};
use crate::config::node::{Data, Node};
use crate::config::pattern::compiled;

/// When something is called: `rate(5 minutes)`, `cron(0 12 * * ? *)`, or a CloudFormation function.
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html>
#[derive(Clone, Debug, PartialEq)]
pub struct Rate(pub Cf);

const RATE: &str = "^(rate\\((1 (minute|hour|day)|(1\\d+|[2-9]\\d*) (minute|hour|day)s)\\)|cron\\(\\S+ \\S+ \\S+ \\S+ \\S+ \\S+\\)|at\\(\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}\\))$";

static RATE_REGEX: LazyLock<Regex> = LazyLock::new(|| compiled(RATE));

impl Decode for Rate {
    fn decode(node: &Node, cx: &mut Decoder) -> Option<Self> {
        let rate = Cf::decode(node, cx)?;
        if let Some(text) = rate.as_str()
            && !rate.is_deferred()
            && !RATE_REGEX.is_match(text)
        {
            let diagnostic =
                cx.error("bad-format", node, format!("{} is not a schedule", shown(node))).help(rate_help(text));
            cx.report(diagnostic);
        } else if let Some(days) = rate.as_str().and_then(both_days) {
            let problem = format!("{} says both the day of the month and that of the week", shown(node));
            let help = format!("write `?` for one of them: `{days}`");
            cx.report(cx.error("bad-format", node, problem).help(help));
        }
        Some(Self(rate))
    }

    fn fits(node: &Node) -> bool {
        Cf::fits(node)
    }

    fn expects() -> String {
        "a schedule (`rate(5 minutes)` or `cron(0 12 * * ? *)`)".to_owned()
    }

    fn schema(schemas: &mut Schemas) -> Value {
        json!({"anyOf": [{"type": "string", "pattern": RATE}, schemas.intrinsic()]})
    }
}

/// A cron expression that names both kinds of day, as AWS would take it.
fn both_days(text: &str) -> Option<String> {
    let mut fields: Vec<&str> = text.strip_prefix("cron(")?.strip_suffix(')')?.split(' ').collect();
    let [_, _, of_month, _, of_week, _] = fields.as_mut_slice() else { return None };
    if *of_month == "?" || *of_week == "?" {
        return None;
    }
    *if *of_week == "*" { of_week } else { of_month } = "?";
    Some(format!("cron({})", fields.join(" ")))
}

/// What to do about a schedule that AWS would refuse.
fn rate_help(text: &str) -> String {
    let inner = |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
    if let Some(fields) = inner("cron") {
        let count = fields.split_whitespace().count();
        return format!("a cron expression of AWS has 6 fields (minute hour day month weekday year), this has {count}");
    }
    if let Some(words) = inner("rate").map(|inner| inner.split_whitespace().collect::<Vec<_>>())
        && let [number, unit] = words.as_slice()
    {
        let stem = unit.trim_end_matches('s');
        if matches!(stem, "minute" | "hour" | "day") && number.parse::<u32>().is_ok_and(|number| number > 0) {
            let unit = if *number == "1" { stem.to_owned() } else { format!("{stem}s") };
            return format!("write `rate({number} {unit})`");
        }
    }
    "write `rate(5 minutes)`, `rate(1 hour)` or `cron(0 12 * * ? *)`".to_owned()
}

text! {
    /// The name of a rule or schedule.
    pub struct RuleName: "a rule name of up to 64 letters, digits, `.`, `-` and `_`",
        pattern "^[.\\-_A-Za-z0-9]+$", min 1, max 64
}

text! {
    /// The description of a rule or schedule.
    pub struct RuleDescription: "a description of up to 512 characters", max 512
}

object! {
    /// Calls by the clock.
    pub struct Schedule {
        /// When: `rate(..)` or `cron(..)`, one or several.
        rate "rate": Vec<Rate>,
        /// Whether calls are made.
        enabled "enabled" = true: Option<bool>,
        /// The name of the rule.
        name "name": Option<RuleName>,
        /// What it is for.
        description "description": Option<RuleDescription>,
        /// What the function gets: a text, or a mapping that becomes JSON.
        input "input": Option<Node>,
        /// The part of the event that the function gets.
        input_path "inputPath": Option<String>,
        /// How the event is changed.
        input_transformer "inputTransformer": Option<InputTransformer>,
        /// `eventBus` makes a rule, `scheduler` a schedule with a time zone.
        method "method" = "eventBus": Option<ScheduleMethod>,
        /// The role that the scheduler calls with. Default: the functions' role.
        role_arn "roleArn": Option<Cf>,
        /// The group of the schedule.
        group_name "groupName": Option<Cf>,
        /// The time zone, with `scheduler`.
        timezone "timezone": Option<String>,
    }
}

impl Short for Schedule {
    const SHORT: &'static str = "a schedule (`rate(5 minutes)` or `cron(0 12 * * ? *)`)";

    fn expand(node: &Node, _: &mut Decoder) -> Option<Node> {
        Some(mapping_at(node, [("rate", node.clone())]))
    }

    fn is_short(node: &Node) -> bool {
        matches!(node.data, Data::String(_) | Data::Deferred(_)) || intrinsic(node).is_some()
    }

    fn short_schema(schemas: &mut Schemas) -> Value {
        Rate::schema(schemas)
    }
}

keywords! {
    /// What calls by the clock.
    pub enum ScheduleMethod {
        EventBus = "eventBus",
        Scheduler = "scheduler",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_schedules_that_aws_accepts() {
        let accepts = |text: &str| RATE_REGEX.is_match(text);
        for good in
            ["rate(1 minute)", "rate(10 minutes)", "rate(2 days)", "cron(0 12 * * ? *)", "cron(0/5 * ? * MON-FRI *)"]
        {
            assert!(accepts(good), "{good}");
        }
        for bad in ["rate(1 minutes)", "rate(5 minute)", "rate(0 hours)", "cron(0 12 * * *)", "every minute"] {
            assert!(!accepts(bad), "{bad}");
        }
        assert_eq!(rate_help("rate(1 minutes)"), "write `rate(1 minute)`");
        assert_eq!(rate_help("rate(5 minute)"), "write `rate(5 minutes)`");
        assert!(rate_help("cron(0 12 * * *)").ends_with("this has 5"));
        for (both, one) in [("cron(0 1 * * * *)", "cron(0 1 * * ? *)"), ("cron(0 1 * * MON *)", "cron(0 1 ? * MON *)")]
        {
            assert_eq!(both_days(both).as_deref(), Some(one));
        }
        assert_eq!(both_days("cron(0 12 ? * MON *)"), None);
    }
}
