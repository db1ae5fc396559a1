//! The grammar of `${..}`: what in a string is a variable, and what only looks like one.
//!
//! `${type:address}`, `${type(param, param):address}`, several of them separated by commas as fallbacks, the last of
//! which may be a literal. What does not begin with a lowercase letter and lead to a `:` or `(` is somebody else's
//! (`${AWS::Region}`, `${LogicalId}`, a shell's, a template's) and stays as it is; variables inside it are still read.

use std::ops::Range;

use crate::config::node::Data;
use crate::config::yaml::plain_scalar;

/// Variables inside variables, at the most.
const MAX_NESTING: usize = 16;

/// A string that holds at least one variable or escape.
#[derive(Debug, PartialEq)]
pub struct Template {
    pub parts: Vec<Part>,
}

#[derive(Debug, PartialEq)]
pub enum Part {
    /// Text, with escapes already undone, and as it was written.
    Text {
        text: String,
        written: String,
    },
    Variable(Variable),
}

/// One `${..}`.
#[derive(Debug, PartialEq)]
pub struct Variable {
    /// As it was written, braces included.
    pub written: String,
    /// In the order in which they are tried; never empty.
    pub sources: Vec<Source>,
}

#[derive(Debug, PartialEq)]
pub enum Source {
    Literal(Data),
    Call(Call),
}

/// `type(params):address`.
#[derive(Debug, PartialEq)]
pub struct Call {
    pub kind: String,
    /// `None` without parentheses.
    pub params: Option<Vec<Argument>>,
    pub address: Option<Argument>,
    /// From this source to the end of the variable, without the closing brace: `self:a, 'b'`.
    pub rest: String,
    /// What of that follows the source itself: `, 'b'`.
    pub fallbacks: String,
}

#[derive(Debug, PartialEq)]
pub enum Argument {
    Literal(Data),
    Template(Template),
}

/// Why a string is not well formed, and where in it.
#[derive(Debug, PartialEq)]
pub struct Malformed {
    pub at: Range<usize>,
    pub message: String,
    pub help: String,
}

/// A text that stands for itself, so written that it is read as itself.
pub fn escaped(text: &str) -> String {
    let mut made = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let slashes = rest[..at].bytes().rev().take_while(|byte| *byte == b'\\').count();
        made.push_str(&rest[..at]);
        made.push_str(&"\\".repeat(slashes + 1));
        made.push_str("${");
        rest = &rest[at + 2..];
    }
    made + rest
}

/// Reads the variables of a string; `None` when it has none and stands for itself.
pub fn parse(text: &str) -> Result<Option<Template>, Box<Malformed>> {
    if !text.contains("${") {
        return Ok(None);
    }
    let (_, template, _) = Scanner { text }.stretch(0, b"", 0)?;
    Ok(template)
}

/// Whether a text has variables: in what is resolved as far as it can be, those that only an account can resolve.
pub fn has_variables(text: &str) -> bool {
    let template = parse(text).ok().flatten();
    template.is_some_and(|template| template.parts.iter().any(|part| matches!(part, Part::Variable(_))))
}

struct Scanner<'a> {
    text: &'a str,
}

/// A variable and where it ends, or nothing when what stands there is not one.
type Found<T> = Result<Option<(T, usize)>, Box<Malformed>>;

/// A range of text, its template, and where it ended.
type Stretch = (Range<usize>, Option<Template>, usize);

const ESCAPE: &str = "write `\\${` for a `${` that is not a variable";

