//! `${file(./x.yml):a.b}`: other files.

use std::path::{Component, Path, PathBuf};

use super::{Request, Resolver, Source, Stop, Value, misused};
use crate::config::node::{Data, Node, Place};
use crate::config::variables::remote::{Found, Lookup};
use crate::config::{read, yaml};

pub(super) struct File;

impl Source for File {
    fn name(&self) -> &'static str {
        "file"
    }

    fn about(&self) -> &'static str {
        "another file, or a value in it: `${file(./x.yml):a.b}`; YAML, JSON, tfstate, JavaScript and TypeScript through node, anything else as text"
    }

    fn resolve(&self, request: &Request<'_>, resolver: &mut Resolver<'_>) -> Result<Value, Stop> {
        let Some(written) = request.param(0) else {
            let message = format!("`{}` names no file", request.variable.written);
            return Err(misused(request, resolver, &message, "write it as `${file(./path.yml):key}`"));
        };
        let path = absolute(resolver, &written);
        let address = request.address().filter(|address| !address.is_empty());
        if is_script(&path) {
            if !path.is_file() {
                return Err(Stop::Missing);
            }
            return match resolver.lookup(request, Lookup::Script { path, address })? {
                Found::Json(value, secret) => Ok(resolver.json(request, &value, secret || request.secret)),
                _ => Err(Stop::Missing),
            };
        }
        let root = match resolver.files.get(&path) {
            Some(known) => known.clone()?,
            None => {
                let read = load(request, resolver, &path);
                resolver.files.insert(path, read.clone());
                read?
            }
        };
        match &address {
            Some(address) => resolver.navigate(root, &address.split('.').collect::<Vec<_>>()),
            None => Ok(Value { cell: root, secret: false }),
        }
    }

    fn explain_missing(&self, request: &Request<'_>, resolver: &mut Resolver<'_>) -> Option<String> {
        let written = request.param(0)?;
        let path = absolute(resolver, &written);
        match request.address() {
            _ if !path.exists() => Some(format!("there is no file {}", read::shown(&path, &resolver.inputs.directory))),
            Some(address) => Some(format!("{written} has no `{address}`")),
            None => Some(format!("{written} is empty")),
        }
    }
}

fn load(
    request: &Request<'_>,
    resolver: &mut Resolver<'_>,
    path: &Path,
) -> Result<crate::config::variables::cells::CellId, Stop> {
    let shown = read::shown(path, &resolver.inputs.directory);
    let text = match read::text(path) {
        Ok(Some(text)) => text,
        Ok(None) => return Err(Stop::Missing),
        Err(why) => {
            let message = format!("`{}` cannot be read: {why}", request.variable.written);
            resolver.problem(request.cell, Some(request.variable), "unreadable-file", &message, &[]);
            return Err(Stop::Failed);
        }
    };
    let file = resolver.sources.add(shown, text.as_str());
    let composed = match path.extension().and_then(|extension| extension.to_str()) {
        Some("yml" | "yaml") => yaml::compose(&text, file),
        Some("json" | "tfstate") => yaml::compose_json(&text, file),
        _ => {
            let end = u32::try_from(text.len()).unwrap_or(u32::MAX);
            let node = Node::new(Data::String(text), Place { file, start: 0, end, line: 1, column: 1 });
            return Ok(resolver.adopt(node));
        }
    };
    resolver.diagnostics.extend(composed.diagnostics);
    match composed.root {
        Some(root) => Ok(resolver.adopt(root)),
        None => Err(Stop::Failed),
    }
}

pub(in crate::config) fn is_script(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("js" | "cjs" | "mjs" | "ts" | "cts" | "mts"))
}

/// The path of a file, against the service's directory and without `..`, so that one file is read once.
fn absolute(resolver: &Resolver<'_>, written: &str) -> PathBuf {
    let home = written.strip_prefix("~/").zip(resolver.inputs.env.get("HOME"));
    let path = match home {
        Some((rest, home)) => Path::new(home).join(rest),
        None => resolver.inputs.directory.join(written),
    };
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(plain.components().next_back(), Some(Component::Normal(_))) => {
                plain.pop();
            }
            component => plain.push(component),
        }
    }
    plain
}
