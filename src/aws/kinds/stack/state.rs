//! The states of a stack, and what its events say of a change that did not succeed.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html>

use serde_json::Value as Json;

use crate::aws::kinds::json::member;

use super::TYPE;

/// `UPDATE_ROLLBACK_COMPLETE`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State(String);

impl State {
    /// The state in an answer of DescribeStacks.
    pub fn of(stack: &Json) -> Self {
        Self(member(stack, "StackStatus").unwrap_or_default().to_owned())
    }

    pub fn name(&self) -> &str {
        &self.0
    }

    /// Whether what its template says is there. The old versions of what was replaced may still be on their way out.
    pub fn is_settled(&self) -> bool {
        const ALL: &[&str] = &[
            "CREATE_COMPLETE",
            "IMPORT_COMPLETE",
            "IMPORT_ROLLBACK_COMPLETE",
            "UPDATE_COMPLETE",
            "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
            "UPDATE_ROLLBACK_COMPLETE",
        ];
        ALL.contains(&self.name())
    }

    /// Whether its last change was taken back, or is being taken back.
    pub fn is_rolled_back(&self) -> bool {
        self.0.contains("ROLLBACK")
    }

    /// Whether CloudFormation takes another template for it, once it is quiet. A change that failed and was left as it is
    /// (`disableRollback`) is gone on with.
    pub fn can_be_updated(&self) -> bool {
        self.is_settled() || self.0 == "UPDATE_FAILED"
    }

    /// Whether nothing happens to it: the next change may be handed in.
    pub fn is_quiet(&self) -> bool {
        !self.0.ends_with("_IN_PROGRESS") || self.0 == REVIEW
    }

    /// Whether it shows how the change that was handed in ended: there is no way back out of a rollback.
    pub fn is_decided(&self) -> bool {
        self.is_settled() || self.is_quiet() || self.is_rolled_back()
    }

    /// Whether its first template never came into force: it can only be deleted.
    pub fn is_undone(&self) -> bool {
        ["CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", REVIEW].contains(&self.name())
    }

    /// Whether CloudFormation takes a deletion now. What is being made is called off by it.
    pub fn can_be_deleted(&self) -> bool {
        self.is_quiet() || self.0 == "CREATE_IN_PROGRESS" || self.0 == "DELETE_IN_PROGRESS"
    }

    pub fn is_gone(&self) -> bool {
        self.0 == "DELETE_COMPLETE"
    }

    /// What to do where hoist cannot go on by itself.
    pub fn way_out(&self) -> Option<&'static str> {
        match self.name() {
            "UPDATE_ROLLBACK_FAILED" => Some(
                "`aws cloudformation continue-update-rollback --stack-name {name}` brings it back to where it was; then \
                 run this again.",
            ),
            "DELETE_FAILED" => Some("Empty or delete what is named above, then run `hoist remove` again."),
            name if name.contains("ROLLBACK") || name == "CREATE_FAILED" => {
                Some("Put it right in `resources:` and run this again: hoist waits until CloudFormation is back.")
            }
            _ => None,
        }
    }
}

/// A change set that was never carried out.
const REVIEW: &str = "REVIEW_IN_PROGRESS";

/// The name in the id of a stack.
pub fn name_in(id: &str) -> &str {
    id.split_once(":stack/").map_or(id, |(_, rest)| rest.split('/').next().unwrap_or(rest))
}

/// Whether the last change of the stack begins with this event.
pub fn is_beginning(event: &Json) -> bool {
    const BEGINNINGS: &[&str] = &["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"];
    let is_the_stack =
        member(event, "ResourceType") == Some(TYPE) && member(event, "PhysicalResourceId") == member(event, "StackId");
    is_the_stack && member(event, "ResourceStatus").is_some_and(|status| BEGINNINGS.contains(&status))
}

