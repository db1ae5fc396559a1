//! `.env` files: how they are read, which are loaded by `useDotenv`, and what the dotenv plugin makes of them. What they
//! hold is often secret: their texts are not among the sources that diagnostics show.

use std::collections::BTreeMap;
use std::path::Path;

use indexmap::IndexMap;

use super::diagnostic::Diagnostic;
use super::node::{Data, Entry, Node, Place, Reference};
use super::read;

/// Variables in the order of their file.
pub type Variables = IndexMap<String, String>;

/// Reads a `.env` file's text. `$NAME`, `${NAME}` and `${NAME:-default}` are filled in from `env`, then from the file's
/// own variables.
pub fn parse(text: &str, env: &BTreeMap<String, String>) -> Variables {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut found = Variables::new();
    let mut at = 0;
    while at < text.len() {
        let start = at;
        let end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
        at = end + 1;
        let Some(equals) = text[start..end].find('=') else { continue };
        let name = text[start..start + equals].trim();
        let name = name.strip_prefix("export ").unwrap_or(name).trim();
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')) {
            continue;
        }
        let written = text[start + equals + 1..end].trim_start();
        let begin = end - written.len();
        let value = match written.chars().next() {
            Some('#') => String::new(),
            // A quoted value may go on over several lines, so its end is looked for in all that is left.
            Some(quote @ ('"' | '\'' | '`')) => match close(&text[begin + 1..], quote) {
                Some(length) => {
                    let body = &text[begin + 1..begin + 1 + length];
                    let behind = begin + length + 2;
                    at = text[behind..].find('\n').map_or(text.len(), |newline| behind + newline + 1);
                    match quote {
                        '"' => body.replace("\\n", "\n").replace("\\r", "\r").replace("\\\"", "\""),
                        _ => body.to_owned(),
                    }
                }
                None => written.trim_end().to_owned(),
            },
            _ => written.split(" #").next().unwrap_or_default().trim().to_owned(),
        };
        found.insert(name.to_owned(), expand(&value, env, &found));
    }
    found
}

/// Where a quoted text ends: at the next quote of its kind that no backslash stands before.
fn close(body: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    body.char_indices().find_map(|(at, c)| {
        let ends = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        ends.then_some(at)
    })
}

fn expand(value: &str, env: &BTreeMap<String, String>, found: &Variables) -> String {
    let mut text = String::new();
    let mut rest = value;
    while let Some(at) = rest.find('$') {
        let before = &rest[..at];
        let after = &rest[at + 1..];
        if let Some(before) = before.strip_suffix('\\') {
            text.push_str(before);
            text.push('$');
            rest = after;
            continue;
        }
        text.push_str(before);
        let braced = after.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let (name, default, left) = match braced {
            Some((inner, left)) => {
                let (name, default) =
                    inner.split_once(":-").map_or((inner, None), |(name, default)| (name, Some(default)));
                (name, default, left)
            }
            None => {
                let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
                (&after[..end], None, &after[end..])
            }
        };
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            text.push('$');
            rest = after;
            continue;
        }
        let filled = env.get(name).or_else(|| found.get(name)).map(String::as_str).filter(|text| !text.is_empty());
        text.push_str(filled.or(default).unwrap_or_default());
        rest = left;
    }
    text.push_str(rest);
    text
}

/// What `useDotenv` says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Use {
    No,
    /// v3: `.env.<stage>`, or else `.env`.
    First,
    /// v4: both, `.env.<stage>` winning.
    Both,
    /// These files.
    Files(Vec<String>),
}

impl Use {
    /// From the setting, and whether the file is one of v4, where it is on unless it is switched off.
    pub fn of(setting: Option<&Node>, v4: bool) -> Self {
        let on = if v4 { Self::Both } else { Self::First };
        match setting.map(|node| &node.data) {
            None | Some(Data::Null) if v4 => Self::Both,
            Some(Data::Bool(true)) => on,
            Some(Data::String(text)) if text == "true" => on,
            Some(Data::String(text)) if text != "false" && !text.is_empty() => Self::Files(vec![text.clone()]),
            Some(Data::List(items)) => {
                Self::Files(items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect())
            }
            _ => Self::No,
        }
    }
}

