//! From the command line to a template, without AWS: read, check, package, compile.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use super::CommandError;
use super::cli::Global;
use crate::aws::compile::{Artifact, Artifacts, Compiled, Target, compile};
use crate::aws::template::Template;
use crate::config;
use crate::config::diagnostic::{Diagnostic, Severity};
use crate::config::language::{Context, Service, validate};
use crate::config::load::{LoadOptions, Loaded};
use crate::config::node::Sources;
use crate::config::variables::remote::Remote;
use crate::package;
use crate::package::service::{ServiceArtifacts, from_service};
use crate::screen::Screen;

/// A configuration that was read and is sound.
pub struct Read {
    pub service: Service,
    pub sources: Sources,
    pub directory: PathBuf,
    /// The configuration's path relative to the directory.
    pub config_file: String,
    pub target: Target,
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
];

/// Reads the file and resolves its variables. What is wrong with it is in the result.
///
/// # Errors
/// There is no current directory.
pub async fn load(global: &Global, remote: Option<&dyn Remote>) -> Result<Loaded, CommandError> {
    let directory = std::env::current_dir().map_err(|error| {
        CommandError::plain(
            format!("the current directory cannot be read: {error}"),
            ["Change to another and run it again."],
        )
    })?;
    let options = LoadOptions {
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
    };
    Ok(config::load::load(&options, remote).await)
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
    let loaded = load(global, remote).await?;
    let Loaded { root, sources, mut diagnostics, stage, region, directory, config_path, .. } = loaded;
    let config_file = config_path.as_deref().map(|path| path.strip_prefix(&directory).unwrap_or(path));
    let config_file = config_file.map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
    let service = root.as_ref().and_then(|root| {
        let context =
            Context { stage: &stage, region: &region, strict: global.strict, today: jiff::Zoned::now().date() };
        let (service, found) = validate(root, &context);
        diagnostics.extend(found);
        service
    });
    if let Some(service) = service.as_ref().filter(|_| has_errors(&diagnostics)) {
        // What is wrong with the sources is said in the same run.
        let packages = from_service(service, &stage, &directory, &config_file, None).build(CancellationToken::new());
        diagnostics.extend(packages.await.problems);
    }
    show_or_fail(screen, purpose, diagnostics, &sources)?;
    match service {
        Some(service) => {
            Ok(Read { service, sources, directory, config_file, target: Target { stage, region, ..Target::default() } })
        }
        None => Err(CommandError::plain("the configuration could not be read", [""; 0])),
    }
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
    let commit = if purpose == Purpose::Deploy { commit(&read.directory).await } else { None };
    let target = Target { commit, ..read.target.clone() };
    let Compiled { mut template, mut problems } = compile(&read.service, &target);
    let packages = from_service(&read.service, &read.target.stage, &read.directory, &read.config_file, output);
    let packages = packages.build(stop).await;
    problems.extend(packages.problems.iter().cloned());
    show_or_fail(screen, purpose, problems, &read.sources)?;
    template.seal(&Artifacts {
        functions: packages.functions.iter().map(sealed).collect(),
        layers: packages.layers.iter().map(sealed).collect(),
        images: BTreeMap::new(),
    });
    Ok(Prepared { template, packages })
}

/// The commit that a directory stands at; `None` outside of a repository, and where git is not there.
async fn commit(directory: &Path) -> Option<String> {
    let mut git = tokio::process::Command::new("git");
    git.args(["rev-parse", "--short", "HEAD"]).current_dir(directory).kill_on_drop(true);
    git.stdin(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let said = git.output().await.ok().filter(|said| said.status.success())?;
    let commit = String::from_utf8(said.stdout).ok()?.trim().to_owned();
    (!commit.is_empty()).then_some(commit)
}

fn sealed((key, artifact): (&String, &package::Artifact)) -> (String, Artifact) {
    (key.clone(), Artifact { path: artifact.path.clone(), sha256: artifact.sha256.clone() })
}

/// Shows warnings; gives everything back as an error when something among it is one.
pub fn show_or_fail(
    screen: &Screen,
    purpose: Purpose,
    mut diagnostics: Vec<Diagnostic>,
    sources: &Sources,
) -> Result<(), CommandError> {
    if purpose == Purpose::Look {
        for one in diagnostics.iter_mut().filter(|one| ONLY_FOR_DEPLOY.contains(&one.code)) {
            one.severity = Severity::Warning;
        }
    }
    if has_errors(&diagnostics) {
        return Err(CommandError::Configuration { diagnostics, sources: sources.clone() });
    }
    screen.diagnostics(&diagnostics, sources);
    Ok(())
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
