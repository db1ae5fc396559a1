//! Conditions: all of them are decided before anything is made.

use super::evaluator::Evaluator;
use crate::engine::value::Value;

impl Evaluator<'_> {
    /// Whether the named condition of the raw resources holds.
    pub(super) fn condition(&mut self, name: &str) -> bool {
        let template = self.template;
        let Some(tree) = template.sections.get("Conditions").and_then(|all| all.get(name)) else {
            self.problem("unknown-condition", format!("`resources.Conditions` has no `{name}`"));
            return false;
        };
        if self.depth > 32 {
            self.problem("circular-condition", format!("the condition `{name}` depends on itself"));
            return false;
        }
        self.depth += 1;
        let holds = self.decide(tree);
        self.depth -= 1;
        holds
    }

    fn decide(&mut self, tree: &Value) -> bool {
        match tree {
            Value::Bool(flag) => *flag,
            Value::String(text) => text == "true",
            Value::Map(map) => match crate::aws::template::single(map) {
                Some((name, argument)) => self.holds(name, argument),
                None => self.undecided(),
            },
            _ => self.undecided(),
        }
    }

    /// Whether one function of a condition holds.
    pub(super) fn holds(&mut self, name: &str, argument: &Value) -> bool {
        let items = match argument {
            Value::List(items) => items.as_slice(),
            _ => &[],
        };
        match (name, items) {
            ("Condition", _) => match argument {
                Value::String(name) => self.condition(name),
                _ => self.undecided(),
            },
            ("Fn::Equals", [left, right]) => {
                let (left, right) = (self.value(left), self.value(right));
                if [&left, &right].iter().any(|side| matches!(side, Some(Value::Later(_)))) {
                    return self.undecided();
                }
                as_text(left.as_ref()) == as_text(right.as_ref())
            }
            ("Fn::Not", [only]) => !self.decide(only),
            ("Fn::And", [_, ..]) => self.each(items).into_iter().all(|holds| holds),
            ("Fn::Or", [_, ..]) => self.each(items).into_iter().any(|holds| holds),
            _ => self.undecided(),
        }
    }

    /// Decides every item, so that everything wrong with any of them is said.
    fn each(&mut self, items: &[Value]) -> Vec<bool> {
        items.iter().map(|item| self.decide(item)).collect()
    }

    /// `Fn::If`: the value of the branch that the condition chooses.
    pub(super) fn choose(&mut self, argument: &Value) -> Option<Value> {
        let Value::List(items) = argument else { return self.no_choice() };
        let [Value::String(name), then, otherwise] = items.as_slice() else { return self.no_choice() };
        if self.condition(name) { self.argument(1, then) } else { self.argument(2, otherwise) }
    }

    fn no_choice(&mut self) -> Option<Value> {
        self.problem("malformed-function", "expected a condition and two values");
        Some(Value::Null)
    }

    fn undecided(&mut self) -> bool {
        self.problem("undecided-condition", "a condition is made of values that are known before anything is made");
        false
    }
}

/// Scalars are compared as texts, as CloudFormation does.
fn as_text(value: Option<&Value>) -> Option<Value> {
    match value {
        Some(Value::Number(number)) => Some(Value::String(number.to_string())),
        Some(Value::Bool(flag)) => Some(Value::String(flag.to_string())),
        Some(Value::Secret(secret)) => Some(Value::string(secret.reveal())),
        other => other.cloned(),
    }
}
