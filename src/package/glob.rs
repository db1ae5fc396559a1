//! One glob as micromatch reads it with `dot: true`, which is what the Serverless Framework matches package patterns
//! with.
//!
//! A glob becomes a regular expression rather than a `globset` glob: that crate has neither the extended groups
//! (`+(a|b)`, `!(a|b)`) nor number ranges, and reads `a/**` as "beneath `a`" where micromatch also matches `a`
//! itself. The common shapes (`dir/**`, a plain path) are compared as text and never reach the expression.

use regex::{Regex, RegexBuilder};

use super::braces;

/// A compiled glob over names with `/` between their parts, relative to the directory that is packaged.
#[derive(Clone, Debug)]
pub struct Glob {
    /// How many directories above the packaged one it looks: `../shared/**` has one.
    ups: usize,
    shape: Shape,
    /// The leading parts without any wildcard, which everything it matches begins with.
    base: Vec<String>,
    /// Whether matching a directory's own name means matching all that is beneath it.
    beneath_too: bool,
}

#[derive(Clone, Debug)]
enum Shape {
    /// `**`
    Everything,
    /// `src/a.js`
    Exactly(String),
    /// `src/**`
    Beneath(String),
    /// Anything else: matches the first and none of the rest, one for each `!(..)` in the glob.
    Expression { matches: Regex, unless: Vec<Regex> },
}

/// Why a text is not a glob.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadGlob {
    #[error("is empty")]
    Empty,
    #[error("is absolute, and patterns are relative to the service directory")]
    Absolute,
    #[error("goes up after it went down")]
    UpInside,
    #[error("stands for more than {} alternatives", braces::MOST)]
    TooManyAlternatives,
    #[error("is too large to compile")]
    TooLarge,
}

impl Glob {
    /// Compiles a glob without its leading `!`.
    ///
    /// # Errors
    /// When nothing inside or beside the service directory could ever match, or the glob is unreasonably large.
    pub fn new(text: &str) -> Result<Self, BadGlob> {
        let (ups, text) = normalise(text)?;
        let alternatives = braces::expand(&text).ok_or(BadGlob::TooManyAlternatives)?;
        let base = match &alternatives[..] {
            [one] => literal_parts(one),
            _ => literal_parts(&text),
        };
        let beneath_too = alternatives.iter().all(|glob| glob == "**" || glob.ends_with("/**"));
        let shape = match &alternatives[..] {
            [one] if one == "**" => Shape::Everything,
            [one] if !has_wildcard(one) => Shape::Exactly(unescape(one)),
            [one] if one.strip_suffix("/**").is_some_and(|dir| !has_wildcard(dir)) => {
                Shape::Beneath(unescape(one.trim_end_matches("/**")))
            }
            _ => expression(&alternatives)?,
        };
        Ok(Self { ups, shape, base, beneath_too })
    }

    /// Whether a name matches: `ups` directories up, then `name`.
    pub fn matches(&self, ups: usize, name: &str) -> bool {
        ups == self.ups
            && match &self.shape {
                Shape::Everything => true,
                Shape::Exactly(path) => name == path,
                Shape::Beneath(dir) => is_beneath(name, dir) || name == dir,
                Shape::Expression { matches, unless } => {
                    matches.is_match(name) && !unless.iter().any(|other| other.is_match(name))
                }
            }
    }

    /// Whether everything beneath a directory surely matches.
    pub fn covers(&self, ups: usize, dir: &str) -> bool {
        let certain = !matches!(&self.shape, Shape::Expression { unless, .. } if !unless.is_empty());
        self.beneath_too && certain && self.matches(ups, dir)
    }

    /// Whether anything beneath a directory could match; `true` when in doubt.
    pub fn may_match_beneath(&self, ups: usize, dir: &str) -> bool {
        ups == self.ups
            && match &self.shape {
                Shape::Everything => true,
                Shape::Exactly(path) => is_beneath(path, dir),
                Shape::Beneath(_) | Shape::Expression { .. } => {
                    dir.split('/').zip(&self.base).all(|(part, base)| part == base)
                }
            }
    }

