//! The way in: finds the configuration, reads it, and resolves it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use indexmap::IndexMap;
use serde_json::Value;

use super::compose_file::ComposeFile;
use super::diagnostic::{Diagnostic, Severity};
use super::dotenv;
use super::node::{Data, Entry, Node, Place, Sources};
use super::secrets::Secrets;
use super::variables::remote::Remote;
use super::variables::script::{self, Script};
use super::variables::{self, Inputs};
use super::{foreign, json, pseudo, read, shape, yaml};

/// The names that a configuration may have, in the order in which they are looked for.
pub const FILE_NAMES: &[&str] = &[
    "serverless.yml",
    "serverless.yaml",
    "serverless.json",
    "serverless.js",
    "serverless.mjs",
    "serverless.cjs",
    "serverless.ts",
];

/// What to load, and with what. The library reads neither command line nor environment by itself.
#[derive(Clone, Default)]
pub struct LoadOptions {
    /// Where the configuration is looked for.
    pub directory: PathBuf,
    /// `--config`: a file instead of the usual names, relative to the directory. Its own directory is the service's.
    pub config: Option<PathBuf>,
    /// `--stage`.
    pub stage: Option<String>,
    /// `--region`.
    pub region: Option<String>,
    /// `--aws-profile`.
    pub profile: Option<String>,
    /// `--param name=value`; of two with the same name the last counts.
    pub params: Vec<(String, String)>,
    /// Further options of the command line, by their long names, for `${opt:name}`.
    pub options: BTreeMap<String, String>,
    /// The environment of the process.
    pub env: BTreeMap<String, String>,
}

/// A configuration that was loaded, as far as that was possible.
pub struct Loaded {
    /// The resolved tree; `None` when the file is missing or cannot be read at all.
    pub root: Option<Node>,
    /// The texts of all files that took part, for showing diagnostics.
    pub sources: Sources,
    pub diagnostics: Vec<Diagnostic>,
    pub stage: String,
    /// `--region`, or `provider.region`, or `us-east-1`.
    pub region: String,
    /// `--aws-profile`, or `provider.profile`.
    pub profile: Option<String>,
    /// The service's directory: where the configuration stands.
    pub directory: PathBuf,
    pub config_path: Option<PathBuf>,
    /// The addresses that `${self:..}` of the file asked for: keys there mean something to it.
    pub asked: BTreeSet<String>,
    /// What serverless-dotenv-plugin brought. It is in `provider.environment` of the root already.
    pub dotenv_plugin_env: IndexMap<String, String>,
}

/// Without environment and parameters: they often hold what must not be shown.
impl fmt::Debug for LoadOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("LoadOptions");
        debug.field("directory", &self.directory).field("config", &self.config).field("stage", &self.stage);
        debug.field("region", &self.region).field("profile", &self.profile).finish_non_exhaustive()
    }
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Loaded");
        debug.field("root", &self.root).field("diagnostics", &self.diagnostics).field("stage", &self.stage);
        debug.field("region", &self.region).field("directory", &self.directory).finish_non_exhaustive()
    }
}

impl Loaded {
    fn nothing(options: &LoadOptions) -> Self {
        Self {
            root: None,
            sources: Sources::default(),
            diagnostics: Vec::new(),
            stage: options.stage.clone().unwrap_or_else(|| String::from("dev")),
            region: options.region.clone().unwrap_or_else(|| String::from("us-east-1")),
            profile: options.profile.clone(),
            directory: options.directory.clone(),
            config_path: None,
            asked: BTreeSet::new(),
            dotenv_plugin_env: IndexMap::new(),
        }
    }

