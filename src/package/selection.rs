//! Which files go into which package.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::artifact::encode;
use super::dev_dependencies::DevDependencies;
use super::glob::BadGlob;
use super::request::{Packaging, Request};
use super::rules::{self, Rule, Written};
use super::stamp::Stamp;
use super::tree::{File, Tree, WalkFailure};
use crate::config::diagnostic::Diagnostic;

/// A file that goes into a zip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name in the zip: relative, `/` between the parts, never `..`.
    pub name: String,
    pub path: PathBuf,
    pub stamp: Stamp,
    /// Digest over all of the above.
    digest: [u8; 32],
}

impl Entry {
    pub fn new(name: String, path: PathBuf, stamp: Stamp) -> Self {
        let mut hasher = Sha256::new();
        // A zero is in no name, so no two entries are written alike.
        hasher.update(name.as_bytes());
        hasher.update([0]);
        hasher.update(path.as_os_str().as_encoded_bytes());
        hasher.update([0, u8::from(stamp.executable)]);
        for number in [stamp.size, stamp.modified, stamp.changed, stamp.number] {
            hasher.update(number.to_le_bytes());
        }
        Self { name, path, stamp, digest: hasher.finalize().into() }
    }
}

/// The files of one request, in the order of their names' bytes. They are shared with the other requests: a hundred
/// functions with all of `node_modules` each would not fit otherwise.
#[derive(Clone, Debug)]
pub struct Selection {
    pub root: PathBuf,
    pub entries: Vec<Arc<Entry>>,
}

impl Selection {
    /// A digest over names, places and stamps: equal when nothing changed that the file system tells of.
    pub fn inputs(&self) -> String {
        let mut hasher = Sha256::new();
        self.entries.iter().for_each(|entry| hasher.update(entry.digest));
        encode(hasher)
    }

    /// The entry of a name, if it was chosen.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        let at = self.entries.binary_search_by(|entry| entry.name.as_bytes().cmp(name.as_bytes())).ok()?;
        self.entries.get(at).map(AsRef::as_ref)
    }

    /// Whether a file is there that was not chosen.
    pub fn left_out(&self, name: &str) -> bool {
        self.get(name).is_none() && self.root.join(name).is_file()
    }
}

