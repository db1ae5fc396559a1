//! From the typed service to what has to be packaged, and back to which function runs from which zip.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use tokio_util::sync::CancellationToken;

use super::artifact::{Artifact, Excess};
use super::build::{build_beside, look_beside};
use super::handler::Check;
use super::request::{Content, Packaging, Request};
use super::rules::{Defaults, Written};
use crate::config::diagnostic::{Diagnostic, Severity, left_out};
use crate::config::language::Service;
use crate::config::language::effective::EffectiveFunction;
use crate::config::language::layer::Layer;
use crate::config::language::package::Package;
use crate::config::language::service::Plugins;
use crate::config::node::{Data, Node, Place};
use crate::config::variables::grammar::has_variables;

/// What a service needs packaged.
#[derive(Clone, Debug)]
pub struct ServicePackages {
    pub packaging: Packaging,
    /// The request that each function runs from, by function key. Functions from an image are missing.
    pub functions: IndexMap<String, String>,
    /// The request that each layer is made of, by layer key.
    pub layers: IndexMap<String, String>,
    /// What is wrong before any file was looked at.
    pub problems: Vec<Diagnostic>,
    places: HashMap<String, Place>,
}

/// The packages of a service, by what uses them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceArtifacts {
    /// By function key; several functions may share one. One with an error is missing.
    pub functions: IndexMap<String, Artifact>,
    /// By layer key.
    pub layers: IndexMap<String, Artifact>,
    /// Everything that is wrong, with places.
    pub problems: Vec<Diagnostic>,
    /// How many zips were taken over from the last run.
    pub reused: usize,
    /// Whether it was stopped before it was done.
    pub cancelled: bool,
}

impl ServiceArtifacts {
    /// Whether something is wrong enough that nothing should be deployed.
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }
}

/// Works out what a service needs packaged, without looking at a file. `config_file` is the configuration's path
/// relative to `service_dir`; `output` is `package --package`, before `package.path` and `.hoist`.
pub fn from_service(
    service: &Service,
    stage: &str,
    service_dir: &Path,
    config_file: &str,
    output: Option<&Path>,
) -> ServicePackages {
    let mut packages = Collection::new(service, service_dir, config_file, output);
    for function in service.effective_functions(stage) {
        packages.function(service_dir, &function);
    }
    packages.disabled_functions();
    for (key, layer) in &service.layers {
        packages.layer(service_dir, key, layer);
    }
    packages.open_patterns();
    packages.done
}

impl ServicePackages {
    /// What is wrong with the files, without packaging them: nothing is written. Whether a package is too large is only
    /// known once it is made.
    pub async fn look(self) -> Vec<Diagnostic> {
        let mut problems = self.problems;
        problems.extend(look_beside(self.packaging).await);
        find_places(&mut problems, &self.places);
        problems
    }

    /// Packages everything, on threads that may block.
    pub async fn build(self, cancel: CancellationToken) -> ServiceArtifacts {
        let built = build_beside(self.packaging, cancel).await;
        let mut problems = self.problems;
        problems.extend(built.problems);
        let of_functions = self.functions.iter().filter_map(|(key, name)| Some((key, built.artifacts.get(name)?)));
        problems.extend(of_functions.filter_map(|(key, artifact)| too_large(key, artifact)));
        find_places(&mut problems, &self.places);
        let find = |uses: IndexMap<String, String>| {
            uses.into_iter().filter_map(|(key, name)| Some((key, built.artifacts.get(&name)?.clone()))).collect()
        };
        ServiceArtifacts {
            functions: find(self.functions),
            layers: find(self.layers),
            problems,
            reused: built.reused,
            cancelled: built.cancelled,
        }
    }
}

/// The places of problems that packaging knows by their path alone.
fn find_places(problems: &mut [Diagnostic], places: &HashMap<String, Place>) {
    for problem in problems.iter_mut().filter(|problem| problem.place.is_none()) {
        problem.place = problem.path.as_deref().and_then(|path| nearest_place(places, path));
    }
}

/// What Lambda would refuse. (What is merely too large to be sent within a call goes through S3.)
fn too_large(key: &str, artifact: &Artifact) -> Option<Diagnostic> {
    artifact.excesses().into_iter().find_map(|excess| match excess {
        Excess::Unzipped { size, limit } => Some(
            Diagnostic::error(
                "package-too-large",
                format!(
                    "functions.{key}: {} MB unpacked, more than the {} MB that Lambda takes",
                    size >> 20,
                    limit >> 20
                ),
            )
            .path(format!("functions.{key}"))
            .help("leave files out with `package.patterns`, move some into a layer, or use a container image"),
        ),
        Excess::DirectUpload { .. } => None,
    })
}

