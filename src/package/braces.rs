//! Braces in a glob: `{a,b}`, `{1..3}` and `{a..c}`, nested and multiplied out.

/// How many globs one may stand for before it is refused.
pub const MOST: usize = 1_000;

/// All the globs that a glob with braces stands for, in the order in which they are written; `None` when there are
/// more than [`MOST`]. Braces that hold neither a comma nor a range stay as plain characters.
pub fn expand(glob: &str) -> Option<Vec<String>> {
    let chars: Vec<char> = glob.chars().collect();
    expand_within(&chars, 0)
}

fn expand_within(chars: &[char], depth: usize) -> Option<Vec<String>> {
    let mut all = vec![String::new()];
    let mut at = 0;
    while at < chars.len() {
        let mut width = 1;
        let choices = match chars[at] {
            '\\' if at + 1 < chars.len() => {
                width = 2;
                vec![chars[at..at + 2].iter().collect()]
            }
            '{' => match closing(chars, at) {
                Some(close) if depth < 20 => {
                    width = close + 1 - at;
                    match inside(&chars[at + 1..close], depth)? {
                        Some(choices) => choices,
                        None => expand_within(&chars[at + 1..close], depth + 1)?
                            .into_iter()
                            .map(|inner| format!("\\{{{inner}\\}}"))
                            .collect(),
                    }
                }
                _ => vec!["\\{".to_owned()],
            },
            c => vec![c.to_string()],
        };
        if choices.len() == 1 {
            all.iter_mut().for_each(|text| text.push_str(&choices[0]));
        } else {
            if all.len().saturating_mul(choices.len()) > MOST {
                return None;
            }
            all = all.iter().flat_map(|text| choices.iter().map(move |choice| format!("{text}{choice}"))).collect();
        }
        at += width;
    }
    Some(all)
}

/// What the braces offer: `Some(None)` when they are no choice at all, `None` when it is too much.
#[expect(clippy::option_option, reason = "too much and no choice are different answers, and both are rare")]
fn inside(body: &[char], depth: usize) -> Option<Option<Vec<String>>> {
    let parts = split(body);
    if parts.len() > 1 {
        let mut choices = Vec::new();
        for part in parts {
            choices.extend(expand_within(part, depth + 1)?);
            if choices.len() > MOST {
                return None;
            }
        }
        return Some(Some(choices));
    }
    let text: String = body.iter().collect();
    let ends: Vec<&str> = text.split("..").collect();
    match ends[..] {
        [from, to] => range(from, to, 1),
        [from, to, step] => match step.parse::<i64>() {
            Ok(step) => range(from, to, step),
            Err(_) => Some(None),
        },
        _ => Some(None),
    }
}

#[expect(clippy::option_option, reason = "as in `inside`")]
fn range(from: &str, to: &str, step: i64) -> Option<Option<Vec<String>>> {
    let step = step.checked_abs()?.max(1);
    if let (Ok(start), Ok(end)) = (from.parse::<i64>(), to.parse::<i64>()) {
        let padded = [from, to].iter().any(|text| text.trim_start_matches('-').starts_with('0') && text.len() > 1);
        let width = if padded { from.len().max(to.len()) } else { 0 };
        return numbers(start, end, step)
            .map(|numbers| Some(numbers.into_iter().map(|number| format!("{number:0width$}")).collect()));
    }
    let letter = |text: &str| {
        let mut chars = text.chars();
        chars.next().filter(|c| c.is_ascii_alphabetic() && chars.next().is_none())
    };
    let (Some(start), Some(end)) = (letter(from), letter(to)) else { return Some(None) };
    numbers(i64::from(u32::from(start)), i64::from(u32::from(end)), step).map(|codes| {
        Some(
            codes
                .into_iter()
                .filter_map(|code| u32::try_from(code).ok().and_then(char::from_u32))
                .map(String::from)
                .collect(),
        )
    })
}

fn numbers(start: i64, end: i64, step: i64) -> Option<Vec<i64>> {
    let count = usize::try_from(start.abs_diff(end) / step.unsigned_abs()).ok()?;
    if count >= MOST {
        return None;
    }
    let step = if start <= end { step } else { -step };
    Some(std::iter::successors(Some(start), |at| at.checked_add(step)).take(count + 1).collect())
}

fn closing(chars: &[char], open: usize) -> Option<usize> {
    let mut depth = 0;
    let mut at = open;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 1,
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

fn split(body: &[char]) -> Vec<&[char]> {
    let mut parts = Vec::new();
    let (mut depth, mut start, mut at) = (0, 0, 0);
    while at < body.len() {
        match body[at] {
            '\\' => at += 1,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&body[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    parts.push(&body[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiplies_choices_out() {
        let expanded = |glob: &str| expand(glob).expect(glob);
        assert_eq!(expanded("a{b,c{d,e}}f"), ["abf", "acdf", "acef"]);
        assert_eq!(expanded("{a,}b"), ["ab", "b"]);
        assert_eq!(expanded("{1..3}"), ["1", "2", "3"]);
        assert_eq!(expanded("{3..1}"), ["3", "2", "1"]);
        assert_eq!(expanded("{08..10}"), ["08", "09", "10"]);
        assert_eq!(expanded("{0..6..3}"), ["0", "3", "6"]);
        assert_eq!(expanded("{a..c}"), ["a", "b", "c"]);
        assert_eq!(expanded("{a}"), ["\\{a\\}"]);
        assert_eq!(expanded("{a"), ["\\{a"]);
        assert_eq!(expanded("\\{a,b\\}"), ["\\{a,b\\}"]);
    }

    #[test]
    fn refuses_more_than_it_would_ever_match() {
        assert_eq!(expand("{1..1001}"), None);
        assert_eq!(expand(&"{a,b}".repeat(10)), None);
        assert_eq!(expand("{-9223372036854775808..9223372036854775807}"), None);
    }
}
