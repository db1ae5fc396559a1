//! From the command line to a template, without AWS: read, check, package, compile.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde_json::Value as Json;
use tokio_util::sync::CancellationToken;

use super::cli::Global;
use super::{CommandError, commit, desired};
use crate::aws::compile::{Artifact, Artifacts, Compiled, Target, compile};
use crate::aws::template::Template;
use crate::config;
use crate::config::diagnostic::{Diagnostic, Severity};
use crate::config::language::{Context, Service, asked_for, validate};
use crate::config::load::{LoadOptions, Loaded};
use crate::config::node::{Node, Sources};
use crate::config::variables::remote::Remote;
use crate::engine::history;
use crate::package;
use crate::package::service::{ServiceArtifacts, from_service};
use crate::screen::Screen;

/// A configuration that was read and is sound.
pub struct Read {
    pub service: Service,
    /// What it was read from, resolved.
    pub root: Node,
    pub sources: Sources,
    pub directory: PathBuf,
    /// The configuration's path relative to the directory.
    pub config_file: String,
    pub target: Target,
}

/// Which deployments are meant: the little of a file that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub service: String,
    pub target: Target,
    /// `provider.profile`
    pub profile: Option<String>,
    /// The ARN of the role to work with: `provider.iam.deploymentRole`, or `provider.cfnRole`.
    pub role: Option<String>,
    pub directory: PathBuf,
}

impl Read {
    pub fn place(&self) -> Place {
        Place {
            service: self.service.name().to_owned(),
            target: self.target.clone(),
            profile: self.service.provider.profile.clone(),
            role: self.service.provider.deployment_role().and_then(|role| role.as_str()).map(str::to_owned),
            directory: self.directory.clone(),
        }
    }
}

impl Prepared {
    /// The digests of the code.
    pub fn artifacts(&self) -> history::Artifacts {
        let digests = |artifacts: &IndexMap<String, package::Artifact>| {
            artifacts.iter().map(|(key, artifact)| (key.clone(), artifact.sha256.clone())).collect()
        };
        history::Artifacts { functions: digests(&self.packages.functions), layers: digests(&self.packages.layers) }
    }
}

/// A service that is ready to be compared with what is live.
pub struct Prepared {
    pub template: Template,
    /// What packaging made for functions and layers.
    pub packages: ServiceArtifacts,
}

/// What a service is prepared for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Everything has to be right: it is about to be live, or compared with what is.
    Deploy,
    /// Somebody wants to see what would be made: sources that are not built yet are only worth a warning.
    Look,
}

/// What stops a deploy, but not a look.
const ONLY_FOR_DEPLOY: &[&str] = &[
    "artifact-in-s3",
    "artifact-not-found",
    "artifact-not-a-zip",
    "handler-not-found",
    "name-too-long",
    "no-matched-files",
    "runtime-removed",
];

/// Reads the file and resolves its variables. What is wrong with it is in the result.
///
/// # Errors
/// There is no current directory.
pub async fn load(global: &Global, remote: Option<&dyn Remote>) -> Result<Loaded, CommandError> {
    Ok(config::load::load(&load_options(global)?, remote).await)
}

fn load_options(global: &Global) -> Result<LoadOptions, CommandError> {
    let directory = std::env::current_dir().map_err(|error| {
        CommandError::plain(
            format!("the current directory cannot be read: {error}"),
            ["Change to another and run it again."],
        )
    })?;
    Ok(LoadOptions {
        directory,
        config: global.config.clone(),
        stage: global.stage.clone(),
        region: global.region.clone(),
        profile: global.aws_profile.clone(),
        params: global.params.clone(),
        options: cli_options(global),
        env: std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect(),
    })
}

/// Reads of the file which service and stage it is about. What else is wrong with it does not matter: the way back must
/// be open when the file is broken.
///
/// # Errors
/// There is no file, or it does not say.
pub async fn locate(global: &Global, remote: Option<&dyn Remote>) -> Result<Place, CommandError> {
    let loaded = load(global, remote).await?;
    let root = loaded.root.as_ref();
    let service = root.and_then(|root| root.get("service")).and_then(|service| service.as_str());
    let Some(service) = service else {
        return Err(CommandError::Configuration { diagnostics: loaded.diagnostics, sources: loaded.sources });
    };
    let provider = root.and_then(|root| root.get("provider"));
    let text = |path: &[&str]| path.iter().try_fold(provider?, |node, key| node.get(key))?.as_str().map(str::to_owned);
    Ok(Place {
        service: service.to_owned(),
        profile: text(&["profile"]),
        role: text(&["iam", "deploymentRole"]).or_else(|| text(&["cfnRole"])),
        target: Target { stage: loaded.stage, region: loaded.region, ..Target::default() },
        directory: loaded.directory,
    })
}