impl Scanner<'_> {
    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    fn malformed(&self, at: Range<usize>, message: impl Into<String>) -> Box<Malformed> {
        Box::new(Malformed { at, message: message.into(), help: ESCAPE.to_owned() })
    }

    /// The text from `start` up to one of `ends` (or the end of all), stepping over variables: its range without blanks
    /// around it, its template if it has anything to resolve, and where the end stands.
    fn stretch(&self, start: usize, ends: &[u8], nesting: usize) -> Result<Stretch, Box<Malformed>> {
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut written = start;
        let mut changed = false;
        let mut at = start;
        while let Some(byte) = self.byte(at) {
            let slashes = self.text.as_bytes()[at..].iter().take_while(|b| **b == b'\\').count();
            let open = at + slashes;
            if self.text[open..].starts_with("${") {
                text.push_str(&"\\".repeat(slashes / 2));
                changed |= slashes > 0;
                let found = if slashes % 2 == 1 { None } else { self.variable(open, nesting)? };
                let Some((variable, end)) = found else {
                    text.push_str("${");
                    at = open + 2;
                    continue;
                };
                if open > written {
                    let written = self.text[written..open].to_owned();
                    parts.push(Part::Text { text: std::mem::take(&mut text), written });
                }
                parts.push(Part::Variable(variable));
                changed = true;
                at = end;
                written = end;
            } else if slashes > 0 {
                text.push_str(&self.text[at..open]);
                at = open;
            } else if ends.contains(&byte) {
                break;
            } else if !ends.is_empty() && byte == b'}' {
                return Err(self.malformed(start..at + 1, "the `)` that closes the parameters is missing"));
            } else {
                let width = self.width(at);
                text.push_str(&self.text[at..at + width]);
                at += width;
            }
        }
        let all = &self.text[start..at];
        let lead = all.len() - all.trim_start().len();
        let range = start + lead..start + lead + all.trim().len();
        let (text, written) = match ends {
            b"" => (text, &self.text[written..at]),
            // A stretch starts at something that is not blank, so only its end can be.
            _ => (text.trim_end().to_owned(), self.text[written..at].trim_end()),
        };
        if !written.is_empty() {
            parts.push(Part::Text { text, written: written.to_owned() });
        }
        Ok((range, changed.then_some(Template { parts }), at))
    }

    /// The variable whose `${` stands at `open`.
    fn variable(&self, open: usize, nesting: usize) -> Found<Variable> {
        let start = open + 2;
        let end = self.kind(start);
        let is_type = self.byte(start).is_some_and(|b| b.is_ascii_lowercase());
        let leads_on = matches!(self.byte(end), Some(b':' | b'('));
        // `${aws::x}` is CloudFormation's way to write a name, not ours.
        let doubled = self.byte(end) == Some(b':') && self.byte(self.blank(end + 1)) == Some(b':');
        if !is_type || !leads_on || doubled || (nesting == 0 && self.is_policy_variable(start, end)) {
            if nesting == 0 {
                return self.dotted(open, start, end).map_or(Ok(None), Err);
            }
            let close = self.text[open..].find('}').map_or(self.text.len(), |found| open + found + 1);
            let what = &self.text[open..close];
            return Err(self.malformed(open..close, format!("`{what}` inside a variable is not a variable itself")));
        }
        if nesting >= MAX_NESTING {
            return Err(self.malformed(open..start, format!("variables are nested more than {MAX_NESTING} deep")));
        }
        let mut sources = Vec::new();
        let mut spans = Vec::new();
        let mut at = start;
        loop {
            let next = if !sources.is_empty()
                && self.text[at..].starts_with("${")
                && let Some((inner, end)) = self.variable(at, nesting + 1)?
            {
                // `${opt:a, ${self:b}}`, as everybody wrote before v2: the same as `${opt:a, self:b}`.
                spans.extend(inner.sources.iter().map(|_| None));
                sources.extend(inner.sources);
                self.blank(end)
            } else {
                let (source, next) = self.source(open, at, sources.is_empty(), nesting)?;
                spans.push(Some((at, next)));
                sources.push(source);
                next
            };
            let literal = matches!(sources.last(), Some(Source::Literal(_)));
            match self.byte(next) {
                Some(b'}') => {
                    for (source, span) in sources.iter_mut().zip(spans) {
                        if let (Source::Call(call), Some((start, end))) = (source, span) {
                            self.text[start..next].trim().clone_into(&mut call.rest);
                            self.text[end..next].trim().clone_into(&mut call.fallbacks);
                        }
                    }
                    let written = self.text[open..=next].to_owned();
                    return Ok(Some((Variable { written, sources }, next + 1)));
                }
                Some(b',') if !literal => at = self.blank(next + 1),
                Some(b',') => {
                    return Err(self.malformed(at..next, "a literal ends the list of fallbacks: nothing can follow it"));
                }
                _ => return Err(self.unclosed(open)),
            }
        }
    }

    /// Whether `${word:key}` is a variable of IAM policies, which AWS fills in when a request is made.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>
    fn is_policy_variable(&self, start: usize, end: usize) -> bool {
        if self.byte(end) != Some(b':') {
            return false;
        }
        let word = &self.text[start..end];
        let key = self.text[end + 1..].split(['}', ',', '$']).next().unwrap_or_default().trim();
        match word.split_once('.') {
            // Regions of v1 stand behind a dot: `cf.us-east-1:stack.Output`.
            Some(("cf" | "ssm" | "s3" | "self" | "opt" | "env" | "param" | "sls" | "file", _)) => false,
            // Identity providers are hosts: `www.amazon.com:user_id`, `cognito-identity.amazonaws.com:sub`.
            Some(_) => true,
            None => match word {
                "aws" => key.starts_with(|c: char| c.is_ascii_uppercase()) || matches!(key, "username" | "userid"),
                "iot" | "saml" | "transfer" => true,
                _ => word.contains('-'),
            },
        }
    }

    /// `${opt.stage, 'dev'}`: a dot where the colon belongs. Without a fallback it could be anybody's text.
    fn dotted(&self, open: usize, start: usize, end: usize) -> Option<Box<Malformed>> {
        let (source, address) = self.text[start..end].split_once('.')?;
        let close = open + self.text[open..].find('}')?;
        let rest = self.text[self.blank(end)..close].strip_prefix(',')?.trim();
        if !matches!(source, "opt" | "self" | "env" | "param") || address.is_empty() {
            return None;
        }
        let what = &self.text[open..=close];
        let help = format!("did you mean `${{{source}:{address}, {rest}}}`? Write `\\{what}` if it is not a variable");
        let message = format!("`{what}` has a dot where the colon of a variable belongs");
        Some(Box::new(Malformed { at: open..close + 1, message, help }))
    }

    fn unclosed(&self, open: usize) -> Box<Malformed> {
        self.malformed(open..self.text.len(), "the `}` that closes this variable is missing")
    }

    /// One source, and where its `,` or `}` stands.
    fn source(&self, open: usize, at: usize, first: bool, nesting: usize) -> Result<(Source, usize), Box<Malformed>> {
        if !first && let Some((text, next)) = self.quoted(at)? {
            return Ok((Source::Literal(Data::String(text)), self.blank(next)));
        }
        let end = self.kind(at);
        let word = &self.text[at..end];
        let mut next = self.blank(end);
        let params = match self.byte(end) {
            Some(b'(') => {
                let (params, close) = self.params(open, end + 1, nesting)?;
                next = self.blank(close);
                Some(params)
            }
            Some(b':') => None,
            None => return Err(self.unclosed(open)),
            _ if matches!(self.byte(next), Some(b'}' | b',')) => {
                let literal = literal(word).ok_or_else(|| {
                    let message = match word {
                        "" => String::from("a source or a literal is missing here"),
                        word => format!("`{word}` is neither a source nor a literal: text goes in quotes, '{word}'"),
                    };
                    let malformed = self.malformed(at..next.max(at + 1), message);
                    match word {
                        "" => malformed,
                        word => {
                            let before = self.text[open..at].trim_end();
                            Box::new(Malformed { help: format!("write `{before} '{word}'}}`"), ..*malformed })
                        }
                    }
                })?;
                return Ok((Source::Literal(literal), next));
            }
            _ => {
                return Err(
                    self.malformed(at..next, "this is not a source of variables (`type:address`) nor a literal")
                );
            }
        };
        if !word.bytes().next().is_some_and(|b| b.is_ascii_lowercase()) {
            return Err(
                self.malformed(at..end, format!("`{word}` cannot be a source: sources begin with a lowercase letter"))
            );
        }
        let call = |address| {
            Source::Call(Call { kind: word.to_owned(), params, address, rest: String::new(), fallbacks: String::new() })
        };
        match self.byte(next) {
            Some(b':') => {}
            Some(b'}' | b',') => return Ok((call(None), next)),
            None => return Err(self.unclosed(open)),
            Some(_) => {
                return Err(
                    self.malformed(next..next + self.width(next), "expected `:`, `,` or `}` after the parameters")
                );
            }
        }
        let start = self.blank(next + 1);
        if let Some((text, next)) = self.quoted(start)? {
            let next = self.blank(next);
            return match self.byte(next) {
                Some(b'}' | b',') => Ok((call(Some(Argument::Literal(Data::String(text)))), next)),
                None => Err(self.unclosed(open)),
                Some(_) => Err(self.malformed(start..next, "a quoted address ends with its quote")),
            };
        }
        let (range, template, end) = self.stretch(start, b"},", nesting + 1)?;
        if end >= self.text.len() {
            return Err(self.unclosed(open));
        }
        let address = match template {
            Some(template) => Some(Argument::Template(template)),
            None if range.is_empty() => None,
            None => Some(Argument::Literal(Data::String(self.text[range].to_owned()))),
        };
        Ok((call(address), end))
    }

    /// What stands between parentheses, from behind the opening one to behind the closing one.
    fn params(&self, open: usize, start: usize, nesting: usize) -> Result<(Vec<Argument>, usize), Box<Malformed>> {
        let mut params = Vec::new();
        let mut at = self.blank(start);
        loop {
            let next = match self.byte(at) {
                Some(b')') => return Ok((params, at + 1)),
                Some(b',') => {
                    params.push(Argument::Literal(Data::Null));
                    at
                }
                None => return Err(self.unclosed(open)),
                Some(_) => match self.quoted(at)? {
                    Some((text, next)) => {
                        params.push(Argument::Literal(Data::String(text)));
                        self.blank(next)
                    }
                    None => {
                        let (range, template, next) = self.stretch(at, b",)", nesting + 1)?;
                        let text = &self.text[range];
                        params.push(match template {
                            Some(template) => Argument::Template(template),
                            None => Argument::Literal(literal(text).unwrap_or_else(|| Data::String(text.to_owned()))),
                        });
                        next
                    }
                },
            };
            match self.byte(next) {
                Some(b',') => at = self.blank(next + 1),
                Some(b')') => return Ok((params, next + 1)),
                None => return Err(self.unclosed(open)),
                Some(_) => return Err(self.malformed(at..next, "expected `,` or `)` after a parameter")),
            }
        }
    }

    /// A quoted text at `at`, and where it ends.
    fn quoted(&self, at: usize) -> Found<String> {
        match self.byte(at) {
            Some(b'\'') => match self.text[at + 1..].find('\'') {
                Some(length) => Ok(Some((self.text[at + 1..at + 1 + length].to_owned(), at + length + 2))),
                None => Err(self.malformed(at..self.text.len(), "a quote is opened and never closed")),
            },
            Some(b'"') => {
                let mut escaped = false;
                for (index, byte) in self.text.as_bytes()[at + 1..].iter().enumerate() {
                    match byte {
                        _ if escaped => escaped = false,
                        b'\\' => escaped = true,
                        b'"' => {
                            let end = at + index + 2;
                            let text = serde_json::from_str(&self.text[at..end])
                                .map_err(|_| self.malformed(at..end, "not a valid text in double quotes"))?;
                            return Ok(Some((text, end)));
                        }
                        _ => {}
                    }
                }
                Err(self.malformed(at..self.text.len(), "a quote is opened and never closed"))
            }
            _ => Ok(None),
        }
    }

    /// Where the word (a type or a literal) at `at` ends.
    fn kind(&self, at: usize) -> usize {
        let word = self.text.as_bytes()[at.min(self.text.len())..].iter();
        at + word.take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'+')).count()
    }

    fn blank(&self, at: usize) -> usize {
        let rest = self.text.as_bytes().get(at..).unwrap_or_default();
        at + rest.iter().take_while(|b| b.is_ascii_whitespace()).count()
    }

    fn width(&self, at: usize) -> usize {
        self.text[at..].chars().next().map_or(1, char::len_utf8)
    }
}