    /// The directory above the packaged one that has to be walked for it (`../shared`), when it looks up.
    pub fn outside(&self) -> Option<String> {
        if self.ups == 0 {
            return None;
        }
        let mut parts = vec![".."; self.ups];
        let dirs = match &self.shape {
            Shape::Exactly(_) => self.base.len().saturating_sub(1),
            _ => self.base.len(),
        };
        parts.extend(self.base[..dirs].iter().map(String::as_str));
        Some(parts.join("/"))
    }

    /// The path, when the glob is one without any wildcard.
    pub fn plain_path(&self) -> Option<String> {
        match &self.shape {
            Shape::Exactly(path) => Some(format!("{}{path}", "../".repeat(self.ups))),
            _ => None,
        }
    }
}

/// Whether `name` lies beneath the directory `dir`.
pub fn is_beneath(name: &str, dir: &str) -> bool {
    name.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'))
}

/// Takes away `./`, doubled slashes and leading `../`, which are counted.
fn normalise(text: &str) -> Result<(usize, String), BadGlob> {
    if text.is_empty() {
        return Err(BadGlob::Empty);
    }
    if text.starts_with('/') {
        return Err(BadGlob::Absolute);
    }
    let directory = text.ends_with('/');
    let mut ups = 0;
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.is_empty() => ups += 1,
            ".." => match parts.pop() {
                Some(part) if !has_wildcard(part) => {}
                _ => return Err(BadGlob::UpInside),
            },
            // `a/**/**/b` says no more than `a/**/b`.
            "**" if parts.last() == Some(&"**") => {}
            _ => parts.push(part),
        }
    }
    let mut path = parts.join("/");
    if directory && !path.is_empty() {
        // Names of files never end so: it matches nothing, as in the framework.
        path.push('/');
    }
    if path.is_empty() { Err(BadGlob::Empty) } else { Ok((ups, path)) }
}

fn has_wildcard(text: &str) -> bool {
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '*' | '?' | '[' | '(' | '{' => return true,
            _ => {}
        }
    }
    false
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => plain.extend(chars.next()),
            _ => plain.push(c),
        }
    }
    plain
}

fn literal_parts(glob: &str) -> Vec<String> {
    glob.split('/').take_while(|part| !has_wildcard(part) && !part.ends_with(['!', '@', '+'])).map(unescape).collect()
}

fn expression(alternatives: &[String]) -> Result<Shape, BadGlob> {
    let mut matches = Vec::new();
    let mut unless = Vec::new();
    for glob in alternatives {
        let chars: Vec<char> = glob.chars().collect();
        let mut translation = Translation { chars: &chars, negations: 0, applied: None, rest: Rest::Glob, depth: 0 };
        matches.push(translation.glob());
        for nth in 0..translation.negations {
            let mut without =
                Translation { chars: &chars, negations: 0, applied: Some(nth), rest: Rest::Glob, depth: 0 };
            unless.push(compile(&without.glob())?);
        }
    }
    Ok(Shape::Expression { matches: compile(&matches.join("|"))?, unless })
}

fn compile(expression: &str) -> Result<Regex, BadGlob> {
    RegexBuilder::new(&format!("^(?:{expression})$"))
        .dot_matches_new_line(true)
        .size_limit(4 << 20)
        .nest_limit(100)
        .build()
        .map_err(|_| BadGlob::TooLarge)
}

/// The walk over one glob's characters that writes its regular expression.
///
/// A regular expression here cannot say "anything but": so `!(a|b)` is first written as "anything", and once more as
/// `a|b` in an expression of its own that the name must not match. What follows the group counts as in picomatch:
/// at the end of the glob `!(a)` forbids exactly `a`, further left anything that begins with `a`
/// (`src/!(test)/**` leaves `src/testing/` out too), unless it is a suffix like `!(*.test).js`.
struct Translation<'a> {
    chars: &'a [char],
    /// How many `!(..)` were met.
    negations: usize,
    /// Which of them to write as what it forbids.
    applied: Option<usize>,
    /// What is still to be written once the forbidden text stands.
    rest: Rest,
    depth: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// The glob as it goes on.
    Glob,
    /// The glob as it goes on, then anything.
    GlobThenAnything,
    /// Anything.
    Anything,
}