/// Reads the configuration that a record of a deployment keeps. What is wrong with its sources plays no part: its code
/// is what was deployed.
///
/// # Errors
/// A variable that has to be resolved again has no value any more, or this hoist does not accept what another wrote.
pub async fn reread(
    global: &Global,
    screen: &Screen,
    place: &Place,
    kept: &Json,
    remote: Option<&dyn Remote>,
) -> Result<Read, CommandError> {
    let options = LoadOptions {
        directory: place.directory.clone(),
        config: None,
        stage: Some(place.target.stage.clone()),
        region: Some(place.target.region.clone()),
        ..load_options(global)?
    };
    understand(global, screen, Purpose::Look, config::load::load_record(kept, &options, remote).await).await
}

/// Reads and checks the file. Warnings are shown; errors come back all together.
///
/// # Errors
/// Everything that is wrong with the file.
pub async fn read(
    global: &Global,
    screen: &Screen,
    purpose: Purpose,
    remote: Option<&dyn Remote>,
) -> Result<Read, CommandError> {
    understand(global, screen, purpose, load(global, remote).await?).await
}

/// Everything that is wrong with the file, its code and what it compiles to, in one run, and the file's name.
///
/// # Errors
/// There is no current directory.
pub async fn inspect(global: &Global) -> Result<(String, Vec<Diagnostic>, Sources), CommandError> {
    let Examined { read, file, sources, mut diagnostics } = examine(global.strict, load(global, None).await?);
    if let Some(read) = &read {
        look_beyond(read, &mut diagnostics).await;
    }
    Ok((file, diagnostics, sources))
}

async fn understand(global: &Global, screen: &Screen, purpose: Purpose, loaded: Loaded) -> Result<Read, CommandError> {
    let Examined { read, sources, mut diagnostics, .. } = examine(global.strict, loaded);
    screen.hide(&sources.secrets);
    weigh(purpose, &mut diagnostics);
    if let Some(read) = read.as_ref().filter(|_| has_errors(&diagnostics)) {
        // What else is wrong is said in the same run.
        look_beyond(read, &mut diagnostics).await;
    }
    show_or_fail(screen, purpose, diagnostics, &sources)?;
    read.ok_or_else(|| CommandError::plain("the configuration could not be read", [""; 0]))
}

/// A configuration, and everything that is wrong with it by itself. What could not be read has an error.
struct Examined {
    read: Option<Read>,
    /// The configuration's path relative to its directory.
    file: String,
    sources: Sources,
    diagnostics: Vec<Diagnostic>,
}

fn examine(strict: bool, loaded: Loaded) -> Examined {
    let Loaded { root, sources, mut diagnostics, stage, region, directory, config_path, asked, .. } = loaded;
    let config_file = config_path.as_deref().map(|path| path.strip_prefix(&directory).unwrap_or(path));
    let config_file = config_file.map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
    let service = root.as_ref().and_then(|root| {
        let context = Context { stage: &stage, region: &region, strict, today: jiff::Zoned::now().date() };
        let (service, mut found) = validate(root, &context);
        asked_for(&asked, &mut found);
        diagnostics.extend(found);
        service
    });
    let read = service.zip(root).map(|(service, root)| {
        let target = Target { stage, region, ..Target::default() };
        Read { service, root, sources: sources.clone(), directory, config_file: config_file.clone(), target }
    });
    Examined { read, file: config_file, sources, diagnostics }
}

/// Adds what is wrong with the code and with what the file compiles to, unless it is there already in other words.
async fn look_beyond(read: &Read, diagnostics: &mut Vec<Diagnostic>) {
    let target = &read.target;
    let packages = from_service(&read.service, &target.stage, &read.directory, &read.config_file, None);
    let mut found = packages.look().await;
    let Compiled { template, problems } = compile(&read.service, target);
    found.extend(problems);
    edge_sources(read, &mut found);
    found.extend(desired::problems(read, &template));
    for one in found {
        if !diagnostics.iter().any(|known| says(known, &one)) {
            diagnostics.push(one);
        }
    }
}