/// The variables of the `.env` files that are to be loaded, without those that the environment has already.
pub(super) fn load(
    used: &Use,
    stage: &str,
    directory: &Path,
    env: &BTreeMap<String, String>,
) -> Result<Variables, Box<Diagnostic>> {
    let of_stage = format!(".env.{stage}");
    let files: Vec<&str> = match used {
        Use::No => return Ok(Variables::new()),
        Use::First | Use::Both => vec![&of_stage, ".env"],
        Use::Files(files) => files.iter().map(String::as_str).collect(),
    };
    let mut all = Variables::new();
    for file in files {
        let Some(text) = text(&directory.join(file), file)? else { continue };
        for (name, value) in parse(&text, env) {
            if !env.contains_key(&name) {
                all.entry(name).or_insert(value);
            }
        }
        if *used == Use::First {
            break;
        }
    }
    Ok(all)
}

fn text(path: &Path, shown: &str) -> Result<Option<String>, Box<Diagnostic>> {
    read::text(path)
        .map_err(|why| Diagnostic::error("unreadable-file", format!("{shown} cannot be read: {why}")).into())
}

/// What serverless-dotenv-plugin puts into every function's environment: its settings are `custom.dotenv`.
pub(super) fn plugin(
    settings: Option<&Node>,
    stage: Option<&str>,
    directory: &Path,
    env: &BTreeMap<String, String>,
    place: Place,
) -> (Variables, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let setting = |key: &str| settings.and_then(|settings| settings.get(key));
    let words = |key: &str| -> Option<Vec<String>> {
        match &setting(key)?.data {
            Data::String(text) => Some(vec![text.clone()]),
            Data::List(items) => Some(items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()),
            _ => None,
        }
    };
    let at = settings.map_or(place, |settings| settings.place);
    let base = setting("basePath").and_then(Node::as_str).unwrap_or_default();
    let named = words("path");
    let mode = env.get("NODE_ENV").map(String::as_str).or(stage).unwrap_or("development");
    let files = named.clone().unwrap_or_else(|| {
        // In the plugin's order, in which the first file to name a variable wins.
        let mut files = vec![format!("{base}.env.{mode}.local"), format!("{base}.env.{mode}")];
        if mode != "test" {
            files.push(format!("{base}.env.local"));
        }
        files.push(format!("{base}.env"));
        files
    });
    let mut found = Variables::new();
    let mut any = false;
    for file in &files {
        match text(&directory.join(file), file) {
            Ok(Some(text)) => {
                any = true;
                for (name, value) in parse(&text, env) {
                    let value = env.get(&name).cloned().unwrap_or(value);
                    found.entry(name).or_insert(value);
                }
            }
            Ok(None) => {}
            Err(diagnostic) => diagnostics.push((*diagnostic).at(at)),
        }
    }
    let required = setting("required");
    if !any && required.and_then(|required| required.get("file")).is_some_and(|file| file.data == Data::Bool(true)) {
        let message = format!("custom.dotenv: none of {} exists", files.join(", "));
        diagnostics.push(Diagnostic::error("dotenv-missing", message).path("custom.dotenv").at(at));
    }
    if let Some(Data::List(names)) = required.and_then(|required| required.get("env")).map(|node| &node.data) {
        let missing = names.iter().filter_map(|name| name.as_str().zip(Some(name.place)));
        for (name, place) in missing.filter(|(name, _)| !found.contains_key(*name) && !env.contains_key(*name)) {
            let message = format!("custom.dotenv.required.env: {name} is in no `.env` file and not in the environment");
            let diagnostic = Diagnostic::error("dotenv-missing", message).path("custom.dotenv.required.env").at(place);
            diagnostics.push(diagnostic.help(format!("add a line `{name}=..` to {}", files.join(" or "))));
        }
    }
    if let Some(parser) = setting("dotenvParser") {
        let message = "custom.dotenv.dotenvParser: hoist reads `.env` files itself and does not run the parser";
        diagnostics
            .push(Diagnostic::warning("not-supported", message).path("custom.dotenv.dotenvParser").at(parser.place));
    }
    match (words("include").filter(|include| include != &["*"]), words("exclude")) {
        (Some(include), _) => found.retain(|name, _| include.contains(name)),
        (None, Some(exclude)) => found.retain(|name, _| !exclude.contains(name)),
        (None, None) => {}
    }
    (found, diagnostics)
}