    /// Whether anything was found that must stop a command.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

/// Loads a configuration: finds it, reads it, and resolves its variables, reporting everything that is wrong.
///
/// Without a `remote`, variables that need an account are left open as `Data::Deferred`.
pub async fn load(options: &LoadOptions, remote: Option<&dyn Remote>) -> Loaded {
    let mut loaded = Loaded::nothing(options);
    let path = match find(options) {
        Ok(path) => path,
        Err(diagnostic) => {
            loaded.diagnostics.push(*diagnostic);
            return loaded;
        }
    };
    if let Some(directory) = path.parent() {
        loaded.directory = directory.to_owned();
    }
    loaded.config_path = Some(path.clone());
    let inputs = inputs(options, &loaded.directory);
    let root = read_root(&path, &inputs, &mut loaded).await;
    finish(loaded, root, inputs, options, remote).await
}

/// As [`load`], for a configuration that stands in no file; paths in it are read against `options.directory`.
pub async fn load_text(text: &str, options: &LoadOptions, remote: Option<&dyn Remote>) -> Loaded {
    let mut loaded = Loaded::nothing(options);
    let file = loaded.sources.add("serverless.yml", text);
    let composed = yaml::compose(text, file);
    loaded.diagnostics.extend(composed.diagnostics);
    let inputs = inputs(options, &loaded.directory);
    finish(loaded, composed.root, inputs, options, remote).await
}

/// As [`load`], for the configuration that a record of a deployment keeps (see [`super::record`]): what must not be kept
/// is resolved again, everything else is as it was. `options` name the service's directory, the stage and the region.
pub async fn load_record(kept: &Value, options: &LoadOptions, remote: Option<&dyn Remote>) -> Loaded {
    let mut loaded = Loaded::nothing(options);
    let file = loaded.sources.add("the record of the deployment", "");
    let place = Place { file, start: 0, end: 0, line: 1, column: 1 };
    let inputs = inputs(options, &options.directory);
    finish(loaded, Some(json::to_node(kept, place, false)), inputs, options, remote).await
}

async fn finish(
    mut loaded: Loaded,
    root: Option<Node>,
    mut inputs: Inputs,
    options: &LoadOptions,
    remote: Option<&dyn Remote>,
) -> Loaded {
    let Some(mut root) = root.and_then(|root| shape::before(root, &mut loaded.diagnostics)) else { return loaded };
    if let Some(other) = foreign::other_variables(&root) {
        loaded.diagnostics.push(other);
        return loaded;
    }
    if let Some(stage) = prepare(&root, options, &mut inputs, &mut loaded).await {
        decide_stage(&mut root, stage);
    }
    inputs.offline = remote.is_none();
    let (root, found, asked) = variables::resolve(root, &inputs, &mut loaded.sources, remote).await;
    loaded.diagnostics.extend(found);
    loaded.asked = asked;
    let root = shape::after(root, &mut loaded.diagnostics);
    let mut root = pseudo::replace(root);
    dotenv::into_provider(&mut root, &loaded.dotenv_plugin_env);

    let setting = |key: &str| root.get("provider").and_then(|provider| provider.get(key)).and_then(Node::as_str);
    if let (None, Some(region)) = (&options.region, setting("region")) {
        region.clone_into(&mut loaded.region);
    }
    if let (None, Some(profile)) = (&options.profile, setting("profile")) {
        loaded.profile = Some(profile.to_owned());
    }
    loaded.sources.secrets = Secrets::of(&root);
    loaded.diagnostics = distinct(loaded.diagnostics, &loaded.sources);
    loaded.root = Some(root);
    loaded
}

/// The configuration's path, or what was looked for and where.
fn find(options: &LoadOptions) -> Result<PathBuf, Box<Diagnostic>> {
    let directory = options.directory.display();
    if let Some(config) = &options.config {
        let path = options.directory.join(config);
        if path.is_file() {
            return Ok(path);
        }
        let message = format!("there is no file {}", config.display());
        let help = format!("it was looked for in {directory}; name another with --config");
        return Err(Diagnostic::error("no-configuration", message).help(help).into());
    }
    let mut candidates = FILE_NAMES.iter().map(|name| options.directory.join(name));
    candidates.find(|path| path.is_file()).ok_or_else(|| {
        if let Some(several) = ComposeFile::in_folder(&options.directory) {
            let message = format!("there is no serverless.yml in {directory}, but {}", several.name);
            let folders = several.folders_in_order().join(", ");
            return Diagnostic::error("no-configuration", message)
                .help("hoist deploys one service at a time, and does not read that file's parameters")
                .help(format!("run it in each folder, in this order: {folders}"))
                .into();
        }
        Diagnostic::error("no-configuration", format!("there is no serverless.yml in {directory}"))
            .help(format!("these names were looked for: {}", FILE_NAMES.join(", ")))
            .help("change to the service's directory, or name the file with --config")
            .into()
    })
}

fn inputs(options: &LoadOptions, directory: &Path) -> Inputs {
    let mut named = options.options.clone();
    let given = [("stage", &options.stage), ("region", &options.region), ("aws-profile", &options.profile)];
    for (name, value) in given {
        if let Some(value) = value {
            named.insert(name.to_owned(), value.clone());
        }
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    Inputs {
        directory: directory.to_owned(),
        stage: options.stage.clone(),
        region: options.region.clone(),
        profile: options.profile.clone(),
        options: named,
        params: options.params.iter().cloned().collect(),
        env: options.env.clone(),
        // Until the stage is known nobody asks an account.
        offline: true,
        instance: now.to_string(),
    }
}

async fn read_root(path: &Path, inputs: &Inputs, loaded: &mut Loaded) -> Option<Node> {
    let shown = read::shown(path, &inputs.directory);
    let text = match read::text(path) {
        Ok(text) => text.unwrap_or_default(),
        Err(why) => {
            loaded.diagnostics.push(Diagnostic::error("unreadable-file", format!("{shown} cannot be read: {why}")));
            return None;
        }
    };
    let file = loaded.sources.add(shown.as_str(), text.as_str());
    let start = Place { file, start: 0, end: 0, line: 1, column: 1 };
    if variables::is_script(path) {
        let directory = &inputs.directory;
        let script = Script { file: path, address: None, directory, options: &inputs.options, env: &inputs.env };
        return match script::run(&script, &mut script::Nothing).await {
            Ok(value) => Some(json::to_node(&value, start, false)),
            Err(error) => {
                let message = format!("{shown} cannot be run: {}", error.message);
                let mut diagnostic = Diagnostic::error("script-failed", message).at(start);
                diagnostic.help.extend(error.help);
                loaded.diagnostics.push(diagnostic);
                None
            }
        };
    }
    let is_json = path.extension().is_some_and(|extension| extension == "json");
    let composed = if is_json { yaml::compose_json(&text, file) } else { yaml::compose(&text, file) };
    loaded.diagnostics.extend(composed.diagnostics);
    composed.root
}

/// Finds out what all the rest depends on: the stage, then what `.env` files say. Gives the value of `provider.stage`
/// where it came out of a variable.
async fn prepare(root: &Node, options: &LoadOptions, inputs: &mut Inputs, loaded: &mut Loaded) -> Option<Node> {
    let at = |path: &[&str]| path.iter().try_fold(root, |node, key| node.get(key));
    let written = at(&["provider", "stage"]);
    let behind = root.get("provider").is_some_and(|provider| !is_plain(provider) && provider.as_str().is_some());
    let stage = match written {
        _ if options.stage.is_some() => None,
        Some(node) if is_plain(node) => Some(node.clone()),
        None if !behind => None,
        _ => {
            let path: [&[&str]; 1] = [&["provider", "stage"]];
            let ([stage], found) = variables::resolve_some(root.clone(), inputs, &mut loaded.sources, path).await;
            loaded.diagnostics.extend(found);
            stage
        }
    };
    match stage.as_ref().map(|stage| &stage.data) {
        Some(Data::String(text)) if !text.is_empty() => text.clone_into(&mut loaded.stage),
        Some(Data::Int(number)) => loaded.stage = number.to_string(),
        _ => {}
    }
    if stage.as_ref().is_some_and(|stage| matches!(stage.data, Data::Deferred(_))) {
        let place = written.map_or(root.place, |node| node.place);
        let message = "provider.stage: the stage has to be known before an account is asked for anything";
        let diagnostic = Diagnostic::error("stage-unknown", message).path("provider.stage").at(place);
        loaded.diagnostics.push(
            diagnostic.help(
                "let it depend on `${opt:..}`, `${env:..}`, `${file(..)}` or `${self:..}` alone, or give --stage",
            ),
        );
    }
    inputs.stage = Some(loaded.stage.clone());

    let paths: [&[&str]; 4] = [&["useDotenv"], &["frameworkVersion"], &["plugins"], &["custom", "dotenv"]];
    let written = paths.map(at);
    // With no variable in any of them there is nothing to resolve, and no second tree to build.
    let plain = written.iter().flatten().all(|node| is_plain(node))
        && root.get("custom").is_none_or(|node| node.as_str().is_none());
    let [used, version, plugins, settings] = if plain {
        written.map(Option::<&Node>::cloned)
    } else {
        // What is wrong with these values shows again when everything is resolved, with the same words.
        let mut scratch = loaded.sources.clone();
        variables::resolve_some(root.clone(), inputs, &mut scratch, paths).await.0
    };
    let used = dotenv::Use::of(used.as_ref(), dotenv::is_v4(version.as_ref()));
    match dotenv::load(&used, &loaded.stage, &loaded.directory, &options.env) {
        Ok(found) => inputs.env.extend(found),
        Err(diagnostic) => loaded.diagnostics.push(*diagnostic),
    }
    if plugins.as_ref().is_some_and(|plugins| lists(plugins, "serverless-dotenv-plugin")) {
        let mode = options.options.get("env").or(Some(&loaded.stage)).map(String::as_str);
        let (found, problems) = dotenv::plugin(settings.as_ref(), mode, &loaded.directory, &options.env, root.place);
        for (name, value) in &found {
            inputs.env.entry(name.clone()).or_insert_with(|| value.clone());
        }
        loaded.dotenv_plugin_env = found;
        loaded.diagnostics.extend(problems);
    }
    stage.filter(|stage| matches!(stage.data, Data::String(_) | Data::Int(_)))
}

/// Puts the stage in place of the variables that it came out of. It is decided once, before `.env` files are read, as in
/// the framework: what these say must not make another of `${self:provider.stage}`.
fn decide_stage(root: &mut Node, stage: Node) {
    let Data::Map(root) = &mut root.data else { return };
    let Some(Data::Map(provider)) = root.get_mut("provider").map(|entry| &mut entry.value.data) else { return };
    if let Some(entry) = provider.get_mut("stage").filter(|entry| !is_plain(&entry.value)) {
        entry.value = stage;
    }
}

/// Whether `plugins` names one, in either of its forms.
pub(super) fn lists(plugins: &Node, name: &str) -> bool {
    match &plugins.data {
        Data::List(items) => items.iter().any(|item| item.as_str() == Some(name)),
        Data::Map(_) => plugins.get("modules").is_some_and(|modules| lists(modules, name)),
        _ => false,
    }
}

fn is_plain(node: &Node) -> bool {
    match &node.data {
        Data::String(text) => !text.contains("${"),
        Data::List(items) => items.iter().all(is_plain),
        Data::Map(map) => map.values().all(|Entry { value, .. }| is_plain(value)),
        _ => true,
    }
}

/// Each problem once: what the stage depends on is resolved twice, and shows its problems twice.
fn distinct(diagnostics: Vec<Diagnostic>, sources: &Sources) -> Vec<Diagnostic> {
    let mut seen = HashSet::new();
    let mut new = |found: &Diagnostic| {
        let at = found.place.map(|place| (sources.get(place.file).map(|file| &file.path), place.start));
        seen.insert((found.code, found.message.clone(), at))
    };
    diagnostics.into_iter().filter(|found| new(found)).collect()
}