/// `true`, `false`, `null` and numbers.
fn literal(word: &str) -> Option<Data> {
    match word {
        "true" => Some(Data::Bool(true)),
        "false" => Some(Data::Bool(false)),
        "null" => Some(Data::Null),
        _ if word.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) => match plain_scalar(word)
        {
            Data::Float(value) if !value.is_finite() => None,
            number @ (Data::Int(_) | Data::Float(_)) => Some(number),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One line that shows how a string was understood: `[text|<self:a / 'b'>]`.
    fn read(text: &str) -> String {
        match parse(text) {
            Ok(None) => String::from("-"),
            Ok(Some(template)) => show(&template),
            Err(malformed) => format!("! {} @{}", malformed.message, &text[malformed.at]),
        }
    }

    fn show(template: &Template) -> String {
        let part = |part: &Part| match part {
            Part::Text { text, .. } => format!("{text:?}"),
            Part::Variable(variable) => {
                let sources: Vec<_> = variable.sources.iter().map(source).collect();
                format!("<{}>", sources.join(" / "))
            }
        };
        template.parts.iter().map(part).collect::<Vec<_>>().join(" + ")
    }

    fn source(source: &Source) -> String {
        match source {
            Source::Literal(data) => format!("{data:?}"),
            Source::Call(call) => {
                let params = call.params.as_ref().map_or_else(String::new, |params| {
                    format!("({})", params.iter().map(argument).collect::<Vec<_>>().join("; "))
                });
                let address =
                    call.address.as_ref().map_or_else(String::new, |address| format!(":{}", argument(address)));
                format!("{}{params}{address}", call.kind)
            }
        }
    }

    fn argument(argument: &Argument) -> String {
        match argument {
            Argument::Literal(Data::String(text)) => text.clone(),
            Argument::Literal(data) => format!("{data:?}"),
            Argument::Template(template) => format!("{{{}}}", show(template)),
        }
    }

    #[test]
    fn strings_are_understood_as_the_framework_does() {
        let table = [
            // Not ours.
            ("plain", "-"),
            ("$5 and {x}", "-"),
            ("${AWS::Region}", "-"),
            ("${LogicalId}", "-"),
            ("${LogicalId.Arn}", "-"),
            ("${}", "-"),
            ("${foo}", "-"),
            ("${foo, 'x'}", "-"),
            ("${foo.bar}", "-"),
            ("${aws::region}", "-"),
            ("${!Literal}", "-"),
            ("${1:a}", "-"),
            ("${unclosed", "-"),
            ("${_x:y}", "-"),
            ("${cognito-identity.amazonaws.com:sub}", "-"),
            ("${www.amazon.com:user_id}", "-"),
            ("${aws:username}", "-"),
            ("${aws:PrincipalTag/team}", "-"),
            ("${iot:Connection.Thing.ThingName}", "-"),
            // Ours.
            ("${self:}", "<self>"),
            ("${self:a.b.0}", "<self:a.b.0>"),
            ("${ self:a}", "-"),
            ("${self: a }", "<self:a>"),
            ("${opt:stage, 'dev'}", "<opt:stage / String(\"dev\")>"),
            ("${opt:stage, \"d\\u0065v\"}", "<opt:stage / String(\"dev\")>"),
            ("${opt:stage,self:a,env:B, null}", "<opt:stage / self:a / env:B / Null>"),
            ("${env:A, true}", "<env:A / Bool(true)>"),
            ("${env:A, -1.5}", "<env:A / Float(-1.5)>"),
            ("${env:A, 010}", "<env:A / Int(10)>"),
            ("${env:A, ''}", "<env:A / String(\"\")>"),
            ("${env:A, self:}", "<env:A / self>"),
            ("${file(./x.yml)}", "<file(./x.yml)>"),
            ("${file(./x.yml):a.b}", "<file(./x.yml):a.b>"),
            ("${file( 'x y.yml' ) : a}", "<file(x y.yml):a>"),
            ("${cf(us-east-1):stack.Out}", "<cf(us-east-1):stack.Out>"),
            ("${cf.us-east-1:stack.Out}", "<cf.us-east-1:stack.Out>"),
            ("${ssm(eu-west-1, raw, noDecrypt):/p}", "<ssm(eu-west-1; raw; noDecrypt):/p>"),
            ("${ssm(, raw):/p}", "<ssm(Null; raw):/p>"),
            ("${x():a}", "<x():a>"),
            ("${strToBool(1)}", "<strToBool(Int(1))>"),
            ("${ssm:/a/b~true}", "<ssm:/a/b~true>"),
            ("${aws:ssm:/a/b}", "<aws:ssm:/a/b>"),
            ("${s3:bucket/key with space.txt}", "<s3:bucket/key with space.txt>"),
            ("${self:'a,b'}", "<self:a,b>"),
            // Inside text and inside each other.
            ("a-${self:b}-c", "\"a-\" + <self:b> + \"-c\""),
            ("${self:a}${self:b}", "<self:a> + <self:b>"),
            ("$${self:a}", "\"$\" + <self:a>"),
            ("${AWS::X}-${self:a}", "\"${AWS::X}-\" + <self:a>"),
            ("${Foo${sls:stage}}", "\"${Foo\" + <sls:stage> + \"}\""),
            ("${self:a.${opt:b, 'c'}.d}", "<self:{\"a.\" + <opt:b / String(\"c\")> + \".d\"}>"),
            ("${self:${opt:b} }", "<self:{<opt:b>}>"),
            (
                "${file(./c.${opt:s,'d'}.yml):${self:k}}",
                "<file({\"./c.\" + <opt:s / String(\"d\")> + \".yml\"}):{<self:k>}>",
            ),
            ("${strToBool(${env:X})}", "<strToBool({<env:X>})>"),
            ("${opt:a, ${self:b, 'c'}}", "<opt:a / self:b / String(\"c\")>"),
            ("${opt:a, ${AWS::X}}", "! `${AWS::X}` inside a variable is not a variable itself @${AWS::X}"),
            // Escapes.
            ("\\${self:a}", "\"${self:a}\""),
            ("\\\\${self:a}", "\"\\\\\" + <self:a>"),
            ("\\\\\\${self:a}", "\"\\\\${self:a}\""),
            ("C:\\dir\\${x}", "\"C:\\\\dir${x}\""),
            ("C:\\dir ${AWS::X}", "-"),
            // Wrong.
            ("${self:a", "! the `}` that closes this variable is missing @${self:a"),
            ("${self:a, 'b'", "! the `}` that closes this variable is missing @${self:a, 'b'"),
            ("${opt:a, dev}", "! `dev` is neither a source nor a literal: text goes in quotes, 'dev' @dev"),
            ("${opt:a, 'b', self:c}", "! a literal ends the list of fallbacks: nothing can follow it @'b'"),
            ("${opt:a, }", "! a source or a literal is missing here @}"),
            ("${self:a.${foo}}", "! `${foo}` inside a variable is not a variable itself @${foo}"),
            ("${self:${AWS::Region}}", "! `${AWS::Region}` inside a variable is not a variable itself @${AWS::Region}"),
            ("${file(./x}", "! the `)` that closes the parameters is missing @./x}"),
            ("${self:'a}", "! a quote is opened and never closed @'a}"),
            ("${opt:a, Foo:b}", "! `Foo` cannot be a source: sources begin with a lowercase letter @Foo"),
        ];
        for (text, understood) in table {
            assert_eq!(read(text), understood, "{text}");
        }
    }

    #[test]
    fn nesting_has_an_end_and_costs_no_more_than_the_text_is_long() {
        let deep = "${self:".repeat(5000) + &"}".repeat(5000);
        assert!(read(&deep).starts_with("! variables are nested more than 16 deep"));
    }

    proptest! {
        #[test]
        fn no_string_makes_it_panic(
            parts in proptest::collection::vec(
                prop::sample::select(vec![
                    "${", "}", "self", "opt:", ":", "a", ",", " ", "(", ")", "'", "\"", "\\", "$", "{", "AWS::", "1", "-", ".", "\u{e9}", "\n", "file(",
                ]),
                0..40,
            )
        ) {
            let text = parts.concat();
            if let Err(malformed) = parse(&text) {
                prop_assert!(text.get(malformed.at).is_some());
            }
        }
    }
}