/// Puts the plugin's variables into `provider.environment`, over what stands there, as the plugin does.
pub(super) fn into_provider(root: &mut Node, variables: &Variables) {
    let Data::Map(map) = &mut root.data else { return };
    let Some(provider) = map.get_mut("provider") else { return };
    let Data::Map(fields) = &mut provider.value.data else { return };
    if variables.is_empty() {
        return;
    }
    let place = provider.key_place;
    let empty = || Entry { key_place: place, value: Node::new(Data::Map(IndexMap::new()), place) };
    let environment = fields.entry(String::from("environment")).or_insert_with(empty);
    if environment.value.data == Data::Null {
        environment.value.data = Data::Map(IndexMap::new());
    }
    let Data::Map(environment) = &mut environment.value.data else { return };
    for (name, value) in variables {
        let reference = Some(Reference { text: format!("${{env:{name}}}").into(), private: true });
        let value = Node { reference, ..Node::new(Data::String(value.clone()), place) };
        environment.insert(name.clone(), Entry { key_place: place, value });
    }
}

/// Whether `frameworkVersion` says that the file was written for v4.
pub(super) fn is_v4(version: Option<&Node>) -> bool {
    match version.map(|node| &node.data) {
        Some(Data::Int(version)) => *version == 4,
        #[expect(clippy::cast_possible_truncation, reason = "only the whole part counts")]
        Some(Data::Float(version)) => version.trunc() as i64 == 4,
        Some(Data::String(text)) => text.trim_start_matches(|c: char| !c.is_ascii_digit()).starts_with('4'),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_dotenv_reads_them() {
        let env = BTreeMap::from([(String::from("HOME"), String::from("/home/me"))]);
        let table = [
            ("A=1", vec![("A", "1")]),
            ("export A = 1 ", vec![("A", "1")]),
            ("# c\n\nA=1\r\nB=2\r\n", vec![("A", "1"), ("B", "2")]),
            ("A=", vec![("A", "")]),
            ("A=x # comment", vec![("A", "x")]),
            ("A=# comment", vec![("A", "")]),
            ("A=x#y", vec![("A", "x#y")]),
            ("A='x # y'", vec![("A", "x # y")]),
            ("A=\"x\\ny\" # c\nB=2", vec![("A", "x\ny"), ("B", "2")]),
            ("A='x\\ny'", vec![("A", "x\\ny")]),
            ("A=\"x\ny\"\nB=1", vec![("A", "x\ny"), ("B", "1")]),
            ("A=\"open\nB=1", vec![("A", "\"open"), ("B", "1")]),
            ("A=1\nA=2", vec![("A", "2")]),
            ("A=b=c", vec![("A", "b=c")]),
            ("no line\nA=1", vec![("A", "1")]),
            ("A=$HOME/x", vec![("A", "/home/me/x")]),
            ("A=${HOME}x", vec![("A", "/home/mex")]),
            ("A=1\nB=${A}2$A", vec![("A", "1"), ("B", "121")]),
            ("A=${NONE:-x}", vec![("A", "x")]),
            ("A=${NONE}", vec![("A", "")]),
            ("A=\\$HOME", vec![("A", "$HOME")]),
            ("A=5$", vec![("A", "5$")]),
            ("A=${unclosed", vec![("A", "${unclosed")]),
        ];
        for (text, expected) in table {
            let found = parse(text, &env);
            let found: Vec<_> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn the_version_decides_what_use_dotenv_means() {
        let string = |text: &str| {
            Node::new(
                Data::String(text.into()),
                Place { file: crate::config::node::FileId(0), start: 0, end: 0, line: 1, column: 1 },
            )
        };
        for (version, v4) in
            [("4", true), ("^4.4.1", true), (">=4 <5", true), ("3", false), ("^3.40", false), ("*", false), ("", false)]
        {
            assert_eq!(is_v4(Some(&string(version))), v4, "{version}");
        }
        assert_eq!(Use::of(None, false), Use::No);
        assert_eq!(Use::of(None, true), Use::Both);
        let set = |data| Node { data, ..string("") };
        assert_eq!(Use::of(Some(&set(Data::Bool(true))), false), Use::First);
        assert_eq!(Use::of(Some(&set(Data::Bool(false))), true), Use::No);
        assert_eq!(Use::of(Some(&string("./x.env")), true), Use::Files(vec![String::from("./x.env")]));
    }
}