/// The place of a dotted path, or of what it lies in.
fn nearest_place(places: &HashMap<String, Place>, path: &str) -> Option<Place> {
    let mut path = path;
    loop {
        if let Some(place) = places.get(path) {
            return Some(*place);
        }
        path = path.rsplit_once('.')?.0;
    }
}

/// The requests as they come together.
struct Collection<'a> {
    service: &'a Service,
    done: ServicePackages,
    /// The name of the zip that functions share, once one needs it.
    shared: Option<String>,
    /// Functions with `package.disable`, which use the shared zip when there is one.
    disabled: Vec<String>,
}

impl<'a> Collection<'a> {
    fn new(service: &'a Service, service_dir: &Path, config_file: &str, output: Option<&Path>) -> Self {
        let mut packaging = Packaging::new(service_dir);
        if let Some(path) = output.map(Path::to_owned).or_else(|| own(service)?.path.as_ref().map(PathBuf::from)) {
            packaging.output = service_dir.join(path);
        }
        packaging.defaults = Defaults {
            config_file: Some(config_file.to_owned()),
            plugin_dir: match &service.plugins {
                Some(Plugins::Local(local)) => local.local_path.clone(),
                _ => None,
            },
            layer_paths: service.layers.values().filter_map(|layer| layer.path.clone()).collect(),
            dotenv: service.use_dotenv.as_deref().is_some_and(is_on),
        };
        let mut places = HashMap::new();
        if let Some(package) = own(service) {
            places.insert("package".to_owned(), package.place);
            places.insert("package.artifact".to_owned(), package.place_of("artifact"));
        }
        let done = ServicePackages {
            packaging,
            functions: IndexMap::new(),
            layers: IndexMap::new(),
            problems: Vec::new(),
            places,
        };
        Self { service, done, shared: None, disabled: Vec::new() }
    }

    fn function(&mut self, service_dir: &Path, function: &EffectiveFunction<'_>) {
        let Some(runtime) = function.runtime() else { return };
        let key = function.key;
        let path = format!("functions.{key}");
        self.done.places.extend(self.service.functions.key_place(key).map(|place| (path.clone(), place)));
        self.done.places.insert(format!("{path}.handler"), function.function.place_of("handler"));
        let package = function.function.package.as_ref();
        if let Some(package) = package {
            self.done.places.insert(format!("{path}.package"), package.place);
            self.done.places.insert(format!("{path}.package.artifact"), package.place_of("artifact"));
        }
        if package.is_some_and(|package| package.disable == Some(true)) {
            self.disabled.push(key.to_owned());
            return;
        }
        if let Some(artifact) = package.and_then(|package| package.artifact.as_ref()) {
            let name = self.artifact(key, &path, artifact);
            self.done.functions.insert(key.to_owned(), name);
            return;
        }

        let own_package = own(self.service);
        let own_individually = package.is_some_and(|package| package.individually == Some(true));
        // A service-wide `individually` cannot be taken back by a function.
        let individually = own_individually || own_package.is_some_and(|package| package.individually == Some(true));
        let shares_artifact = own_package.is_some_and(|package| package.artifact.is_some()) && !own_individually;
        let check = Check {
            function: path.clone(),
            runtime: runtime.to_owned(),
            handler: function.function.handler.clone().unwrap_or_default(),
            has_layers: !function.layers().is_empty(),
        };
        if !individually || shares_artifact {
            let ignored = package.filter(|package| {
                !(package.patterns.is_empty() && package.include.is_empty() && package.exclude.is_empty())
            });
            if let Some(package) = ignored {
                self.ignored_patterns(&path, package.place);
            }
            let name = self.shared(service_dir);
            self.done.functions.insert(key.to_owned(), name.clone());
            // What a finished zip holds is its maker's business.
            if let Some(request) = self.done.packaging.requests.iter_mut().find(|request| request.name == name)
                && request.root().is_some()
                && function.function.handler.is_some()
            {
                request.checks.push(check);
            }
            return;
        }
        let mut written = self.service_patterns();
        let mut exclude_dev = own_package.and_then(|package| package.exclude_dev_dependencies);
        if let Some(package) = package {
            written.own_exclude.clone_from(&package.exclude);
            written.own_patterns = package.include.iter().chain(&package.patterns).cloned().collect();
            exclude_dev = package.exclude_dev_dependencies.or(exclude_dev);
        }
        let name = self.unique(key, "function");
        let mut request = Request::files(name.clone(), path, service_dir, written);
        request.exclude_dev_dependencies = exclude_dev.unwrap_or(true);
        if function.function.handler.is_some() {
            request.checks.push(check);
        }
        self.done.functions.insert(key.to_owned(), name);
        self.done.packaging.requests.push(request);
    }