/// Chooses the files of all requests that are packaged from one directory: with one walk over it. What is wrong is
/// added to `problems`; a request with an error has an empty selection.
pub fn select(
    packaging: &Packaging,
    root: &Path,
    requests: &[&Request],
    problems: &mut Vec<Diagnostic>,
) -> Vec<Selection> {
    let is_service = root == packaging.service_dir;
    let ordered: Vec<Vec<Rule>> = requests
        .iter()
        .map(|request| {
            let (rules, bad) = rules::in_order(&packaging.defaults, request.written(), request.is_layer());
            report_bad_globs(request, bad, problems);
            report_directories(root, request, &rules, problems);
            rules
        })
        .collect();
    let outside: BTreeSet<String> =
        ordered.iter().flatten().filter(|rule| rule.include).filter_map(|rule| rule.glob.outside()).collect();
    let outside: Vec<String> = outside.into_iter().collect();
    // What hoist writes is never read back, whatever the patterns say: zips would grow with every run.
    let own_dir = |ups: usize, dir: &str| ups == 0 && dir == ".hoist";
    let own_zips: Vec<PathBuf> = packaging.requests.iter().map(|request| packaging.zip_path(request)).collect();
    let skip = |ups: usize, dir: &str| {
        own_dir(ups, dir) || ordered.iter().all(|rules| rules::nothing_beneath(rules, ups, dir))
    };
    let tree = match Tree::walk(root, &outside, skip) {
        Ok(tree) => tree,
        Err(failure) => {
            problems.push(walk_problem(&failure, requests));
            return vec![Selection { root: root.to_owned(), entries: Vec::new() }; requests.len()];
        }
    };

    // As in the framework, whose exclusions are relative to the service and so never match within a layer.
    let development = is_service && requests.iter().any(|request| request.exclude_dev_dependencies);
    let development = if development { DevDependencies::of(&tree) } else { DevDependencies::default() };
    report_unreadable_manifest(&development, problems);
    let dev_dirs = development.directories(&tree);

    // Functions mostly share all rules but their own few: those are applied once.
    let shared = shared_prefix(&ordered);
    let common_rules = ordered.first().map_or(&[][..], |rules| &rules[..shared]);
    let common: Vec<bool> = tree.files.iter().map(|file| decide(file.ups == 0, common_rules, file)).collect();
    let for_development: Vec<bool> =
        tree.files.iter().map(|file| dev_dirs[file.dir] || development.is_program(&tree, file)).collect();
    let is_own_zip: Vec<bool> =
        tree.files.iter().map(|file| file.name.ends_with(".zip") && own_zips.contains(&tree.path(file))).collect();
    // Only files that somebody chose are looked at.
    let mut looked_at: Vec<Option<io::Result<Arc<Entry>>>> = Vec::new();
    looked_at.resize_with(tree.files.len(), || None);

    let mut selections = Vec::with_capacity(requests.len());
    for (request, rules) in requests.iter().zip(&ordered) {
        let mut selection = Selection { root: root.to_owned(), entries: Vec::new() };
        let mut failed = false;
        for (at, file) in tree.files.iter().enumerate() {
            let never = is_own_zip[at] || (for_development[at] && request.exclude_dev_dependencies);
            if never || !decide(common[at], &rules[shared..], file) {
                continue;
            }
            let look = || {
                let path = tree.path(file);
                Stamp::of(&path).map(|stamp| Arc::new(Entry::new(file.name.clone(), path, stamp)))
            };
            match looked_at[at].get_or_insert_with(look) {
                Ok(entry) => selection.entries.push(Arc::clone(entry)),
                Err(error) => {
                    let message = format!("cannot read {}: {error}", file.shown());
                    once(problems, Diagnostic::error("unreadable-file", message).path(&request.path));
                    failed = true;
                }
            }
        }
        if failed {
            selection.entries.clear();
        } else if selection.entries.is_empty() {
            problems.push(no_files(request, &tree));
        } else if let Some(problem) = sort(&mut selection.entries, request) {
            problems.push(problem);
            selection.entries.clear();
        }
        report_links(request, rules, &tree, problems);
        selections.push(selection);
    }
    report_odd_names(root, requests, &tree, problems);
    selections
}

/// The last rule that matches decides; what lies outside has to be asked for, which `before` says.
fn decide(before: bool, rules: &[Rule], file: &File) -> bool {
    rules.iter().rev().find(|rule| rule.glob.matches(file.ups, &file.name)).map_or(before, |rule| rule.include)
}

fn shared_prefix(ordered: &[Vec<Rule>]) -> usize {
    let Some((first, others)) = ordered.split_first() else { return 0 };
    others.iter().map(|rules| first.iter().zip(rules).take_while(|(a, b)| a == b).count()).min().unwrap_or(first.len())
}

/// Sorts by the names in the zip, where a file from outside may meet one of the service.
fn sort(entries: &mut [Arc<Entry>], request: &Request) -> Option<Diagnostic> {
    entries.sort_unstable_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
    let twice = entries.windows(2).find(|pair| pair[0].name == pair[1].name)?;
    Some(
        Diagnostic::error("two-files-one-name", format!("two files would both be {} in the zip", twice[0].name))
            .path(&request.path)
            .help(format!(
                "They are {} and {}: take one of them out with a pattern.",
                twice[0].path.display(),
                twice[1].path.display()
            )),
    )
}

fn report_bad_globs(request: &Request, bad: Vec<(String, BadGlob)>, problems: &mut Vec<Diagnostic>) {
    for (text, error) in bad {
        let message = format!("the pattern `{text}` {error}");
        once(problems, Diagnostic::error("bad-pattern", message).path(origin(request, &text)));
    }
}

