//! Evaluates what was not known before other resources existed, as far as it is known by now.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::value::{Expression, Secret, Value};

/// Gives an attribute of a resource by logical id and attribute name, when it is known.
pub type Lookup<'a> = dyn Fn(&str, &str) -> Option<Value> + 'a;

/// The value with every expression computed whose parts are known; the others stay, with their known parts filled in.
/// What is made from a secret is a secret.
pub fn evaluate(value: &Value, lookup: &Lookup<'_>) -> Value {
    match value {
        Value::List(items) => Value::List(items.iter().map(|item| evaluate(item, lookup)).collect()),
        Value::Map(map) => Value::Map(map.iter().map(|(key, value)| (key.clone(), evaluate(value, lookup))).collect()),
        Value::Later(expression) => compute(expression, lookup),
        plain => plain.clone(),
    }
}

fn compute(expression: &Expression, lookup: &Lookup<'_>) -> Value {
    match expression {
        Expression::Attribute { logical_id, attribute } => match lookup(logical_id, attribute) {
            // An attribute of a resource that is not known itself would only stand for another attribute.
            Some(found) if is_known(&found) => found,
            _ => Value::attribute(logical_id, attribute),
        },
        Expression::Join { separator, parts } => {
            let parts: Vec<Value> = parts.iter().map(|part| evaluate(part, lookup)).collect();
            join(separator, &parts)
                .unwrap_or_else(|| Value::Later(Expression::Join { separator: separator.clone(), parts }))
        }
        Expression::Select { index, from } => match evaluate(from, lookup) {
            Value::List(items) => items.get(*index).cloned().unwrap_or(Value::Null),
            from => Value::Later(Expression::Select { index: *index, from: Box::new(from) }),
        },
        Expression::Split { separator, text } => match evaluate(text, lookup) {
            Value::Later(inner) => {
                Value::Later(Expression::Split { separator: separator.clone(), text: Box::new(Value::Later(inner)) })
            }
            Value::Secret(secret) => {
                Value::List(pieces(secret.reveal(), separator).map(|piece| Value::Secret(Secret::new(piece))).collect())
            }
            known => {
                let text = plain_text(&known).unwrap_or_default();
                Value::List(pieces(&text, separator).map(Value::string).collect())
            }
        },
        Expression::Base64(inner) => match evaluate(inner, lookup) {
            Value::Secret(secret) => Value::Secret(Secret::new(STANDARD.encode(secret.reveal()))),
            known => match plain_text(&known) {
                Some(text) => Value::String(STANDARD.encode(text)),
                None => Value::Later(Expression::Base64(Box::new(known))),
            },
        },
    }
}

/// `None` while a part is not known.
fn join(separator: &str, parts: &[Value]) -> Option<Value> {
    let mut texts = Vec::with_capacity(parts.len());
    let mut secret = false;
    for part in parts {
        match part {
            Value::List(items) => {
                let joined = join(separator, items)?;
                secret |= matches!(joined, Value::Secret(_));
                texts.push(joined.text()?.to_owned());
            }
            Value::Secret(text) => {
                secret = true;
                texts.push(text.reveal().to_owned());
            }
            plain => texts.push(plain_text(plain)?),
        }
    }
    let text = texts.join(separator);
    Some(if secret { Value::Secret(Secret::new(text)) } else { Value::String(text) })
}

/// The text that a scalar has inside of a longer text.
fn plain_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        Value::List(_) | Value::Map(_) | Value::Secret(_) | Value::Later(_) => None,
    }
}

fn pieces<'a>(text: &'a str, separator: &'a str) -> Box<dyn Iterator<Item = &'a str> + 'a> {
    // Rust splits by the empty text between all characters; the template languages do not split at all.
    if separator.is_empty() { Box::new(std::iter::once(text)) } else { Box::new(text.split(separator)) }
}

/// Whether nothing in it waits for another resource.
pub fn is_known(value: &Value) -> bool {
    match value {
        Value::List(items) => items.iter().all(is_known),
        Value::Map(map) => map.values().all(is_known),
        Value::Later(_) => false,
        _ => true,
    }
}