    /// A finished zip, which is read once however many functions name it.
    fn artifact(&mut self, key: &str, path: &str, artifact: &str) -> String {
        let same = |request: &&Request| matches!(&request.content, Content::Artifact(other) if other == artifact);
        if let Some(request) = self.done.packaging.requests.iter().find(same) {
            return request.name.clone();
        }
        let name = self.unique(key, "function");
        self.done.packaging.requests.push(Request::artifact(name.clone(), format!("{path}.package"), artifact));
        name
    }

    fn ignored_patterns(&mut self, path: &str, place: Place) {
        let path = format!("{path}.package");
        let message = format!("{path}: its patterns have no effect, because the function shares the service's zip");
        self.done.problems.push(
            Diagnostic::warning("ignored-patterns", message)
                .path(path)
                .at(place)
                .help("Set `individually: true` beside them, or move them to the service's `package.patterns`."),
        );
    }

    /// Patterns that only an account knows choose no files here.
    fn open_patterns(&mut self) {
        let mut open: IndexMap<String, String> = IndexMap::new();
        for request in &self.done.packaging.requests {
            let Content::Files { written, .. } = &request.content else { continue };
            for pattern in written.all().filter(|pattern| has_variables(pattern)) {
                open.entry(pattern.clone()).or_insert_with(|| request.path.clone());
            }
        }
        let problems = open.into_iter().map(|(pattern, path)| {
            Diagnostic::warning("needs-account", format!("{path}: {}", left_out(&pattern))).path(path)
        });
        self.done.problems.extend(problems);
    }

    /// A function whose packaging is turned off runs from the shared zip; there has to be one.
    fn disabled_functions(&mut self) {
        for key in std::mem::take(&mut self.disabled) {
            if let Some(shared) = &self.shared {
                self.done.functions.insert(key, shared.clone());
                continue;
            }
            let path = format!("functions.{key}.package");
            let message = format!("{path}: packaging is disabled, and there is no other zip to run the function from");
            self.done.problems.push(
                Diagnostic::error("package-disabled", message)
                    .path(path)
                    .help("Name a finished zip with `package.artifact`, or take `disable` out."),
            );
        }
    }

    /// The zip of all functions that have none of their own.
    fn shared(&mut self, service_dir: &Path) -> String {
        if let Some(name) = &self.shared {
            return name.clone();
        }
        let package = own(self.service);
        let name = self.unique(self.service.name(), "service");
        let request = match package.and_then(|package| package.artifact.as_ref()) {
            Some(artifact) => Request::artifact(name.clone(), "package", artifact.as_str()),
            None => {
                let mut request = Request::files(name.clone(), "package", service_dir, self.service_patterns());
                request.exclude_dev_dependencies =
                    package.and_then(|package| package.exclude_dev_dependencies).unwrap_or(true);
                request
            }
        };
        self.done.packaging.requests.push(request);
        self.shared = Some(name.clone());
        name
    }

    fn layer(&mut self, service_dir: &Path, key: &str, layer: &Layer) {
        let path = format!("layers.{key}");
        self.done.places.insert(path.clone(), layer.place);
        let package = layer.package.as_ref();
        let name = self.unique(key, "layer");
        let request = match (package.and_then(|package| package.artifact.as_ref()), &layer.path) {
            (Some(artifact), _) => {
                self.done
                    .places
                    .extend(package.map(|it| (format!("{path}.package.artifact"), it.place_of("artifact"))));
                Request::artifact(name.clone(), format!("{path}.package"), artifact.as_str())
            }
            (None, Some(dir)) => {
                let mut written = self.service_patterns();
                if let Some(package) = package {
                    written.own_exclude.clone_from(&package.exclude);
                    written.own_patterns = package.include.iter().chain(&package.patterns).cloned().collect();
                }
                Request::files(name.clone(), path, service_dir.join(dir), written)
            }
            (None, None) => {
                let message = format!("{path}: there is neither `path` nor `package.artifact` to make it of");
                self.done.problems.push(Diagnostic::error("layer-without-content", message).path(path));
                return;
            }
        };
        self.done.layers.insert(key.to_owned(), name);
        self.done.packaging.requests.push(request);
    }

