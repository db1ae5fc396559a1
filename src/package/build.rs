//! Packages a whole service: chooses, compresses what changed, and checks the handlers.

use std::collections::hash_map::Entry as Slot;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use indexmap::IndexMap;
use tokio_util::sync::CancellationToken;
use zip::result::ZipError;

use super::archive::{self, ArchiveFailure, Cut, Job};
use super::artifact::Artifact;
use super::cache::Cache;
use super::handler;
use super::request::{Content, Packaging, Request};
use super::selection::{Selection, select};
use crate::config::diagnostic::{Diagnostic, Severity};

/// The packages of a service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Built {
    /// By the name of the request. One with an error is missing.
    pub artifacts: IndexMap<String, Artifact>,
    /// Everything that is wrong with any of them.
    pub problems: Vec<Diagnostic>,
    /// How many were taken over from the last run, because nothing changed.
    pub reused: usize,
    /// Whether it was stopped before it was done.
    pub cancelled: bool,
}

impl Built {
    /// Whether something is wrong enough that nothing should be deployed.
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }
}

/// As [`build`], on a thread that may block. Dropping the future does not stop it; `cancel` does.
pub async fn build_beside(packaging: Packaging, cancel: CancellationToken) -> Built {
    let work = tokio::task::spawn_blocking(move || build(&packaging, &cancel));
    match work.await {
        Ok(built) => built,
        Err(failure) => {
            let problem = Diagnostic::error("packaging-failed", format!("packaging stopped unexpectedly: {failure}"));
            Built { problems: vec![problem], ..Built::default() }
        }
    }
}

/// Packages everything, with all processors. Only the output directory and `.hoist` are written to.
pub fn build(packaging: &Packaging, cancel: &CancellationToken) -> Built {
    let since = SystemTime::now();
    let mut built = Built::default();
    let selections = select_all(packaging, &mut built.problems);
    let own_dir = packaging.service_dir.join(".hoist");
    for dir in [&packaging.output, &own_dir] {
        if let Err(error) = create_private(dir) {
            let message = format!("cannot write to {}: {error}", dir.display());
            built.problems.push(Diagnostic::error("output-not-writable", message).path("package"));
            return built;
        }
    }

    let mut cache = Cache::open(&own_dir.join("cache.json"));
    let mut made: IndexMap<usize, Artifact> = IndexMap::new();
    let mut jobs: Vec<usize> = Vec::new();
    // Functions that are packaged individually but without patterns of their own have the same files: one zip serves.
    let mut same: HashMap<String, usize> = HashMap::new();
    let mut copies: Vec<(usize, usize)> = Vec::new();
    let paths: Vec<PathBuf> = packaging.requests.iter().map(|request| packaging.zip_path(request)).collect();
    for (nth, selection) in &selections {
        let inputs = selection.inputs();
        if let Some(artifact) = cache.find(&paths[*nth], &inputs) {
            made.insert(*nth, artifact);
            built.reused += 1;
            continue;
        }
        match same.entry(inputs) {
            Slot::Occupied(first) => copies.push((*first.get(), *nth)),
            Slot::Vacant(slot) => {
                slot.insert(*nth);
                jobs.push(*nth);
            }
        }
    }

    let fresh: HashSet<usize> = jobs.iter().copied().chain(copies.iter().map(|(_, nth)| *nth)).collect();
    let zips: Vec<Job<'_>> =
        jobs.iter().map(|nth| Job { entries: &selections[nth].entries, to: &paths[*nth] }).collect();
    for (nth, result) in jobs.iter().zip(archive::write(&zips, Cut::default(), archive::threads(), cancel)) {
        match result {
            Ok(artifact) => {
                made.insert(*nth, artifact);
            }
            Err(ArchiveFailure::Cancelled) => built.cancelled = true,
            Err(failure) => built.problems.push(archive_problem(&failure, &packaging.requests[*nth])),
        }
    }
    for (first, nth) in copies {
        let Some(artifact) = made.get(&first).cloned() else { continue };
        match duplicate(&artifact.path, &paths[nth]) {
            Ok(()) => {
                made.insert(nth, Artifact { path: paths[nth].clone(), ..artifact });
            }
            Err(source) => {
                let failure = ArchiveFailure::Write { path: paths[nth].clone(), source };
                built.problems.push(archive_problem(&failure, &packaging.requests[nth]));
            }
        }
    }
    // Stamped only now: giving a file a second name changes its stamp.
    for (nth, artifact) in &made {
        if let Some(selection) = selections.get(nth)
            && fresh.contains(nth)
        {
            cache.remember(artifact, selection, since);
        }
    }
    if let Err(error) = cache.save() {
        tracing::debug!(%error, "the package cache could not be written");
    }

    for (nth, request) in packaging.requests.iter().enumerate() {
        if let Some(selection) = selections.get(&nth) {
            built.problems.extend(request.checks.iter().filter_map(|check| handler::problem(check, selection)));
        }
        let artifact = match &request.content {
            Content::Files { .. } => made.swap_remove(&nth),
            Content::Artifact(written) => prebuilt(packaging, request, written, &mut built.problems),
        };
        if let Some(artifact) = artifact {
            built.artifacts.insert(request.name.clone(), artifact);
        }
    }
    built
}