/// `exclude: [node_modules]` is the most common pattern that does nothing.
fn report_directories(root: &Path, request: &Request, rules: &[Rule], problems: &mut Vec<Diagnostic>) {
    for rule in rules.iter().filter(|rule| request.written().holds(&rule.text)) {
        let Some(path) = rule.glob.plain_path() else { continue };
        let path = path.trim_end_matches('/');
        if root.join(path).is_dir() {
            let text = &rule.text;
            let message =
                format!("the pattern `{text}` matches nothing: it names a directory, and patterns match files");
            let problem = Diagnostic::warning("pattern-names-directory", message)
                .path(origin(request, text))
                .help(format!("Write `{path}/**` for everything in it."));
            once(problems, problem);
        }
    }
}

/// Where a pattern was written: a service's applies to each of its functions.
fn origin<'a>(request: &'a Request, text: &str) -> &'a str {
    if request.written().is_of_service(text) { "package" } else { &request.path }
}

/// Adds a problem, unless another function already has the same.
fn once(problems: &mut Vec<Diagnostic>, problem: Diagnostic) {
    if !problems.iter().any(|other| other.code == problem.code && other.message == problem.message) {
        problems.push(problem);
    }
}

fn walk_problem(failure: &WalkFailure, requests: &[&Request]) -> Diagnostic {
    let path = requests.first().map_or("package", |request| request.path.as_str());
    Diagnostic::error("unreadable-directory", failure.to_string()).path(path)
}

fn report_unreadable_manifest(development: &DevDependencies, problems: &mut Vec<Diagnostic>) {
    if let Some(path) = &development.unreadable {
        let message = format!("development dependencies are packaged too: {} cannot be read", path.display());
        problems.push(
            Diagnostic::warning("dev-dependencies-kept", message)
                .help("Install the packages again, or set `package.excludeDevDependencies: false`."),
        );
    }
}

fn no_files(request: &Request, tree: &Tree) -> Diagnostic {
    let message = format!("no file is left for {}.zip", request.name);
    let problem = Diagnostic::error("no-matched-files", message).path(&request.path);
    if *request.written() == Written::default() {
        let root = tree.root.display();
        return problem.help(format!("There is nothing beneath {root} but what is always left out."));
    }
    let problem = problem.help(
        "Patterns apply in order and the last one that matches a file decides: put what is added after what is taken away.",
    );
    if request.is_layer() {
        problem.help("The service's `package.patterns` apply to layers too, relative to the layer's path.")
    } else {
        problem
    }
}

fn report_links(request: &Request, rules: &[Rule], tree: &Tree, problems: &mut Vec<Diagnostic>) {
    for name in &tree.broken_links {
        let link = File { ups: 0, name: name.clone(), dir: 0 };
        if !name.starts_with("../") && decide(true, rules, &link) {
            let message = format!("{name} is a link to a file that is not there, and is not packaged");
            once(problems, Diagnostic::warning("broken-link", message).path(&request.path));
        }
    }
}

