//! A shift as the hint of an alias: how fast, and what may stop it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::language::pace::Pace;
use crate::engine::value::Value;

/// The hint of an alias that holds its [`Shift`].
pub const HINT: &str = "Shift";

/// A shift with everything that may stop it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shift {
    pub pace: Pace,
    /// The name of a function that is called before anything moves.
    pub before: Option<String>,
    /// The name of a function that is called after everything moved.
    pub after: Option<String>,
    /// Names of alarms that turn it back.
    pub alarms: Vec<String>,
    /// Who does it, where hoist does not do it itself.
    pub group: Option<Group>,
}

/// A deployment group of CodeDeploy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The name of its application.
    pub application: String,
    pub name: String,
}

impl Group {
    /// The group that a hint names; `None` for a shift of hoist's own, and while its name is not known.
    pub fn of(hint: &Value) -> Option<Self> {
        let text = |key: &str| hint.get(key).and_then(Value::text).map(str::to_owned);
        Some(Self { application: text("Application")?, name: text("Group")? })
    }
}

impl Shift {
    /// What the hint of an alias holds.
    pub fn to_value(&self) -> Value {
        let alarms = self.alarms.iter().map(Value::string).collect();
        let hint = hint(self.pace, self.before.as_deref(), self.after.as_deref(), alarms);
        match &self.group {
            Some(Group { application, name }) => by_code_deploy(hint, application.as_str(), name.as_str()),
            None => hint,
        }
    }

    /// What a hint says; `None` for one that no compiler wrote, and while the name of an alarm is not known: a shift that
    /// is watched by less than was asked for is none.
    pub fn of(hint: &Value) -> Option<Self> {
        let number = |key: &str| match hint.get(key)? {
            Value::Number(number) => number.as_u64(),
            _ => None,
        };
        let text = |key: &str| hint.get(key).and_then(Value::text).map(str::to_owned);
        let percent = u8::try_from(number("Percent")?).ok()?;
        let time = Duration::from_millis(number("Milliseconds")?);
        let pace = match hint.get("Kind")?.text()? {
            "Canary" => Pace::Canary { percent, bake: time },
            "Linear" => Pace::Linear { percent, every: time },
            _ => Pace::AllAtOnce,
        };
        let alarms = alarms(hint).iter().map(|name| name.text().map(str::to_owned)).collect::<Option<_>>()?;
        let group = Group::of(hint);
        // Whoever was asked to do it does it, or nobody.
        if group.is_none() && hint.get("Group").is_some() {
            return None;
        }
        Some(Self { pace, before: text("Before"), after: text("After"), alarms, group })
    }
}

/// The hint of an alias, where an alarm may be an expression that gives its name.
pub fn hint(pace: Pace, before: Option<&str>, after: Option<&str>, alarms: Vec<Value>) -> Value {
    let text = |text: Option<&str>| text.map_or(Value::Null, Value::string);
    let (kind, percent, time) = match pace {
        Pace::AllAtOnce => ("AllAtOnce", 100, Duration::ZERO),
        Pace::Canary { percent, bake } => ("Canary", percent, bake),
        Pace::Linear { percent, every } => ("Linear", percent, every),
    };
    Value::Map(BTreeMap::from([
        ("Kind".to_owned(), Value::string(kind)),
        ("Percent".to_owned(), Value::Number(percent.into())),
        ("Milliseconds".to_owned(), Value::Number(u64::try_from(time.as_millis()).unwrap_or(u64::MAX).into())),
        ("Before".to_owned(), text(before)),
        ("After".to_owned(), text(after)),
        ("Alarms".to_owned(), Value::List(alarms)),
    ]))
}

/// A hint of a shift that a deployment group of CodeDeploy does.
pub fn by_code_deploy(hint: Value, application: impl Into<Value>, group: impl Into<Value>) -> Value {
    let Value::Map(mut map) = hint else { return hint };
    map.insert("Application".to_owned(), application.into());
    map.insert("Group".to_owned(), group.into());
    Value::Map(map)
}

/// The alarms of a hint, as far as they are known.
pub fn alarms(hint: &Value) -> &[Value] {
    match hint.get("Alarms") {
        Some(Value::List(names)) => names,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_keeps_everything() {
        let shift = Shift {
            pace: Pace::parse("Canary25Percent90Seconds").unwrap(),
            before: Some("shop-dev-before".into()),
            after: None,
            alarms: vec!["errors".into()],
            group: None,
        };
        assert_eq!(Shift::of(&shift.to_value()), Some(shift.clone()));
        let group = Some(Group { application: "app".into(), name: "group".into() });
        let shift = Shift { group, ..shift };
        assert_eq!(Shift::of(&shift.to_value()), Some(shift.clone()));
        let open = by_code_deploy(shift.to_value(), "app", Value::attribute("Group", "Ref"));
        assert_eq!(Shift::of(&open), None, "hoist does not do what CodeDeploy is to do");
        assert_eq!(Shift::of(&Value::Null), None);
        let open = hint(Pace::AllAtOnce, None, None, vec![Value::string("errors"), Value::attribute("Alarm", "Ref")]);
        assert_eq!(Shift::of(&open), None, "nothing is shifted that is not watched");
    }
}