/// As [`look`], on a thread that may block.
pub async fn look_beside(packaging: Packaging) -> Vec<Diagnostic> {
    tokio::task::spawn_blocking(move || look(&packaging)).await.unwrap_or_else(|failure| {
        vec![Diagnostic::error("packaging-failed", format!("packaging stopped unexpectedly: {failure}"))]
    })
}

/// What is wrong with the files of a service, without a zip made of them: nothing is written.
pub fn look(packaging: &Packaging) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let selections = select_all(packaging, &mut problems);
    for (nth, request) in packaging.requests.iter().enumerate() {
        if let Some(selection) = selections.get(&nth) {
            problems.extend(request.checks.iter().filter_map(|check| handler::problem(check, selection)));
        }
        if let Content::Artifact(written) = &request.content {
            prebuilt(packaging, request, written, &mut problems);
        }
    }
    problems
}

/// The selections of all requests that have files, by the request's position.
fn select_all(packaging: &Packaging, problems: &mut Vec<Diagnostic>) -> IndexMap<usize, Selection> {
    let mut roots: IndexMap<&Path, Vec<usize>> = IndexMap::new();
    for (nth, request) in packaging.requests.iter().enumerate() {
        if let Some(root) = request.root() {
            roots.entry(root).or_default().push(nth);
        }
    }
    let mut selections: IndexMap<usize, Selection> = IndexMap::new();
    for (root, places) in roots {
        let requests: Vec<&Request> = places.iter().map(|nth| &packaging.requests[*nth]).collect();
        let chosen = select(packaging, root, &requests, problems);
        selections.extend(places.into_iter().zip(chosen).filter(|(_, selection)| !selection.entries.is_empty()));
    }
    selections.sort_unstable_keys();
    selections
}

fn archive_problem(failure: &ArchiveFailure, request: &Request) -> Diagnostic {
    let code = match failure {
        ArchiveFailure::Read { .. } => "unreadable-file",
        _ => "package-not-written",
    };
    Diagnostic::error(code, failure.to_string()).path(&request.path)
}

