//! Whether a function's handler is in its package: found out before anything is uploaded.

use similar::get_close_matches;

use super::selection::Selection;
use crate::config::diagnostic::Diagnostic;

/// A function that runs from a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Dotted path of the function in the configuration: `functions.api`.
    pub function: String,
    /// `nodejs22.x`, `provided.al2023`
    pub runtime: String,
    pub handler: String,
    /// Whether it uses layers, which may bring the handler: nothing is then checked.
    pub has_layers: bool,
}

/// How one family of runtimes finds the code behind a handler.
struct Family {
    /// What its runtimes' names begin with.
    runtimes: &'static str,
    /// Gives the files of which one has to be there; none when the handler is not of the family's form.
    candidates: fn(&str) -> Vec<String>,
    /// What a handler looks like.
    form: &'static str,
}

/// Families whose handler names a file of the package. Java and .NET name a class, which only their tools can look up.
const FAMILIES: &[Family] = &[
    Family { runtimes: "nodejs", candidates: node, form: "`path/file.function`" },
    Family { runtimes: "python", candidates: python, form: "`path/file.function`" },
    Family { runtimes: "ruby", candidates: ruby, form: "`path/file.function`" },
    Family { runtimes: "provided", candidates: |_| vec!["bootstrap".to_owned()], form: "anything" },
];

/// The file is named up to the first dot of the last part: `src/a.b.c` is `b.c` of `src/a`.
fn node(handler: &str) -> Vec<String> {
    let (dir, own) = handler.rsplit_once('/').map_or(("", handler), |(dir, own)| (dir, own));
    let Some((file, _)) = own.split_once('.') else { return Vec::new() };
    let module = if dir.is_empty() { file.to_owned() } else { format!("{dir}/{file}") };
    ["js", "mjs", "cjs"].iter().map(|extension| format!("{module}.{extension}")).collect()
}

/// The module is named up to the last dot, and slashes are as good as dots.
fn python(handler: &str) -> Vec<String> {
    let Some((module, _)) = handler.rsplit_once('.') else { return Vec::new() };
    let module = module.replace('.', "/");
    vec![format!("{module}.py"), format!("{module}/__init__.py"), format!("{module}.pyc"), format!("{module}.so")]
}

/// The file is named up to the first dot: `src/a.Module::Class.call` is in `src/a.rb`.
fn ruby(handler: &str) -> Vec<String> {
    handler.split_once('.').map(|(file, _)| format!("{file}.rb")).into_iter().collect()
}

/// What a check finds wrong with a selection.
pub(super) fn problem(check: &Check, selection: &Selection) -> Option<Diagnostic> {
    let family = FAMILIES.iter().find(|family| check.runtime.starts_with(family.runtimes))?;
    // `/opt/...` is in a layer.
    if check.has_layers || check.handler.starts_with('/') {
        return None;
    }
    let path = format!("{}.handler", check.function);
    let handler = check.handler.trim_start_matches("./");
    let candidates = (family.candidates)(handler);
    let Some(first) = candidates.first() else {
        let message = format!("{path}: `{}` is no handler: {} is expected", check.handler, family.form);
        return Some(Diagnostic::error("handler-malformed", message).path(path));
    };
    if let Some(found) = candidates.iter().find_map(|name| selection.get(name)) {
        let executable = family.runtimes != "provided" || found.stamp.executable;
        return (!executable).then(|| {
            let message = format!("{}: {first} is not executable, so Lambda cannot start it", check.function);
            Diagnostic::error("bootstrap-not-executable", message)
                .path(path)
                .help(format!("Run `chmod +x {}`.", found.path.display()))
        });
    }
    if in_node_modules(family, handler, selection) {
        return None;
    }

    let others = match &candidates[1..] {
        [] => String::new(),
        others => format!(" (or {})", others.join(", ")),
    };
    let message = if family.runtimes == "provided" {
        format!("{}: {first} is not at the root of the package", check.function)
    } else {
        format!("{path}: `{}` needs {first}{others}, which is not in the package", check.handler)
    };
    let mut problem = Diagnostic::error("handler-not-found", message).path(path);
    for help in hints(&candidates, selection) {
        problem = problem.help(help);
    }
    if family.runtimes == "provided" {
        problem = problem.help("A custom runtime starts the executable file `bootstrap`: build it before deploying.");
    }
    Some(problem)
}

/// Node also finds a handler in an installed package: `datadog-lambda-js/dist/handler.handler`.
fn in_node_modules(family: &Family, handler: &str, selection: &Selection) -> bool {
    let Some(package) = handler.split('/').next().filter(|_| family.runtimes == "nodejs") else { return false };
    let package = package.split('.').next().unwrap_or_default();
    let prefix = format!("node_modules/{package}/");
    let at = selection.entries.partition_point(|entry| entry.name.as_bytes() < prefix.as_bytes());
    selection.entries.get(at).is_some_and(|entry| entry.name.starts_with(&prefix))
}

