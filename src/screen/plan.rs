//! A plan as a person reads it: what would change, field by field, and why.

use std::fmt::Write as _;

use similar::{ChangeTag, TextDiff};

use super::describe;
use super::style::{CREATE, DELETE, DIM, UPDATE};
use crate::engine::plan::{Action, FieldChange, Plan};
use crate::engine::summary::Counts;
use crate::engine::value::{MASK, Value};

/// Longest value that stays on one line with its path at 80 columns.
const ONE_LINE: usize = 30;

/// The sign before a change.
pub fn sign(action: &Action) -> (&'static str, anstyle::Style) {
    match action {
        Action::Create => ("+", CREATE),
        Action::Update { .. } | Action::Adopt { .. } => ("~", UPDATE),
        Action::Replace { .. } => ("±", UPDATE),
        Action::Delete => ("-", DELETE),
        Action::Retain | Action::Nothing => (" ", DIM),
    }
}

/// Every visible change with its fields, then one line that counts.
pub fn text(plan: &Plan) -> String {
    let mut text = String::new();
    for change in plan.changes.iter().filter(|change| change.is_visible()) {
        let (sign, style) = sign(&change.action);
        let _ = writeln!(
            text,
            "{style}{sign}{style:#} {} {} {DIM}({}){DIM:#}",
            describe::noun(&change.address.kind),
            change.address.logical_id,
            change.why
        );
        for part in describe::parts(change) {
            let _ = writeln!(text, "    {part}");
        }
        if let Action::Update { fields } | Action::Replace { fields, .. } | Action::Adopt { fields } = &change.action {
            for field in fields.iter().filter(|field| !field.bookkeeping) {
                self::field(&mut text, field);
            }
        }
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(&counts(plan));
    text
}

/// `1 to create, 2 to update; 14 unchanged, 12 of them taken from fingerprints`
pub fn counts(plan: &Plan) -> String {
    let counts = plan.counts();
    let writes = listed(&counts, ["to create", "to update", "to adopt", "to replace", "to delete"]);
    let mut text = if writes.is_empty() { "nothing to do".to_owned() } else { writes };
    if counts.unchanged > 0 {
        let _ = write!(text, "; {} unchanged", counts.unchanged);
        if counts.assumed > 0 {
            let _ = write!(text, ", {} of them taken from fingerprints", counts.assumed);
        }
    }
    text
}

/// The numbers that are not zero, each with its words: for creations, updates, adoptions, replacements, deletions.
pub fn listed(counts: &Counts, words: [&str; 5]) -> String {
    let numbers = [counts.create, counts.update, counts.adopt, counts.replace, counts.delete];
    let parts = numbers.iter().zip(words).filter(|(number, _)| **number > 0);
    parts.map(|(number, word)| format!("{number} {word}")).collect::<Vec<_>>().join(", ")
}

fn field(text: &mut String, field: &FieldChange) {
    let path = &field.path;
    if let Some(told) = &field.told {
        let _ = writeln!(text, "    {told}");
        return;
    }
    if field.sensitive {
        let what = match (&field.before, &field.after) {
            (None, _) => format!("set to {MASK}"),
            (_, None) => "removed".to_owned(),
            _ => format!("changed {MASK}"),
        };
        let _ = writeln!(text, "    {path}: {what}");
        return;
    }
    let side = |side: &Option<Value>| side.as_ref().map_or("(none)".to_owned(), describe::value);
    let (before, after) = (side(&field.before), side(&field.after));
    if before.chars().count() + after.chars().count() <= 2 * ONE_LINE {
        let _ = writeln!(text, "    {path}: {before} → {after}");
        return;
    }
    let _ = writeln!(text, "    {path}:");
    let (before, after) = (lines(field.before.as_ref()), lines(field.after.as_ref()));
    for group in TextDiff::from_lines(&before, &after).grouped_ops(2) {
        for op in group {
            for change in TextDiff::from_lines(&before, &after).iter_changes(&op) {
                let (sign, style) = match change.tag() {
                    ChangeTag::Delete => ("-", DELETE),
                    ChangeTag::Insert => ("+", CREATE),
                    ChangeTag::Equal => (" ", DIM),
                };
                let _ = writeln!(text, "      {style}{sign} {}{style:#}", change.value().trim_end_matches('\n'));
            }
        }
    }
}

/// A value over several lines, so that a long document differs line by line.
fn lines(value: Option<&Value>) -> String {
    match value {
        None => String::new(),
        Some(Value::String(text)) => format!("{text}\n"),
        Some(unknown @ Value::Later(_)) => format!("{}\n", describe::value(unknown)),
        Some(value) => {
            let json = super::json::value(value);
            // Pretty-printing a value that is already a JSON tree has no way to fail.
            format!("{}\n", serde_json::to_string_pretty(&json).unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Number;

    use super::*;
    use crate::engine::address::Address;
    use crate::engine::plan::Change;

    fn change(action: Action, id: &str, why: &str) -> Change {
        Change {
            address: Address::new("AWS::Lambda::Function", id),
            action,
            why: why.into(),
            assumed: false,
            desired: None,
            live: None,
        }
    }

    fn field(path: &str, before: Option<Value>, after: Option<Value>) -> FieldChange {
        FieldChange { path: path.into(), before, after, sensitive: false, bookkeeping: false, told: None }
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn every_change_says_what_and_why() {
        let number = |n: u32| Some(Value::Number(Number::from(n)));
        let mut secret = field("Environment.Variables.TOKEN", Some(Value::string("old")), Some(Value::string("new")));
        secret.sensitive = true;
        let mut mark = field("Tags.hoist:applied", Some(Value::string("a")), Some(Value::string("b")));
        mark.bookkeeping = true;
        let plan = Plan {
            changes: vec![
                change(Action::Create, "HelloLambdaFunction", "not in the account yet"),
                change(
                    Action::Update { fields: vec![field("MemorySize", number(128), number(256)), secret] },
                    "ApiLambdaFunction",
                    "differs from the file",
                ),
                change(Action::Update { fields: vec![mark] }, "QuietLambdaFunction", "what lies beneath it changed"),
                change(Action::Delete, "OldLambdaFunction", "no longer in the file"),
            ],
            after: vec![vec![]; 4],
        };
        insta::assert_snapshot!(plain(&text(&plan)), @r"
        + function HelloLambdaFunction (not in the account yet)
        ~ function ApiLambdaFunction (differs from the file)
            MemorySize: 128 → 256
            Environment.Variables.TOKEN: changed ••••••
        - function OldLambdaFunction (no longer in the file)

        1 to create, 1 to update, 1 to delete; 1 unchanged
        ");
    }

    #[test]
    fn long_documents_differ_line_by_line() {
        let document = |action: &str| {
            Some(Value::Map(
                [
                    ("Action".to_owned(), Value::string(action)),
                    ("Effect".to_owned(), Value::string("Allow")),
                    ("Resource".to_owned(), Value::string("arn:aws:s3:::some-bucket-with-a-long-name/*")),
                ]
                .into(),
            ))
        };
        let unknown = ("ApiGatewayMethodOrdersPostApplicationJsonModel", Value::attribute("OrdersModel", "Ref"));
        let model = field("RequestModels", Some(Value::string(unknown.0.repeat(2).as_str())), Some(unknown.1));
        let plan = Plan {
            changes: vec![change(
                Action::Update {
                    fields: vec![field("Policy", document("s3:GetObject"), document("s3:PutObject")), model],
                },
                "Role",
                "differs from the file",
            )],
            after: vec![vec![]],
        };
        insta::assert_snapshot!(plain(&text(&plan)), @r#"
        ~ function Role (differs from the file)
            Policy:
                {
              -   "Action": "s3:GetObject",
              +   "Action": "s3:PutObject",
                  "Effect": "Allow",
                  "Resource": "arn:aws:s3:::some-bucket-with-a-long-name/*"
            RequestModels:
              - ApiGatewayMethodOrdersPostApplicationJsonModelApiGatewayMethodOrdersPostApplicationJsonModel
              + (OrdersModel, known after apply)

        1 to update
        "#);
    }
}