fn prebuilt(
    packaging: &Packaging,
    request: &Request,
    written: &str,
    problems: &mut Vec<Diagnostic>,
) -> Option<Artifact> {
    let path = format!("{}.artifact", request.path);
    let mut report = |code, what: String, help: Option<&str>| {
        let problem = Diagnostic::error(code, format!("{path}: {what}")).path(&path);
        problems.push(match help {
            Some(help) => problem.help(help),
            None => problem,
        });
    };
    if written.starts_with("s3://") || written.starts_with("https://") {
        let what = format!("{written} is not on this machine, and hoist cannot fetch artifacts yet");
        report("artifact-in-s3", what, Some("Download it first, and give the path of the file."));
        return None;
    }
    match Artifact::read(&packaging.service_dir.join(written)) {
        Ok(artifact) => return Some(artifact),
        Err(ZipError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
            report("artifact-not-found", format!("there is no file {written}"), Some("Build it before deploying."));
        }
        Err(ZipError::Io(error)) => report("unreadable-file", format!("cannot read {written}: {error}"), None),
        Err(error) => report("artifact-not-a-zip", format!("{written} is not a zip: {error}"), None),
    }
    None
}

/// Gives a zip a second name, or copies it where that is not possible.
fn duplicate(from: &Path, to: &Path) -> io::Result<()> {
    match fs::remove_file(to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(|_| ()))
}

