//! The deployments of a stage, as a table that fits 80 columns, and one of them in full.

use jiff::Timestamp;
use serde_json::Value as Json;

use super::style::{CREATE, DIM, ERROR, HEAD, UPDATE};
use super::{describe, json as machine};
use crate::engine::history::{Action, Changed, Ending, Fate, Record, What};

/// What a terminal has without anybody having made it wider.
const WIDTH: usize = 80;

/// A line for each record, the newest first.
pub fn table(records: &[Record], now: i64) -> String {
    let head =
        Row { id: "id", when: "when", what: "what", ending: "ended", changes: "changes", commit: "commit", who: "who" };
    let mut lines = vec![format!("{HEAD}{}{HEAD:#}", head.text())];
    for record in records {
        let row = Row {
            id: &record.id,
            when: &ago(now - record.began),
            what: what(record.what),
            ending: ending(record, now),
            changes: &counts(&record.changes),
            commit: &commit(record, 7),
            who: person(&record.who),
        };
        let style = colour(record.ending);
        lines.push(format!("{style}{}{style:#}", row.text()));
    }
    lines.join("\n")
}

struct Row<'a> {
    id: &'a str,
    when: &'a str,
    what: &'a str,
    ending: &'a str,
    changes: &'a str,
    commit: &'a str,
    who: &'a str,
}

impl Row<'_> {
    fn text(&self) -> String {
        let Row { id, when, what, ending, changes, commit, who } = self;
        let changes = describe::cut(changes, 11);
        let line = format!("{id:15}  {when:9}  {what:8}  {ending:10}  {changes:11}  {commit:8}  {who}");
        describe::cut(line.trim_end(), WIDTH)
    }
}

/// One record with everything but the configuration.
pub fn text(record: &Record, now: i64) -> String {
    let mut lines = vec![format!("{HEAD}{}{HEAD:#} {} {}", record.id, what(record.what), ending(record, now))];
    let mut fact = |name: &str, value: Option<String>| {
        lines.extend(value.filter(|value| !value.is_empty()).map(|value| format!("  {name:9} {value}")));
    };
    fact("when", Some(format!("{} ({})", time(record.began), ago(now - record.began))));
    fact(
        "took",
        record
            .ended
            .map(|ended| describe::duration(std::time::Duration::from_secs((ended - record.began).unsigned_abs()))),
    );
    fact("who", Some(person(&record.who).to_owned()));
    fact("run", record.run_url.clone());
    fact("commit", Some(commit(record, 40)));
    fact("branch", record.commit.as_ref().and_then(|commit| commit.branch.clone()));
    fact("back to", record.back_to.clone());
    for failure in &record.failures {
        lines.push(format!("  {ERROR}error{ERROR:#}: {failure}"));
    }
    for change in &record.changes {
        let (sign, style) = sign(change.action);
        let fate = match change.fate {
            Fate::Done => "",
            Fate::Failed => " failed",
            Fate::Planned | Fate::Open => " not done",
        };
        let noun = describe::noun(&change.resource_type);
        let fields = if change.fields.is_empty() { String::new() } else { format!(" {}", change.fields.join(", ")) };
        let id = &change.logical_id;
        lines.push(format!("  {style}{sign}{style:#} {noun} {id}{ERROR}{fate}{ERROR:#}{DIM}{fields}{DIM:#}"));
    }
    lines.join("\n")
}

/// A record for machines: with the configuration where one was asked for by its id.
pub fn json(record: &Record, whole: bool) -> Json {
    // A record came out of JSON, and goes back into it.
    let mut line = serde_json::to_value(record).unwrap_or_default();
    if let Some(object) = line.as_object_mut() {
        if !whole {
            object.shift_remove("configuration");
        }
        object.shift_insert(0, "type".into(), "deployment".into());
        if let Some(ended) = record.ended {
            let took = std::time::Duration::from_secs((ended - record.began).unsigned_abs());
            object.insert("seconds".into(), machine::seconds(took));
        }
    }
    line
}

fn what(what: What) -> &'static str {
    match what {
        What::Deploy => "deploy",
        What::Remove => "remove",
        What::Rollback | What::RollbackFunction => "rollback",
    }
}

/// A run that is longer open than any deploy takes was cut off.
fn ending(record: &Record, now: i64) -> &'static str {
    const LONGEST: i64 = 3600;
    match record.ending {
        Ending::Open if now - record.began < LONGEST => "open",
        Ending::Open => "cut off",
        Ending::Done => "done",
        Ending::Failed => "failed",
        Ending::Unverified => "unverified",
        Ending::Stopped => "stopped",
        Ending::PutBack => "put back",
    }
}