/// Whether a problem is one that a closer look found, too: of the same kind, about the same or about a part of it.
fn says(known: &Diagnostic, other: &Diagnostic) -> bool {
    let about_the_same = match (&known.path, &other.path) {
        (Some(known), Some(other)) => {
            known.strip_prefix(other.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        }
        _ => known.message == other.message,
    };
    known.code == other.code && known.severity >= other.severity && about_the_same
}

/// Packages and compiles what was read.
///
/// # Errors
/// Everything that is wrong with the packages, and everything that the compiler objects to.
pub async fn prepare(
    read: &Read,
    screen: &Screen,
    purpose: Purpose,
    output: Option<&Path>,
    stop: CancellationToken,
) -> Result<Prepared, CommandError> {
    // What only looks at the file asks nobody.
    let commit = if purpose == Purpose::Deploy { commit::short(&read.directory).await } else { None };
    let target = Target { commit, ..read.target.clone() };
    let Compiled { mut template, mut problems } = compile(&read.service, &target);
    let packages = from_service(&read.service, &read.target.stage, &read.directory, &read.config_file, output);
    let packages = packages.build(stop).await;
    problems.extend(packages.problems.iter().cloned());
    let edge = edge_sources(read, &mut problems);
    show_or_fail(screen, purpose, problems, &read.sources)?;
    template.hide(&read.sources.secrets);
    template.seal(&Artifacts {
        functions: packages.functions.iter().map(sealed).collect(),
        layers: packages.layers.iter().map(sealed).collect(),
        edge,
        images: BTreeMap::new(),
    });
    Ok(Prepared { template, packages })
}

fn sealed((key, artifact): (&String, &package::Artifact)) -> (String, Artifact) {
    (key.clone(), Artifact { path: Some(artifact.path.clone()), sha256: artifact.sha256.clone() })
}

/// The sources of CloudFront Functions, as they are on disk.
fn edge_sources(read: &Read, problems: &mut Vec<Diagnostic>) -> BTreeMap<String, Artifact> {
    let (sources, found) = package::edge::sources(&read.service, &read.directory);
    problems.extend(found);
    sources.into_iter().map(|(key, one)| (key, Artifact { path: Some(one.path), sha256: one.sha256 })).collect()
}

/// Compiles what was read, for code that was deployed before. Sources of CloudFront Functions are not kept: they are
/// those that are on disk now, which is said.
///
/// # Errors
/// Everything that the compiler objects to.
pub fn recompile(read: &Read, screen: &Screen, artifacts: &history::Artifacts) -> Result<Template, CommandError> {
    let Compiled { mut template, mut problems } = compile(&read.service, &read.target);
    let edge = edge_sources(read, &mut problems);
    show_or_fail(screen, Purpose::Look, problems, &read.sources)?;
    if !edge.is_empty() {
        screen.warning("the code of CloudFront Functions is not kept: what is on disk now is taken");
    }
    template.hide(&read.sources.secrets);
    let kept = |digests: &BTreeMap<String, String>| {
        let kept = digests.iter().map(|(key, sha256)| (key.clone(), Artifact { path: None, sha256: sha256.clone() }));
        kept.collect()
    };
    template.seal(&Artifacts {
        functions: kept(&artifacts.functions),
        layers: kept(&artifacts.layers),
        edge,
        images: BTreeMap::new(),
    });
    Ok(template)
}

/// Shows warnings; gives everything back as an error when something among it is one.
pub fn show_or_fail(
    screen: &Screen,
    purpose: Purpose,
    mut diagnostics: Vec<Diagnostic>,
    sources: &Sources,
) -> Result<(), CommandError> {
    weigh(purpose, &mut diagnostics);
    if has_errors(&diagnostics) {
        return Err(CommandError::Configuration { diagnostics, sources: sources.clone() });
    }
    screen.diagnostics(&diagnostics, sources);
    Ok(())
}

/// Makes warnings of what stops a deploy but not a look.
fn weigh(purpose: Purpose, diagnostics: &mut [Diagnostic]) {
    if purpose == Purpose::Look {
        for one in diagnostics.iter_mut().filter(|one| ONLY_FOR_DEPLOY.contains(&one.code)) {
            one.severity = one.severity.min(Severity::Warning);
        }
    }
}

/// What `${opt:...}` sees: long names, as the framework has them.
fn cli_options(global: &Global) -> BTreeMap<String, String> {
    let mut options = BTreeMap::new();
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            options.insert(name.to_owned(), value);
        }
    };
    add("stage", global.stage.clone());
    add("region", global.region.clone());
    add("aws-profile", global.aws_profile.clone());
    add("config", global.config.as_ref().map(|path| path.to_string_lossy().into_owned()));
    options
}

fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|one| one.severity == Severity::Error)
}

#[cfg(test)]
mod tests;
