//! What a plain scalar means: YAML 1.2's core schema as js-yaml reads it, so that a file means here what it means there.

use crate::config::diagnostic::Diagnostic;
use crate::config::node::Data;

/// The value of an unquoted scalar. `yes`, `on`, dates and `1_000` are strings; `010` is ten; integers that do not
/// fit 64 bits become floats, as every JavaScript number is one.
pub fn plain(text: &str) -> Data {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Data::Null,
        "true" | "True" | "TRUE" => return Data::Bool(true),
        "false" | "False" | "FALSE" => return Data::Bool(false),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Data::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Data::Float(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Data::Float(f64::NAN),
        _ => {}
    }
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    integer(digits, negative).or_else(|| float(digits, negative)).unwrap_or_else(|| Data::String(text.to_owned()))
}

fn integer(digits: &str, negative: bool) -> Option<Data> {
    let (radix, body) = match digits.as_bytes() {
        [b'0', b'x', ..] => (16, &digits[2..]),
        [b'0', b'o', ..] => (8, &digits[2..]),
        [b'0', b'b', ..] => (2, &digits[2..]),
        _ => (10, digits),
    };
    // `from_str_radix` takes a sign of its own, which a scalar may not have twice.
    if body.is_empty() || !body.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    match i128::from_str_radix(body, radix) {
        Ok(value) => {
            let value = if negative { -value } else { value };
            #[expect(clippy::cast_precision_loss, reason = "a JavaScript number loses the same digits")]
            Some(i64::try_from(value).map_or(Data::Float(value as f64), Data::Int))
        }
        Err(_) => {
            let value =
                body.chars().fold(0.0, |sum, c| sum * f64::from(radix) + f64::from(c.to_digit(radix).unwrap_or(0)));
            Some(Data::Float(if negative { -value } else { value }))
        }
    }
}

/// `1.5`, `1.`, `.5`, `1e3`, `1.5e-3`; a number must have a digit before or right after the point.
fn float(digits: &str, negative: bool) -> Option<Data> {
    let (mantissa, exponent) = match digits.find(['e', 'E']) {
        Some(at) => (&digits[..at], Some(&digits[at + 1..])),
        None => (digits, None),
    };
    let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if !all_digits(whole) || !all_digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    if let Some(exponent) = exponent {
        let body = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        if body.is_empty() || !all_digits(body) {
            return None;
        }
    }
    let value: f64 = digits.parse().ok()?;
    Some(Data::Float(if negative { -value } else { value }))
}

/// What a plain scalar loses by being a number, which ids and account numbers without quotes are at times: `12e45678`
/// is infinite, `012345678901` has a digit less, and of twenty digits the last ones are others.
pub fn loss(text: &str, data: &Data) -> Option<Diagnostic> {
    let code = "number-changed";
    let is_digits = text.bytes().all(|b| b.is_ascii_digit());
    let read = match data {
        Data::Float(value) if value.is_infinite() && text.starts_with(|first: char| first.is_ascii_digit()) => {
            return Some(Diagnostic::error(code, format!("`{text}` is read as a number that is larger than any")));
        }
        Data::Float(value) if is_digits => value.to_string(),
        Data::Int(value) if is_digits => value.to_string(),
        _ => return None,
    };
    (read != text).then(|| Diagnostic::warning(code, format!("`{text}` is read as the number {read}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_text_of_digits_loses_is_told() {
        let told = |text: &str| loss(text, &plain(text)).map(|problem| problem.message);
        let table = [
            ("12e45678", Some("`12e45678` is read as a number that is larger than any")),
            ("012345678901", Some("`012345678901` is read as the number 12345678901")),
            ("12345678901234567891", Some("`12345678901234567891` is read as the number 12345678901234567000")),
            ("123456789012", None),
            ("0", None),
            ("0.5", None),
            ("0x1F", None),
            ("1e3", None),
            (".inf", None),
            ("007a", None),
        ];
        for (text, expected) in table {
            assert_eq!(told(text).as_deref(), expected, "{text}");
        }
    }

    fn text(text: &str) -> Data {
        Data::String(text.into())
    }

    #[test]
    fn plain_scalars_mean_what_js_yaml_makes_of_them() {
        let table = [
            ("", Data::Null),
            ("~", Data::Null),
            ("null", Data::Null),
            ("Null", Data::Null),
            ("nULL", text("nULL")),
            ("true", Data::Bool(true)),
            ("False", Data::Bool(false)),
            ("tRue", text("tRue")),
            ("yes", text("yes")),
            ("no", text("no")),
            ("on", text("on")),
            ("off", text("off")),
            ("y", text("y")),
            ("0", Data::Int(0)),
            ("-0", Data::Int(0)),
            ("42", Data::Int(42)),
            ("-42", Data::Int(-42)),
            ("+42", Data::Int(42)),
            ("010", Data::Int(10)),
            ("0o17", Data::Int(15)),
            ("0x1F", Data::Int(31)),
            ("-0x1f", Data::Int(-31)),
            ("0b101", Data::Int(5)),
            ("0o", text("0o")),
            ("0o9", text("0o9")),
            ("0xg", text("0xg")),
            ("0X1F", text("0X1F")),
            ("1_000", text("1_000")),
            ("--1", text("--1")),
            ("+-1", text("+-1")),
            ("9223372036854775807", Data::Int(i64::MAX)),
            ("9223372036854775808", Data::Float(9_223_372_036_854_775_808.0)),
            ("123456789012", Data::Int(123_456_789_012)),
            ("1.5", Data::Float(1.5)),
            ("1.", Data::Float(1.0)),
            (".5", Data::Float(0.5)),
            ("-.5", Data::Float(-0.5)),
            ("1e3", Data::Float(1000.0)),
            ("1.5E-1", Data::Float(0.15)),
            ("1e", text("1e")),
            ("e1", text("e1")),
            (".", text(".")),
            ("1.2.3", text("1.2.3")),
            (".inf", Data::Float(f64::INFINITY)),
            ("-.Inf", Data::Float(f64::NEG_INFINITY)),
            ("inf", text("inf")),
            ("NaN", text("NaN")),
            ("2012-10-17", text("2012-10-17")),
            ("2001-12-14t21:59:43.10-05:00", text("2001-12-14t21:59:43.10-05:00")),
            ("12:30:45", text("12:30:45")),
            ("nodejs22.x", text("nodejs22.x")),
            ("hello world", text("hello world")),
            ("١٢", text("١٢")),
        ];
        for (written, meant) in table {
            assert_eq!(plain(written), meant, "{written:?}");
        }
        assert!(matches!(plain(".NaN"), Data::Float(value) if value.is_nan()));
    }
}