/// What may have been meant.
fn hints(candidates: &[String], selection: &Selection) -> Vec<String> {
    if let Some(name) = candidates.iter().find(|name| selection.left_out(name)) {
        return vec![format!("{name} is there, but the patterns leave it out.")];
    }
    let Some(first) = candidates.first() else { return Vec::new() };
    if first == "wsgi_handler.py" {
        return vec![
            "The plugin serverless-wsgi writes it, which is not built into hoist: keep its wsgi_handler.py, serverless_wsgi.py and .serverless-wsgi in the service.".to_owned(),
        ];
    }
    let module = first.rsplit_once('.').map_or(first.as_str(), |(module, _)| module);
    let sources = ["ts", "mts", "cts", "tsx"].map(|extension| format!("{module}.{extension}"));
    let names = || selection.entries.iter().map(|entry| entry.name.as_str());
    if let Some(source) = sources.iter().find(|source| names().any(|name| name == source.as_str())) {
        return vec![format!("{source} is there, but Lambda runs JavaScript: compile it before deploying.")];
    }
    let extension = first.rsplit_once('.').map(|(_, extension)| extension);
    let own = first.rsplit('/').next().unwrap_or(first);
    let like: Vec<&str> = names()
        .filter(|name| !name.starts_with("node_modules/"))
        .filter(|name| {
            extension.is_none_or(|extension| name.rsplit_once('.').is_some_and(|(_, other)| other == extension))
        })
        .take(2_000)
        .collect();
    let mut near: Vec<&str> =
        like.iter().copied().filter(|name| name.rsplit('/').next() == Some(own)).take(3).collect();
    if near.is_empty() {
        near = get_close_matches(first, &like, 3, 0.6);
    }
    match near[..] {
        [] => Vec::new(),
        _ => vec![format!("Near it: {}.", near.join(", "))],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::selection::Entry;
    use crate::package::stamp::Stamp;
    use crate::package::testing::Project;
    use std::path::{Path, PathBuf};
    use std::sync::Arc;

    fn selection(root: &Path, names: &[&str], executable: bool) -> Selection {
        let stamp = Stamp { size: 0, modified: 0, changed: 0, number: 0, executable };
        let mut entries: Vec<Arc<Entry>> =
            names.iter().map(|name| Arc::new(Entry::new((*name).to_owned(), PathBuf::from(name), stamp))).collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Selection { root: root.to_owned(), entries }
    }

    fn check(runtime: &str, handler: &str, names: &[&str]) -> Option<Diagnostic> {
        let check = Check {
            function: "functions.f".into(),
            runtime: runtime.into(),
            handler: handler.into(),
            has_layers: false,
        };
        let project = Project::new().file("out/a.js", "");
        problem(&check, &selection(project.root(), names, false))
    }

    #[test]
    fn finds_handlers_where_each_runtime_looks() {
        let rows = [
            ("nodejs22.x", "src/a.handler", "src/a.js"),
            ("nodejs22.x", "./a.b.handler", "a.mjs"),
            ("nodejs22.x", "v1.2/a.handler", "v1.2/a.cjs"),
            ("nodejs22.x", "datadog-lambda-js/dist/handler.handler", "node_modules/datadog-lambda-js/dist/handler.js"),
            ("python3.13", "src/a.handler", "src/a.py"),
            ("python3.13", "src.a.handler", "src/a/__init__.py"),
            ("ruby3.4", "src/a.LambdaFunctions::Handler.process", "src/a.rb"),
            ("java21", "com.example.Handler", "anything"),
            ("nodejs22.x", "/opt/nodejs/handler.handler", "anything"),
        ];
        for (runtime, handler, name) in rows {
            assert_eq!(check(runtime, handler, &[name, "zzz"]), None, "{runtime} {handler} {name}");
        }
    }

    #[test]
    fn says_what_is_missing_and_what_is_near() {
        let help = |runtime: &str, handler: &str, names: &[&str]| {
            let problem = check(runtime, handler, names).expect("a problem");
            assert_eq!(problem.code, "handler-not-found");
            assert_eq!(problem.path.as_deref(), Some("functions.f.handler"));
            problem.help.join(" ")
        };
        assert_eq!(help("nodejs22.x", "src/a.handler", &["lib/a.js"]), "Near it: lib/a.js.");
        assert_eq!(help("nodejs22.x", "src/hanlder.x", &["src/handler.js", "z.js"]), "Near it: src/handler.js.");
        assert!(help("nodejs22.x", "src/a.handler", &["src/a.ts"]).contains("compile it"));
        assert!(help("nodejs22.x", "out/a.handler", &["b.js"]).contains("patterns leave it out"));
        assert!(help("provided.al2023", "x", &["main"]).contains("bootstrap"));
        assert!(help("python3.13", "wsgi_handler.handler", &["app.py"]).contains("serverless-wsgi"));
        let message = check("nodejs22.x", "src/a.handler", &[]).expect("a problem").message;
        assert_eq!(
            message,
            "functions.f.handler: `src/a.handler` needs src/a.js (or src/a.mjs, src/a.cjs), which is not in the package"
        );
    }

    #[test]
    fn a_handler_without_a_function_is_malformed() {
        assert_eq!(check("nodejs22.x", "src/a", &["src/a.js"]).expect("a problem").code, "handler-malformed");
    }

    #[test]
    fn a_bootstrap_has_to_be_executable() {
        assert_eq!(check("provided.al2023", "x", &["bootstrap"]).expect("a problem").code, "bootstrap-not-executable");
        let of_x = Check {
            function: "functions.f".into(),
            runtime: "provided.al2".into(),
            handler: "x".into(),
            has_layers: false,
        };
        assert_eq!(problem(&of_x, &selection(Path::new("."), &["bootstrap"], true)), None);
        assert_eq!(
            problem(&Check { has_layers: true, ..of_x }, &selection(Path::new("."), &[], false)),
            None,
            "a layer may bring it"
        );
    }
}