/// What failed first: `Table (AWS::DynamoDB::Table): the reason`. The events are the newest first; what was called off
/// because of another failure says so.
pub fn first_failure(events: &[Json]) -> Option<String> {
    let is_called_off = |event: &&Json| {
        member(event, "ResourceStatusReason").is_some_and(|why| why.contains(" cancelled") || why.contains(" canceled"))
    };
    let failed = |event: &&Json| member(event, "ResourceStatus").is_some_and(|status| status.ends_with("_FAILED"));
    let mut failures = events.iter().rev().filter(failed).filter(|event| !is_called_off(event));
    let is_resource = |event: &&Json| member(event, "PhysicalResourceId") != member(event, "StackId");
    let event = failures.clone().find(is_resource).or_else(|| failures.next())?;
    Some(told(event, "ResourceStatusReason"))
}

/// What CloudFormation found wrong before it began to make anything, in the newest of its operations.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_OperationEvent.html>
pub fn first_found(events: &[Json]) -> Option<String> {
    let event = events.iter().find(|event| member(event, "EventType") == Some("VALIDATION_ERROR"))?;
    Some(told(event, "ValidationStatusReason"))
}

fn told(event: &Json, reason: &str) -> String {
    let name = member(event, "LogicalResourceId").unwrap_or_default();
    let kind = member(event, "ResourceType").unwrap_or_default();
    let why = member(event, reason).unwrap_or("no reason was given");
    format!("{name} ({kind}): {}", why.trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_called_off_is_not_the_reason() {
        let id = "arn:aws:cloudformation:us-east-1:123456789012:stack/shop-dev/1";
        let event = |name: &str, kind: &str, status: &str, why: &str| {
            let physical = if kind == TYPE { id } else { "" };
            json!({ "LogicalResourceId": name, "ResourceType": kind, "ResourceStatus": status, "ResourceStatusReason": why,
                "PhysicalResourceId": physical, "StackId": id })
        };
        let events = [
            event(
                "shop-dev",
                TYPE,
                "ROLLBACK_IN_PROGRESS",
                "The following resource(s) failed to create: [Table, Queue]. ",
            ),
            event("Queue", "AWS::SQS::Queue", "CREATE_FAILED", "Resource creation cancelled"),
            event("Table", "AWS::DynamoDB::Table", "CREATE_FAILED", "No keys."),
            event("Table", "AWS::DynamoDB::Table", "CREATE_IN_PROGRESS", ""),
            event("shop-dev", TYPE, "CREATE_IN_PROGRESS", "User Initiated"),
        ];
        assert_eq!(first_failure(&events).as_deref(), Some("Table (AWS::DynamoDB::Table): No keys"));
        assert!(is_beginning(&events[4]) && !is_beginning(&events[3]) && !is_beginning(&events[0]));
        assert_eq!(first_failure(&events[3..]), None);
        assert_eq!(name_in(id), "shop-dev");
    }

    #[test]
    fn what_was_found_before_it_began_is_told_like_what_failed() {
        let found = json!({ "EventType": "VALIDATION_ERROR", "LogicalResourceId": "Files", "ResourceType": "AWS::S3::Bucket",
            "ValidationStatusReason": "The name is taken." });
        let events = [json!({ "EventType": "STACK_EVENT" }), found];
        assert_eq!(first_found(&events).as_deref(), Some("Files (AWS::S3::Bucket): The name is taken"));
        assert_eq!(first_found(&events[..1]), None);
    }

    #[test]
    fn a_change_is_decided_once_it_rolls_back_and_quiet_when_it_has() {
        let state = |name: &str| State(name.to_owned());
        for (name, settled, quiet, decided, undone) in [
            ("CREATE_IN_PROGRESS", false, false, false, false),
            ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", true, false, true, false),
            ("UPDATE_ROLLBACK_IN_PROGRESS", false, false, true, false),
            ("UPDATE_ROLLBACK_COMPLETE", true, true, true, false),
            ("ROLLBACK_COMPLETE", false, true, true, true),
            ("REVIEW_IN_PROGRESS", false, true, true, true),
            ("UPDATE_ROLLBACK_FAILED", false, true, true, false),
        ] {
            let state = state(name);
            let is = (state.is_settled(), state.is_quiet(), state.is_decided(), state.is_undone());
            assert_eq!(is, (settled, quiet, decided, undone), "{name}");
        }
    }
}