/// Makes a directory that only its owner may look into; one that is there is left as it is.
fn create_private(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(dir)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::handler::Check;
    use crate::package::rules::Written;
    use crate::package::testing::{Project, names_in};

    fn written(patterns: &[&str]) -> Written {
        Written { own_patterns: patterns.iter().map(|text| (*text).to_owned()).collect(), ..Written::default() }
    }

    fn run(packaging: &Packaging) -> Built {
        build(packaging, &CancellationToken::new())
    }

    fn codes(built: &Built) -> Vec<&str> {
        built.problems.iter().map(|problem| problem.code).collect()
    }

    #[test]
    fn packages_functions_layers_and_artifacts() {
        let project = Project::new().file("a.js", "a").file("b.js", "b").file("layers/common/nodejs/x.js", "x");
        let root = project.root();
        let mut packaging = Packaging::new(root);
        packaging.defaults.layer_paths = vec!["layers/common".into()];
        packaging.requests = vec![
            Request::files("one", "functions.one", root, written(&["!b.js"])),
            Request::files("two", "functions.two", root, written(&[])),
            Request::files("common", "layers.common", root.join("layers/common"), written(&[])),
        ];
        let built = run(&packaging);
        assert_eq!(built.problems, []);
        let names = |name: &str| names_in(&built.artifacts[name].path);
        assert_eq!(names("one"), ["a.js"]);
        assert_eq!(names("two"), ["a.js", "b.js"]);
        assert_eq!(names("common"), ["nodejs/x.js"]);
        assert_eq!(built.artifacts["one"].path, root.join(".hoist/one.zip"));

        let mut packaging = Packaging::new(root);
        packaging.output = root.join("elsewhere");
        packaging.requests = vec![Request::artifact("mine", "functions.mine.package", ".hoist/two.zip")];
        let again = run(&packaging);
        assert_eq!(again.artifacts["mine"].sha256, built.artifacts["two"].sha256);
        assert_eq!(again.artifacts["mine"].path, root.join(".hoist/two.zip"));
    }

    #[test]
    fn reports_everything_at_once() {
        let project = Project::new().file("a.js", "a").file("text", "no zip");
        let root = project.root();
        let mut packaging = Packaging::new(root);
        let mut handlers = Request::files("one", "functions.one", root, written(&[]));
        handlers.checks = vec![Check {
            function: "functions.one".into(),
            runtime: "nodejs22.x".into(),
            handler: "missing.handler".into(),
            has_layers: false,
        }];
        packaging.requests = vec![
            Request::files("two", "functions.two", root, written(&["!**"])),
            handlers,
            Request::artifact("three", "functions.three.package", "gone.zip"),
            Request::artifact("four", "functions.four.package", "text"),
            Request::artifact("five", "functions.five.package", "s3://bucket/key.zip"),
            Request::files("six", "layers.six", root.join("nowhere"), written(&[])),
        ];
        let built = run(&packaging);
        let expected = [
            "no-matched-files",
            "unreadable-directory",
            "handler-not-found",
            "artifact-not-found",
            "artifact-not-a-zip",
            "artifact-in-s3",
        ];
        assert_eq!(codes(&built), expected);
        assert!(built.has_errors());
        assert_eq!(built.problems[3].path.as_deref(), Some("functions.three.package.artifact"));
        assert_eq!(built.artifacts.keys().collect::<Vec<_>>(), ["one"]);
    }

    #[test]
    fn the_same_files_are_compressed_once() {
        let project = Project::new().file("a.js", "a");
        let mut packaging = Packaging::new(project.root());
        for name in ["one", "two"] {
            let request = Request::files(name, format!("functions.{name}"), project.root(), written(&[]));
            packaging.requests.push(request);
        }
        for _ in 0..2 {
            let built = run(&packaging);
            let (one, two) = (&built.artifacts["one"], &built.artifacts["two"]);
            assert_eq!(one.sha256, two.sha256);
            assert_eq!(fs::read(&one.path).expect("one"), fs::read(&two.path).expect("two"));
        }
    }

    #[cfg(unix)]
    #[test]
    fn reuses_a_zip_until_a_file_changes() {
        use std::time::{Duration, UNIX_EPOCH};
        let project = Project::new().file("a.js", "a");
        let mut packaging = Packaging::new(project.root());
        packaging.requests = vec![Request::files("one", "functions.one", project.root(), written(&[]))];
        let first = run(&packaging);
        assert_eq!(run(&packaging).reused, 0, "the file is too new to be trusted");

        // As a run some seconds later would leave it.
        let selection = &select_all(&packaging, &mut Vec::new())[&0];
        let mut cache = Cache::open(&packaging.service_dir.join(".hoist/cache.json"));
        cache.remember(&first.artifacts["one"], selection, SystemTime::now() + Duration::from_secs(10));
        cache.save().expect("save");
        let second = run(&packaging);
        assert_eq!((second.reused, &second.artifacts), (1, &first.artifacts));

        project.write("a.js", "b");
        let file = fs::File::options().write(true).open(project.root().join("a.js")).expect("open");
        file.set_modified(UNIX_EPOCH).expect("set the time");
        let third = run(&packaging);
        assert_eq!(third.reused, 0);
        assert_ne!(third.artifacts["one"].sha256, first.artifacts["one"].sha256);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_look() {
        use std::os::unix::fs::PermissionsExt;
        let project = Project::new().file("a.js", "a");
        let mut packaging = Packaging::new(project.root());
        packaging.requests = vec![Request::files("one", "functions.one", project.root(), written(&[]))];
        run(&packaging);
        let mode = |name: &str| fs::metadata(project.root().join(name)).expect(name).permissions().mode() & 0o777;
        assert_eq!(mode(".hoist"), 0o700);
        assert_eq!(mode(".hoist/one.zip"), 0o600);
    }

    #[test]
    fn zips_in_an_output_directory_of_ones_own_are_not_packaged() {
        let project = Project::new().file("dist/a.js", "a");
        let mut packaging = Packaging::new(project.root());
        packaging.output = project.root().join("dist");
        packaging.requests = vec![Request::files("one", "functions.one", project.root(), written(&[]))];
        let first = run(&packaging);
        let second = run(&packaging);
        assert_eq!(first.artifacts, second.artifacts);
        assert_eq!(second.artifacts["one"].entries, 1);
    }

    #[tokio::test]
    async fn stops_when_told() {
        let project = Project::new().file("a.js", "a");
        let mut packaging = Packaging::new(project.root());
        packaging.requests = vec![Request::files("one", "functions.one", project.root(), written(&[]))];
        let cancel = CancellationToken::new();
        cancel.cancel();
        let built = build_beside(packaging, cancel).await;
        assert!(built.cancelled && built.artifacts.is_empty() && built.problems.is_empty());
    }
}