    fn service_patterns(&self) -> Written {
        let Some(package) = own(self.service) else { return Written::default() };
        Written {
            service_exclude: package.exclude.clone(),
            service_patterns: package.include.iter().chain(&package.patterns).cloned().collect(),
            ..Written::default()
        }
    }

    /// The framework's name for a zip, unless a function, a layer or the service of that name took it: there, one
    /// would overwrite the other.
    fn unique(&self, name: &str, what: &str) -> String {
        // A name that only an account knows stands there as its variable, which is no name of a file.
        let clean = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
        let name: String = name.chars().map(clean).collect();
        let name = name.trim_matches('-');
        let requests = &self.done.packaging.requests;
        let taken = |name: &str| requests.iter().any(|request| request.name == name);
        if !taken(name) {
            return name.to_owned();
        }
        let mut other = format!("{name}-{what}");
        while taken(&other) {
            other.push('_');
        }
        other
    }
}

fn own(service: &Service) -> Option<&Package> {
    service.package.as_ref()
}

fn is_on(node: &Node) -> bool {
    !matches!(node.data, Data::Null | Data::Bool(false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::decode::sample::{messages, node};
    use crate::config::language::decode_service;
    use crate::package::testing::{Project, names_in};

    fn packages(root: &Path, yaml: &str) -> ServicePackages {
        let (service, problems) = decode_service(&node(yaml));
        assert_eq!(messages(&problems), Vec::<&str>::new());
        from_service(&service.expect("a service"), "dev", root, "serverless.yml", None)
    }

    fn requests(packages: &ServicePackages) -> Vec<(&str, &str)> {
        packages.packaging.requests.iter().map(|request| (request.name.as_str(), request.path.as_str())).collect()
    }

    fn uses(packages: &ServicePackages) -> Vec<(&str, &str)> {
        packages.functions.iter().map(|(key, name)| (key.as_str(), name.as_str())).collect()
    }

    #[test]
    fn functions_share_a_zip_unless_they_are_packaged_individually() {
        let packages = packages(
            Path::new("/project"),
            "
service: shop
provider: {name: aws, runtime: nodejs22.x}
useDotenv: true
package: {patterns: ['!docs/**'], exclude: [old/**], excludeDevDependencies: false}
functions:
  one: {handler: src/one.handler}
  two: {handler: src/two.handler, package: {individually: true, patterns: ['!src/one.js'], include: [x]}}
  three: {handler: src/three.handler, package: {artifact: build/three.zip}}
  four: {image: 123456789012.dkr.ecr.eu-west-1.amazonaws.com/repo@sha256:0000000000000000000000000000000000000000000000000000000000000000}
  five: {handler: src/five.handler, package: {disable: true}}
  six: {handler: src/six.handler, package: {patterns: [y]}}
layers:
  common: {path: layers/common}
  two: {package: {artifact: layer.zip}}
",
        );
        assert_eq!(
            requests(&packages),
            [
                ("shop", "package"),
                ("two", "functions.two"),
                ("three", "functions.three.package"),
                ("common", "layers.common"),
                ("two-layer", "layers.two.package"),
            ]
        );
        assert_eq!(
            uses(&packages),
            [("one", "shop"), ("two", "two"), ("three", "three"), ("six", "shop"), ("five", "shop")]
        );
        let checked: Vec<&str> =
            packages.packaging.requests[0].checks.iter().map(|check| check.handler.as_str()).collect();
        assert_eq!(checked, ["src/one.handler", "src/six.handler"]);
        let Content::Files { written, root } = &packages.packaging.requests[1].content else { panic!("files") };
        assert_eq!(
            (written.own_patterns.as_slice(), root.as_path()),
            (&["x".into(), "!src/one.js".into()][..], Path::new("/project"))
        );
        assert_eq!(written.service_exclude, ["old/**"]);
        assert!(!packages.packaging.requests[1].exclude_dev_dependencies);
        assert_eq!(messages(&packages.problems).len(), 1);
        assert_eq!(packages.problems[0].code, "ignored-patterns");
        assert!(packages.packaging.defaults.dotenv);
        assert_eq!(packages.packaging.defaults.layer_paths, ["layers/common"]);
    }

    #[test]
    fn a_pattern_that_only_an_account_knows_is_named_once() {
        let packages = packages(
            Path::new("/project"),
            "
service: shop
provider: {name: aws, runtime: nodejs22.x}
package: {individually: true, patterns: ['!${ssm:/all}', '!src/**']}
functions:
  one: {handler: one.handler, package: {patterns: ['!${ssm:/own}']}}
  two: {handler: two.handler}
",
        );
        let said: Vec<(&str, &str)> =
            packages.problems.iter().map(|problem| (problem.code, problem.message.as_str())).collect();
        let of = |path: &str, name: &str| {
            format!("{path}: only an account knows `{name}`, and what depends on it is left out here")
        };
        let expected = [of("functions.one", "!${ssm:/all}"), of("functions.one", "!${ssm:/own}")];
        assert_eq!(said, expected.each_ref().map(|message| ("needs-account", message.as_str())));
    }

    #[test]
    fn the_services_artifact_serves_all_but_those_that_say_individually() {
        let packages = packages(
            Path::new("/project"),
            "
service: shop
provider: {name: aws}
package: {individually: true, artifact: all.jar, path: out}
functions:
  one: {handler: com.example.One}
  two: {handler: src/two.handler, package: {individually: true}}
  three: {handler: com.example.Three, package: {artifact: three.jar}}
  four: {handler: com.example.Four, package: {artifact: three.jar}}
",
        );
        let expected = [("shop", "package"), ("two", "functions.two"), ("three", "functions.three.package")];
        assert_eq!(requests(&packages), expected);
        assert_eq!(uses(&packages), [("one", "shop"), ("two", "two"), ("three", "three"), ("four", "three")]);
        assert_eq!(packages.packaging.output, Path::new("/project/out"));
        assert!(packages.packaging.requests[0].checks.is_empty());
    }

    #[test]
    fn a_function_without_any_zip_is_an_error() {
        let packages = packages(
            Path::new("/project"),
            "
service: shop
provider: {name: aws}
functions: {one: {handler: a.b, package: {disable: true}}}
layers: {empty: {description: nothing}}
",
        );
        let codes: Vec<&str> = packages.problems.iter().map(|problem| problem.code).collect();
        assert_eq!(codes, ["package-disabled", "layer-without-content"]);
    }

    #[tokio::test]
    async fn gives_each_function_its_zip_and_each_problem_its_place() {
        let project = Project::new().file("a.js", "").file("serverless.yml", "");
        let packages = packages(
            project.root(),
            "
service: shop
provider: {name: aws, runtime: nodejs22.x}
functions:
  one: {handler: a.handler}
  two: {handler: b.handler}
  three: {handler: c.handler, package: {artifact: c.zip}}
",
        );
        let built = packages.build(CancellationToken::new()).await;
        assert_eq!(built.functions["one"], built.functions["two"]);
        assert_eq!(names_in(&built.functions["one"].path), ["a.js"]);
        let problems: Vec<(&str, Option<&str>)> =
            built.problems.iter().map(|problem| (problem.code, problem.path.as_deref())).collect();
        assert_eq!(
            problems,
            [
                ("handler-not-found", Some("functions.two.handler")),
                ("artifact-not-found", Some("functions.three.package.artifact")),
            ]
        );
        assert!(built.problems.iter().all(|problem| problem.place.is_some()));
        assert!(built.has_errors());
    }

    #[test]
    fn what_lambda_refuses_is_said_before_it_is_sent() {
        let artifact = |size, unzipped_size| Artifact {
            path: PathBuf::from("a.zip"),
            sha256: String::new(),
            size,
            unzipped_size,
            entries: 1,
        };
        assert_eq!(too_large("api", &artifact(60 << 20, 250 << 20)), None, "goes through S3");
        let problem = too_large("api", &artifact(60 << 20, (250 << 20) + 1)).unwrap();
        assert_eq!((problem.code, problem.path.as_deref()), ("package-too-large", Some("functions.api")));
    }
}
