//! `cloudwatchLog`: records of a log group. A log group has at most two subscription filters
//! (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>).

use std::collections::BTreeMap;

use super::super::output::Output;
use super::super::plan::{FunctionPlan, Plan};
use super::super::tree::{self, Properties};
use crate::aws::naming;
use crate::config::language::events::Trigger;
use crate::engine::value::Value;

/// Subscription filters of one log group.
const FILTERS: usize = 2;

pub(super) fn compile(plan: &Plan, output: &mut Output) {
    let mut filters: BTreeMap<&str, usize> = BTreeMap::new();
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let events = || {
        plan.events(|trigger| match trigger {
            Trigger::CloudwatchLog(event) => Some(&event.0),
            _ => None,
        })
    };
    for event in events() {
        groups.entry(event.function.key).or_default().push(event.settings.log_group.as_str());
    }
    for event in events() {
        let (function, group) = (event.function, event.settings.log_group.as_str());
        let count = filters.entry(group).or_default();
        *count += 1;
        if *count > FILTERS {
            output.problem(
                event
                    .problem("too-many", format!("`{group}` would get more than {FILTERS} subscription filters"))
                    .help("let one function pass the records on to the others"),
            );
        }
        let permission_id = naming::permission(function.key, "LogsSubscriptionFilterCloudWatchLog");
        let properties = Properties::new()
            .with("LogGroupName", group)
            .with("FilterPattern", event.settings.filter.as_deref().map(unescaped).unwrap_or_default())
            .with("DestinationArn", function.target());
        let mut resource =
            function.beneath("AWS::Logs::SubscriptionFilter", properties).after([permission_id.as_str()]);
        // A group of the service itself must be there first.
        let own = plan.functions.iter().find(|other| naming::log_group(&other.name) == group);
        resource = resource.after(own.map(FunctionPlan::log_group_id));
        output.add(function.id(&format!("LogsSubscriptionFilterCloudWatchLog{}", event.number)), resource);

        let covered = groups.get(function.key).map(|names| common_beginning(names)).unwrap_or_default();
        let account = [":".into(), tree::reference("AWS::AccountId"), ":log-group:".into()];
        let mut source: Vec<Value> =
            vec!["arn:".into(), tree::reference("AWS::Partition"), ":logs:".into(), tree::reference("AWS::Region")];
        source.extend(account);
        source.extend([covered.into(), ":*".into()]);
        let principal = tree::join("", vec!["logs.".into(), tree::reference("AWS::Region"), ".amazonaws.com".into()]);
        let permission = function.permission(principal).with("SourceArn", tree::join("", source));
        output.add_once(permission_id, function.beneath("AWS::Lambda::Permission", permission));
    }
}

/// A pattern that older versions of the framework wanted escaped.
fn unescaped(filter: &str) -> String {
    match (filter.find('\\'), filter.find('"')) {
        (Some(slash), Some(quote)) if slash < quote => filter.replace("\\\"", "\"").replace("\\'", ""),
        _ => filter.to_owned(),
    }
}

/// What all names begin with; `*` behind it where there are several.
fn common_beginning(names: &[&str]) -> String {
    let mut common = names.first().copied().unwrap_or_default();
    for name in names {
        let length = common.char_indices().zip(name.chars()).find(|((_, a), b)| a != b).map(|((at, _), _)| at);
        common = &common[..length.unwrap_or(common.len().min(name.len()))];
    }
    if names.len() > 1 && !common.ends_with('*') { format!("{common}*") } else { common.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_permission_covers_all_groups_of_a_function() {
        assert_eq!(common_beginning(&["/a/one"]), "/a/one");
        assert_eq!(common_beginning(&["/a/one", "/a/two"]), "/a/*");
        assert_eq!(common_beginning(&["/a", "/a/b"]), "/a*");
        assert_eq!(common_beginning(&["é", "è"]), "*");
    }
}