fn colour(ending: Ending) -> anstyle::Style {
    match ending {
        Ending::Done => anstyle::Style::new(),
        Ending::Open | Ending::Stopped | Ending::PutBack => DIM,
        Ending::Failed | Ending::Unverified => ERROR,
    }
}

fn sign(action: Action) -> (&'static str, anstyle::Style) {
    match action {
        Action::Create => ("+", CREATE),
        Action::Update | Action::Adopt => ("~", UPDATE),
        Action::Replace => ("±", UPDATE),
        Action::Delete => ("-", super::style::DELETE),
    }
}

/// `+2 ~1 -3`: what was done, without what was not.
fn counts(changes: &[Changed]) -> String {
    let number = |sign: &str| {
        let done = changes.iter().filter(|change| change.fate == Fate::Done && self::sign(change.action).0 == sign);
        done.count()
    };
    let parts = ["+", "~", "±", "-"].map(|sign| (sign, number(sign)));
    let parts: Vec<String> =
        parts.iter().filter(|(_, number)| *number > 0).map(|(sign, number)| format!("{sign}{number}")).collect();
    parts.join(" ")
}

/// `a1b2c3d`, with a star where files were changed that the commit does not have.
fn commit(record: &Record, digits: usize) -> String {
    record.commit.as_ref().map_or_else(String::new, |commit| {
        let id: String = commit.id.chars().take(digits).collect();
        format!("{id}{}", if commit.dirty { "*" } else { "" })
    })
}

/// `anna` of `anna@laptop (pid 4711)`.
fn person(who: &str) -> &str {
    who.split('@').next().unwrap_or(who)
}

fn time(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |time| time.to_string())
}

/// `12 s ago`, `3 min ago`, `5 h ago`, `2 d ago`.
fn ago(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{} s ago", seconds.max(0)),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} d ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::history::{Artifacts, Commit};

    fn record(id: &str, ending: Ending) -> Record {
        let change = |action, id: &str, fate| Changed {
            resource_type: "AWS::Lambda::Function".into(),
            logical_id: id.into(),
            action,
            fate,
            fields: Vec::new(),
        };
        let mut update = change(Action::Update, "ApiLambdaFunction", Fate::Done);
        update.fields = vec!["MemorySize".into(), "Environment.Variables.TOKEN".into()];
        Record {
            format: 1,
            id: id.into(),
            run: String::new(),
            began: 1_000,
            ended: Some(1_014),
            who: "a-rather-long-name@laptop (pid 4711)".into(),
            run_url: None,
            version: "0.1.0".into(),
            commit: Some(Commit { id: "a1b2c3d4".repeat(5), branch: Some("main".into()), dirty: true }),
            what: What::Deploy,
            back_to: None,
            ending,
            changes: vec![
                change(Action::Create, "HelloLambdaFunction", Fate::Done),
                update,
                change(Action::Delete, "OldLambdaFunction", Fate::Failed),
            ],
            failures: vec!["OldLambdaFunction: not allowed".into()],
            artifacts: Artifacts::default(),
            configuration: Some(Json::from("secret?")),
        }
    }

    #[test]
    fn the_table_fits_a_terminal() {
        let records = [record("20261127-172904", Ending::Unverified), record("20261126-080000", Ending::Done)];
        let table = anstream::adapter::strip_str(&table(&records, 20_000)).to_string();
        assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
        insta::assert_snapshot!(table, @r"
        id               when       what      ended       changes      commit    who
        20261127-172904  5 h ago    deploy    unverified  +1 ~1        a1b2c3d*  a-rath…
        20261126-080000  5 h ago    deploy    done        +1 ~1        a1b2c3d*  a-rath…
        ");
    }

    #[test]
    fn one_record_says_what_became_of_each_change() {
        let text = text(&record("20261127-172904", Ending::Failed), 1_100);
        insta::assert_snapshot!(anstream::adapter::strip_str(&text).to_string(), @r"
        20261127-172904 deploy failed
          when      1970-01-01T00:16:40Z (1 min ago)
          took      14 s
          who       a-rather-long-name
          commit    a1b2c3d4a1b2c3d4a1b2c3d4a1b2c3d4a1b2c3d4*
          branch    main
          error: OldLambdaFunction: not allowed
          + function HelloLambdaFunction
          ~ function ApiLambdaFunction MemorySize, Environment.Variables.TOKEN
          - function OldLambdaFunction failed
        ");
    }

    #[test]
    fn a_list_for_machines_leaves_the_configurations_out() {
        let line = json(&record("20261127-172904", Ending::Done), false);
        assert_eq!((line["type"].as_str(), line["seconds"].as_f64()), (Some("deployment"), Some(14.0)));
        assert!(line.get("configuration").is_none());
        assert_eq!(json(&record("20261127-172904", Ending::Done), true)["configuration"], "secret?");
    }
}