/// Whether there is a secret anywhere in it.
pub fn holds_secret(value: &Value) -> bool {
    match value {
        Value::List(items) => items.iter().any(holds_secret),
        Value::Map(map) => map.values().any(holds_secret),
        Value::Secret(_) => true,
        Value::Later(expression) => operands(expression).any(holds_secret),
        _ => false,
    }
}

/// Every attribute that it waits for, as (logical id, attribute).
pub fn references(value: &Value) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    collect(value, &mut found);
    found
}

fn collect(value: &Value, found: &mut BTreeSet<(String, String)>) {
    match value {
        Value::List(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Map(map) => map.values().for_each(|item| collect(item, found)),
        Value::Later(Expression::Attribute { logical_id, attribute }) => {
            found.insert((logical_id.clone(), attribute.clone()));
        }
        Value::Later(expression) => operands(expression).for_each(|operand| collect(operand, found)),
        _ => {}
    }
}

fn operands(expression: &Expression) -> Box<dyn Iterator<Item = &Value> + '_> {
    match expression {
        Expression::Attribute { .. } => Box::new(std::iter::empty()),
        Expression::Join { parts, .. } => Box::new(parts.iter()),
        Expression::Select { from: operand, .. }
        | Expression::Split { text: operand, .. }
        | Expression::Base64(operand) => Box::new(std::iter::once(operand.as_ref())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Value {
        Value::Secret(Secret::new(text))
    }

    fn join_of(parts: Vec<Value>) -> Value {
        Value::Later(Expression::Join { separator: "/".into(), parts })
    }

    fn known(logical_id: &str, attribute: &str) -> Option<Value> {
        match (logical_id, attribute) {
            ("Role", "Arn") => Some(Value::string("arn:role")),
            ("Key", "Ref") => Some(secret("s3cret")),
            ("Subnets", "Ids") => Some(Value::List(vec![Value::string("a"), Value::string("b")])),
            _ => None,
        }
    }

    #[test]
    fn known_parts_are_joined() {
        let value = join_of(vec![
            Value::attribute("Role", "Arn"),
            Value::Number(3.into()),
            Value::Bool(true),
            Value::attribute("Subnets", "Ids"),
        ]);
        assert_eq!(evaluate(&value, &known), Value::string("arn:role/3/true/a/b"));
    }

    #[test]
    fn what_is_made_from_a_secret_is_a_secret() {
        let joined = join_of(vec![Value::string("x"), Value::attribute("Key", "Ref")]);
        assert_eq!(evaluate(&joined, &known), secret("x/s3cret"));
        let encoded = Value::Later(Expression::Base64(Box::new(joined.clone())));
        assert_eq!(evaluate(&encoded, &known), secret("eC9zM2NyZXQ="));
        let split = Value::Later(Expression::Split { separator: "/".into(), text: Box::new(joined) });
        let picked = Value::Later(Expression::Select { index: 1, from: Box::new(split) });
        assert_eq!(evaluate(&picked, &known), secret("s3cret"));
    }

    #[test]
    fn what_is_not_known_stays_with_its_known_parts_filled_in() {
        let value = join_of(vec![Value::attribute("Role", "Arn"), Value::attribute("Api", "Id")]);
        let evaluated = evaluate(&value, &known);
        assert_eq!(evaluated, join_of(vec![Value::string("arn:role"), Value::attribute("Api", "Id")]));
        assert!(!is_known(&evaluated));
        assert_eq!(references(&evaluated), BTreeSet::from([("Api".to_owned(), "Id".to_owned())]));
        let later = |_: &str, _: &str| Some(Value::string("api1"));
        assert_eq!(evaluate(&evaluated, &later), Value::string("arn:role/api1"));
    }

    #[test]
    fn an_index_beyond_the_list_gives_nothing() {
        let picked = Value::Later(Expression::Select { index: 9, from: Box::new(Value::attribute("Subnets", "Ids")) });
        assert_eq!(evaluate(&picked, &known), Value::Null);
    }

    #[test]
    fn a_secret_inside_of_an_expression_is_found() {
        assert!(holds_secret(&join_of(vec![Value::attribute("Api", "Id"), secret("x")])));
        assert!(!holds_secret(&join_of(vec![Value::attribute("Api", "Id")])));
    }
}