fn report_odd_names(root: &Path, requests: &[&Request], tree: &Tree, problems: &mut Vec<Diagnostic>) {
    for path in &tree.odd_names {
        let shown = path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
        let path = requests.first().map_or("package", |request| request.path.as_str());
        let message = format!("{shown} is not packaged: its name is not UTF-8");
        problems.push(Diagnostic::warning("odd-file-name", message).path(path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::rules::Defaults;
    use crate::package::testing::Project;

    struct Choice {
        names: Vec<Vec<String>>,
        problems: Vec<Diagnostic>,
    }

    fn list(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn choose(packaging: &Packaging) -> Choice {
        let mut problems = Vec::new();
        let requests: Vec<&Request> = packaging.requests.iter().collect();
        let root = requests[0].root().expect("a root").to_owned();
        let selections = select(packaging, &root, &requests, &mut problems);
        let names = selections
            .iter()
            .map(|selection| selection.entries.iter().map(|entry| entry.name.clone()).collect())
            .collect();
        Choice { names, problems }
    }

    fn packaging(root: &Path, patterns: &[&[&str]]) -> Packaging {
        let mut packaging = Packaging::new(root);
        packaging.defaults =
            Defaults { config_file: Some("serverless.yml".into()), dotenv: true, ..Defaults::default() };
        for (nth, patterns) in patterns.iter().enumerate() {
            let written = Written { own_patterns: list(patterns), ..Written::default() };
            packaging.requests.push(Request::files(format!("f{nth}"), format!("functions.f{nth}"), root, written));
        }
        packaging
    }

    #[test]
    fn the_last_pattern_that_matches_decides() {
        let project = Project::new()
            .file("serverless.yml", "")
            .file(".env", "")
            .file(".git/HEAD", "")
            .file(".hoist/f0.zip", "")
            .file(".serverless/x", "")
            .file("src/a.js", "")
            .file("src/a.test.js", "")
            .file("node_modules/x/i.js", "");
        let choice = choose(&packaging(
            project.root(),
            &[&[], &["!**", "src/**"], &["!**/*.test.js", "src/a.test.js", "!node_modules/**"], &["**"]],
        ));
        assert_eq!(choice.problems, []);
        assert_eq!(choice.names[0], ["node_modules/x/i.js", "src/a.js", "src/a.test.js"]);
        assert_eq!(choice.names[1], ["src/a.js", "src/a.test.js"]);
        assert_eq!(choice.names[2], ["src/a.js", "src/a.test.js"]);
        let all = [
            ".env",
            ".git/HEAD",
            ".serverless/x",
            "node_modules/x/i.js",
            "serverless.yml",
            "src/a.js",
            "src/a.test.js",
        ];
        assert_eq!(choice.names[3], all, "a pattern brings everything back but hoist's own directory");
    }

    #[test]
    fn files_from_outside_lose_their_dots() {
        let project = Project::new().file("svc/a.js", "").file("shared/b.js", "").file("shared/c.md", "");
        let root = project.root().join("svc");
        let choice = choose(&packaging(&root, &[&["../shared/**", "!../shared/*.md"], &[]]));
        assert_eq!(choice.names, [list(&["a.js", "shared/b.js"]), list(&["a.js"])]);
    }

    #[test]
    fn two_files_of_one_name_are_refused() {
        let project = Project::new().file("svc/shared/b.js", "").file("shared/b.js", "");
        let choice = choose(&packaging(&project.root().join("svc"), &[&["../shared/**"]]));
        assert_eq!(choice.problems[0].code, "two-files-one-name");
    }

    #[test]
    fn an_empty_selection_is_an_error() {
        let project = Project::new().file("a.js", "");
        let choice = choose(&packaging(project.root(), &[&["!**"]]));
        assert_eq!(choice.problems[0].code, "no-matched-files");
        assert_eq!(choice.problems[0].path.as_deref(), Some("functions.f0"));
    }

    #[test]
    fn a_pattern_that_names_a_directory_is_pointed_out() {
        let project = Project::new().file("a.js", "").file("docs/b.md", "");
        let choice = choose(&packaging(project.root(), &[&["!docs"], &["!docs"]]));
        assert_eq!(choice.problems.len(), 1, "once");
        assert_eq!(choice.problems[0].code, "pattern-names-directory");
    }

    #[test]
    fn every_bad_pattern_is_reported() {
        let project = Project::new().file("a.js", "");
        let choice = choose(&packaging(project.root(), &[&["/etc/**", ""], &["*/.."]]));
        let codes: Vec<&str> = choice.problems.iter().map(|problem| problem.code).collect();
        assert_eq!(codes, ["bad-pattern"; 3]);

        let mut of_service = packaging(project.root(), &[&[], &[]]);
        for request in &mut of_service.requests {
            let written = Written { service_patterns: list(&["/x"]), ..Written::default() };
            *request = Request::files(&request.name, &request.path, project.root(), written);
        }
        let problems = choose(&of_service).problems;
        assert_eq!(problems.len(), 1, "once, however many functions it applies to");
        assert_eq!(problems[0].path.as_deref(), Some("package"));
    }

    #[test]
    fn development_dependencies_cannot_be_brought_back() {
        let project = Project::new()
            .file("package.json", r#"{"devDependencies": {"jest": "1"}}"#)
            .file("node_modules/jest/package.json", "{}");
        let mut packaging = packaging(project.root(), &[&["node_modules/**"]]);
        assert_eq!(choose(&packaging).names[0], ["package.json"]);
        packaging.requests[0].exclude_dev_dependencies = false;
        assert_eq!(choose(&packaging).names[0], ["node_modules/jest/package.json", "package.json"]);
    }
}