impl Translation<'_> {
    fn glob(&mut self) -> String {
        let mut out = String::new();
        let mut at = 0;
        // `**` is special only as a whole part; the slash on one of its sides belongs to it.
        while at < self.chars.len() {
            let starts_part = at == 0 || self.chars[at - 1] == '/';
            if starts_part && self.chars[at..].starts_with(&['*', '*']) {
                match self.chars.get(at + 2) {
                    None => {
                        if out.ends_with('/') {
                            out.pop();
                            out.push_str("(?:/.*)?");
                        } else {
                            out.push_str(".*");
                        }
                        return out;
                    }
                    Some('/') => {
                        out.push_str("(?:.*/)?");
                        at += 3;
                        continue;
                    }
                    Some(_) => {}
                }
            }
            if starts_part && self.chars[at] == '*' && matches!(self.chars.get(at + 1), None | Some('/')) {
                out.push_str("[^/]+");
                at += 1;
                continue;
            }
            at = self.piece(at, self.chars.len(), &mut out);
            if self.rest == Rest::Anything {
                break;
            }
        }
        if self.rest != Rest::Glob {
            out.push_str(".*");
        }
        out
    }

    /// Writes what begins at `at`, and gives where the next begins.
    fn piece(&mut self, at: usize, end: usize, out: &mut String) -> usize {
        let c = self.chars[at];
        if matches!(c, '@' | '?' | '*' | '+' | '!' | '(') {
            let open = if c == '(' { at } else { at + 1 };
            if self.chars.get(open) == Some(&'(')
                && open < end
                && self.depth < 20
                && let Some(close) = self.closing(open, end)
            {
                self.group(c, open + 1, close, out);
                return close + 1;
            }
        }
        match c {
            '*' => {
                out.push_str("[^/]*");
                let more = self.chars[at..end].iter().take_while(|c| **c == '*').count();
                // `**(..)` keeps its last star for the group.
                let group = more > 1 && self.chars.get(at + more) == Some(&'(');
                return at + more - usize::from(group);
            }
            '?' => out.push_str("[^/]"),
            '[' => {
                if let Some(next) = self.class(at, end, out) {
                    return next;
                }
                out.push_str(r"\[");
            }
            '\\' if at + 1 < end => {
                out.push_str(&regex::escape(&self.chars[at + 1].to_string()));
                return at + 2;
            }
            _ => out.push_str(&regex::escape(&c.to_string())),
        }
        at + 1
    }

    fn group(&mut self, kind: char, start: usize, close: usize, out: &mut String) {
        let applied = kind != '!' || {
            self.negations += 1;
            self.applied == Some(self.negations - 1)
        };
        self.depth += 1;
        let mut inner = String::new();
        let mut at = start;
        while at < close {
            if self.chars[at] == '|' {
                inner.push('|');
                at += 1;
            } else {
                at = self.piece(at, close, &mut inner);
            }
        }
        self.depth -= 1;
        if applied {
            out.push_str("(?:");
            out.push_str(&inner);
            out.push(')');
        } else {
            out.push_str("[^/]*");
        }
        if kind == '!' && applied && self.depth == 0 {
            self.rest = match &self.chars[close + 1..] {
                [] => Rest::Glob,
                ['.', suffix @ ..]
                    if self.chars[start..close].contains(&'*')
                        && !suffix.is_empty()
                        && !suffix.iter().any(|c| matches!(c, '.' | '/' | '\\')) =>
                {
                    Rest::GlobThenAnything
                }
                _ => Rest::Anything,
            };
        }
        match kind {
            '?' => out.push('?'),
            '*' => out.push('*'),
            '+' => out.push('+'),
            _ => {}
        }
    }

    fn closing(&self, open: usize, end: usize) -> Option<usize> {
        let mut depth = 0;
        let mut at = open;
        while at < end {
            match self.chars[at] {
                '\\' => at += 1,
                '(' => depth += 1,
                ')' => {
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

    /// Writes `[a-z]`, `[^a]`, `[[:digit:]]` (and `[!a]`, where micromatch takes `!` for a character); `None` when the bracket is not closed.
    fn class(&self, open: usize, end: usize, out: &mut String) -> Option<usize> {
        let mut at = open + 1;
        let negated = self.chars.get(at) == Some(&'^');
        at += usize::from(negated);
        let first = at;
        let mut set = String::from(if negated { "[^/" } else { "[" });
        while at < end {
            let c = self.chars[at];
            match c {
                ']' if at > first => {
                    set.push(']');
                    // A range that runs backwards, say, is no class: the bracket is then a plain character.
                    Regex::new(&set).ok()?;
                    out.push_str(&set);
                    return Some(at + 1);
                }
                '/' => return None,
                '[' if self.chars.get(at + 1) == Some(&':') => {
                    let name: String = self.chars[at + 2..end].iter().take_while(|c| c.is_ascii_alphabetic()).collect();
                    let after = at + 2 + name.len();
                    if self.chars.get(after) != Some(&':') || self.chars.get(after + 1) != Some(&']') {
                        return None;
                    }
                    set.push_str(&format!("[:{name}:]"));
                    at = after + 1;
                }
                '\\' if at + 1 < end => {
                    at += 1;
                    push_class_char(self.chars[at], &mut set);
                }
                '-' if at > first && self.chars.get(at + 1) != Some(&']') => set.push('-'),
                _ => push_class_char(c, &mut set),
            }
            at += 1;
        }
        None
    }
}

fn push_class_char(c: char, set: &mut String) {
    if !c.is_alphanumeric() {
        set.push('\\');
    }
    set.push(c);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(glob: &str, name: &str) -> bool {
        let ups = name.split('/').take_while(|part| *part == "..").count();
        Glob::new(glob).expect(glob).matches(ups, &name[ups * 3..])
    }

    #[test]
    fn matches_as_micromatch_does_with_dot_on() {
        // Each row was checked against micromatch 4 with `{dot: true}`.
        let rows: &[(&str, &[&str], &[&str])] = &[
            ("**", &["a", "a/b", ".env", "a/.b/c"], &[]),
            ("*", &["a", ".env"], &["a/b"]),
            ("*.js", &["a.js", ".eslintrc.js"], &["src/a.js", "a.jsx"]),
            ("src/**", &["src/a", "src/a/b", "src/.a", "src"], &["srca", "a/src/b"]),
            ("./src/**", &["src/a"], &[]),
            ("**/a.js", &["a.js", "x/a.js", "x/y/a.js"], &["xa.js"]),
            ("a/**/b", &["a/b", "a/x/b", "a/x/y/b"], &["ab", "a/xb"]),
            ("a/**/*.js", &["a/b.js", "a/x/y/b.js"], &["a.js"]),
            ("a**b", &["ab", "axb"], &["a/b"]),
            ("src/*", &["src/a"], &["src/a/b", "src/", "src"]),
            ("a?c", &["abc"], &["ac", "a/c"]),
            ("{a,b}/**", &["a/x", "b/x"], &["c/x"]),
            ("src/{a,b/{c,d}}.js", &["src/a.js", "src/b/c.js", "src/b/d.js"], &["src/b.js"]),
            ("f{1..3}.js", &["f1.js", "f3.js"], &["f4.js"]),
            ("{a}.js", &["{a}.js"], &["a.js"]),
            ("[ab].js", &["a.js", "b.js"], &["c.js"]),
            ("[^ab].js", &["c.js"], &["a.js", "/.js"]),
            ("[!ab].js", &["!.js", "a.js"], &["c.js"]),
            ("[a-c]x", &["ax", "cx"], &["dx"]),
            ("[[:digit:]]", &["7"], &["a"]),
            ("@(a|b).js", &["a.js", "b.js"], &["ab.js"]),
            ("?(a)b", &["b", "ab"], &["aab"]),
            ("+(a|b).js", &["a.js", "abba.js"], &[".js", "c.js"]),
            ("*(a|b).js", &[".js", "ab.js"], &["c.js"]),
            ("!(a|b).js", &["c.js"], &["a.js", "b.js", "ab.js"]),
            ("src/!(a|b)", &["src/ab"], &["src/a", "src/b"]),
            ("src/!(test)/**", &["src/lib/a.js"], &["src/test/a.js", "src/testing/a.js"]),
            ("src/!(*.test|*.spec).js", &["src/a.js", "src/a.testx.js"], &["src/a.test.js", "src/a.spec.js"]),
            ("!(a)/!(b)", &["x/y"], &["a/y", "x/b"]),
            ("*.!(map)", &["a.js"], &["a.map"]),
            ("(a|b)/c", &["a/c", "b/c"], &["c"]),
            ("a\\*b", &["a*b"], &["axb"]),
            ("a+b(c)", &["a+bc"], &["ab"]),
            ("dist/", &[], &["dist", "dist/a"]),
            ("../shared/**", &["../shared/a.js"], &["shared/a.js", "../../shared/a.js"]),
            ("node_modules/@aws-sdk/**", &["node_modules/@aws-sdk/x/y.js"], &["node_modules/aws-sdk/x"]),
        ];
        for (glob, yes, no) in rows {
            for name in *yes {
                assert!(matches(glob, name), "{glob} should match {name}");
            }
            for name in *no {
                assert!(!matches(glob, name), "{glob} should not match {name}");
            }
        }
    }

    #[test]
    fn reads_a_path_as_the_file_system_would() {
        assert!(matches("src//a.js", "src/a.js"));
        assert!(matches("a/../b", "b"));
    }

    #[test]
    fn refuses_what_can_never_match() {
        let refusal = |text: &str| Glob::new(text).err();
        assert_eq!(refusal(""), Some(BadGlob::Empty));
        assert_eq!(refusal("./"), Some(BadGlob::Empty));
        assert_eq!(refusal("/etc/**"), Some(BadGlob::Absolute));
        assert_eq!(refusal("*/../a"), Some(BadGlob::UpInside));
        assert_eq!(refusal("{1..100000}"), Some(BadGlob::TooManyAlternatives));
    }

    #[test]
    fn tells_what_a_directory_can_hold() {
        let glob = |text: &str| Glob::new(text).expect(text);
        assert!(glob("node_modules/**").covers(0, "node_modules"));
        assert!(glob("**/node_modules/**").covers(0, "a/node_modules"));
        assert!(!glob("node_modules/**/*.md").covers(0, "node_modules"));
        assert!(!glob("!(a)/**").covers(0, "b"), "in doubt it is not covered");
        assert!(glob("src/*/a.js").may_match_beneath(0, "src/x"));
        assert!(!glob("src/*/a.js").may_match_beneath(0, "lib"));
        assert!(glob("src/x/a.js").may_match_beneath(0, "src"));
        assert!(!glob("src/x/a.js").may_match_beneath(0, "src/y"));
        assert!(glob("{src,lib}/**").may_match_beneath(0, "lib"));
        assert!(!glob("../x/**").may_match_beneath(0, "x"));
    }

    #[test]
    fn names_the_directory_to_walk_outside() {
        let outside = |text: &str| Glob::new(text).expect(text).outside();
        assert_eq!(outside("../shared/**").as_deref(), Some("../shared"));
        assert_eq!(outside("../../a/b.js").as_deref(), Some("../../a"));
        assert_eq!(outside("../*.js").as_deref(), Some(".."));
        assert_eq!(outside("src/**"), None);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(glob in r"[a-c*?!@+(){}\[\]|,./\\0-9-]{0,24}", name in "[a-c./]{0,12}") {
            if let Ok(glob) = Glob::new(&glob) {
                glob.matches(0, &name);
                glob.covers(0, &name);
            }
        }

        #[test]
        fn a_covered_directory_holds_nothing_else(glob in r"[ab*!@(){}|,/]{1,12}", dir in "[ab](/[ab]){0,2}", name in "[ab]{1,3}") {
            if let Ok(glob) = Glob::new(&glob) {
                let inside = format!("{dir}/{name}");
                if glob.covers(0, &dir) {
                    assert!(glob.matches(0, &inside));
                }
                if !glob.may_match_beneath(0, &dir) {
                    assert!(!glob.matches(0, &inside));
                }
            }
        }
    }
}
