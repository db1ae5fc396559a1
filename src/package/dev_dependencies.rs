//! The installed Node packages that only development needs, which stay out of a package unless
//! `package.excludeDevDependencies` is false.
//!
//! The framework runs `npm ls` twice for every `package.json` (a second or more each), and takes the difference. Here
//! the same is read from the `package.json` of the installed packages, with Node's own rule for where a name leads
//! to: what the development dependencies reach and nothing else does. That is what lies on the disk, not what a lock
//! file says should, it is the same for npm, pnpm and Yarn's `node_modules`, and it needs no npm: so there is no
//! falling back to it either. Where a manifest that production reaches cannot be read, nothing is left out.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::tree::{File, Tree};

/// What development alone needs.
#[derive(Debug, Default)]
pub struct DevDependencies {
    /// Package directories, where they really are and where links to them lie.
    dirs: HashSet<PathBuf>,
    /// Programs of those packages in a `.bin` directory.
    programs: HashSet<PathBuf>,
    /// The manifest that could not be read, when that is why nothing is left out.
    pub unreadable: Option<PathBuf>,
}

impl DevDependencies {
    /// Looks from every `package.json` of the tree that is outside of `node_modules`.
    pub fn of(tree: &Tree) -> Self {
        let roots: Vec<PathBuf> = tree
            .files
            .iter()
            .filter(|file| file.ups == 0 && is_root_manifest(&file.name))
            .map(|file| tree.dirs[file.dir].real.clone())
            .collect();
        if roots.is_empty() {
            return Self::default();
        }
        let mut installed = Installed::default();
        match installed.only_for_development(roots) {
            Ok(found) => found,
            Err(Unreadable(path)) => Self { unreadable: Some(path), ..Self::default() },
        }
    }

    /// For each directory of the tree, whether it belongs to such a package.
    pub fn directories(&self, tree: &Tree) -> Vec<bool> {
        let mut out: Vec<bool> = Vec::with_capacity(tree.dirs.len());
        for dir in &tree.dirs {
            // A directory comes after the one that it is in; a starting point is its own.
            let inherited = out.get(dir.parent).copied().unwrap_or(false);
            out.push(inherited || self.dirs.contains(&dir.real) || self.dirs.contains(&tree.location(dir)));
        }
        out
    }

    /// Whether a file is a program that only such a package brings.
    pub fn is_program(&self, tree: &Tree, file: &File) -> bool {
        let own = file.name.rsplit('/').next().unwrap_or_default();
        !self.programs.is_empty() && self.programs.contains(&tree.dirs[file.dir].real.join(own))
    }
}

fn is_root_manifest(name: &str) -> bool {
    (name == "package.json" || name.ends_with("/package.json")) && !name.contains("node_modules")
}

/// A manifest that had to be read to be sure.
struct Unreadable(PathBuf);

/// The parts of a `package.json` that matter here. Kept as values: a wrongly typed part of one package must not hide
/// the others.
struct Manifest(Map<String, Value>);

impl Manifest {
    fn read(dir: &Path) -> Result<Self, Unreadable> {
        let path = dir.join("package.json");
        let text = fs::read(&path).map_err(|_| Unreadable(path.clone()))?;
        // npm itself takes a byte order mark away.
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
        serde_json::from_slice(text).map(Self).map_err(|_| Unreadable(path))
    }

    fn names(&self, key: &str) -> impl Iterator<Item = &String> {
        self.0.get(key).and_then(Value::as_object).into_iter().flat_map(Map::keys)
    }

    /// What the package needs when it runs. Optional and peer dependencies count once they are installed.
    fn needed(&self) -> Vec<String> {
        ["dependencies", "optionalDependencies", "peerDependencies"]
            .iter()
            .flat_map(|key| self.names(key).cloned())
            .collect()
    }

    fn programs(&self, dir: &Path) -> Vec<String> {
        match self.0.get("bin") {
            Some(Value::Object(programs)) => programs.keys().cloned().collect(),
            Some(Value::String(_)) => {
                dir.file_name().map(|own| own.to_string_lossy().into_owned()).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }
}

/// Where a name led to: the place in `node_modules`, and the directory behind it.
#[derive(Clone, Debug)]
struct Place {
    location: PathBuf,
    real: PathBuf,
}

/// What was looked up so far.
#[derive(Default)]
struct Installed {
    node_modules: HashMap<PathBuf, bool>,
    places: HashMap<PathBuf, Option<Place>>,
}

impl Installed {
    fn only_for_development(&mut self, mut roots: Vec<PathBuf>) -> Result<DevDependencies, Unreadable> {
        let mut seen: HashSet<PathBuf> = roots.iter().cloned().collect();
        let (mut production, mut development) = (Vec::new(), Vec::new());
        let mut next = 0;
        while let Some(root) = roots.get(next).cloned() {
            next += 1;
            let manifest = Manifest::read(&root)?;
            if manifest.0.contains_key("workspaces") {
                roots.extend(linked_workspaces(&root).into_iter().filter(|dir| seen.insert(dir.clone())));
            }
            production.extend(manifest.needed().iter().filter_map(|name| self.resolve(&root, name)));
            development.extend(manifest.names("devDependencies").filter_map(|name| self.resolve(&root, name)));
        }
        let mut programs = HashSet::new();
        let mut needed: HashSet<PathBuf> = seen;
        let mut queue = production;
        while let Some(place) = queue.pop() {
            if needed.insert(place.real.clone()) {
                let manifest = Manifest::read(&place.real)?;
                programs.extend(manifest.programs(&place.real));
                queue.extend(manifest.needed().iter().filter_map(|name| self.resolve(&place.real, name)));
            }
        }

        let mut found = DevDependencies::default();
        let mut visited = HashSet::new();
        let mut queue = development;
        while let Some(place) = queue.pop() {
            if needed.contains(&place.real) {
                continue;
            }
            found.dirs.insert(place.location.clone());
            // A linked package of the project itself is only left out where the link is.
            if place.real.components().any(|part| part.as_os_str() == "node_modules") {
                found.dirs.insert(place.real.clone());
            }
            if !visited.insert(place.real.clone()) {
                continue;
            }
            // What cannot be read here only means that a little more is packaged.
            let Ok(manifest) = Manifest::read(&place.real) else { continue };
            let modules = place.location.ancestors().find(|dir| dir.ends_with("node_modules"));
            if let Some(modules) = modules {
                let own = manifest.programs(&place.location);
                let own = own.into_iter().filter(|program| !programs.contains(program));
                found.programs.extend(own.map(|program| modules.join(".bin").join(program)));
            }
            queue.extend(manifest.needed().iter().filter_map(|name| self.resolve(&place.real, name)));
        }
        Ok(found)
    }

    /// Node's rule: `node_modules/<name>` in the package's own directory, then in each one above.
    fn resolve(&mut self, from: &Path, name: &str) -> Option<Place> {
        if name.is_empty() || name.split('/').any(|part| part.is_empty() || part == "..") {
            return None;
        }
        for dir in from.ancestors() {
            if dir.ends_with("node_modules") {
                continue;
            }
            let modules = dir.join("node_modules");
            let there = *self.node_modules.entry(modules.clone()).or_insert_with_key(|modules| modules.is_dir());
            if !there {
                continue;
            }
            let place = self.places.entry(modules.join(name)).or_insert_with_key(|location| {
                let real = fs::canonicalize(location).ok().filter(|real| real.is_dir())?;
                // The directory that holds a link may itself have been reached through one.
                let parent = fs::canonicalize(location.parent()?).ok()?;
                Some(Place { location: parent.join(location.file_name()?), real })
            });
            if place.is_some() {
                return place.clone();
            }
        }
        None
    }
}

/// The project's own packages that a workspace manager linked into `node_modules`: the walk may have skipped them, but
/// what they need must stay.
fn linked_workspaces(root: &Path) -> Vec<PathBuf> {
    let mut linked = Vec::new();
    let mut look = |dir: &Path| -> Vec<PathBuf> {
        let mut scopes = Vec::new();
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_symlink() {
                if let Ok(real) = fs::canonicalize(entry.path())
                    && real.join("package.json").is_file()
                    && !real.components().any(|part| part.as_os_str() == "node_modules")
                {
                    linked.push(real);
                }
            } else if kind.is_dir() && entry.file_name().to_string_lossy().starts_with('@') {
                scopes.push(entry.path());
            }
        }
        scopes
    };
    for scope in look(&root.join("node_modules")) {
        look(&scope);
    }
    linked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::testing::Project;

    /// The names of the files that stay.
    fn kept(project: &Project) -> Vec<String> {
        let tree = Tree::walk(project.root(), &[], |_, _| false).expect("walk");
        let dev = DevDependencies::of(&tree);
        let dirs = dev.directories(&tree);
        let files = tree.files.iter().filter(|file| !dirs[file.dir] && !dev.is_program(&tree, file));
        files.map(File::shown).filter(|name| !name.ends_with("package.json")).collect()
    }

    fn module(project: Project, dir: &str, manifest: &str) -> Project {
        project.file(&format!("{dir}/package.json"), manifest).file(&format!("{dir}/index.js"), "")
    }

    #[test]
    fn leaves_out_what_only_development_reaches() {
        let mut project = Project::new().file(
            "package.json",
            r#"{"dependencies": {"express": "4"}, "devDependencies": {"jest": "29", "shared": "1"}}"#,
        );
        project = module(project, "node_modules/express", r#"{"dependencies": {"shared": "1", "@scope/a": "1"}}"#);
        project = module(project, "node_modules/@scope/a", "{}");
        project = module(project, "node_modules/shared", r#"{"bin": {"common": "index.js"}}"#);
        project = module(project, "node_modules/jest", r#"{"bin": "x", "dependencies": {"deep": "1", "shared": "1"}}"#);
        project = module(project, "node_modules/deep", r#"{"bin": {"deep-cli": "x", "common": "x"}}"#);
        project = module(project, "node_modules/deep/node_modules/inner", "{}");
        project = module(project, "node_modules/extraneous", "{}");
        let project = project.file("node_modules/.bin/jest", "").file("node_modules/.bin/deep-cli", "");
        let project = project.file("node_modules/.bin/common", "").file("a.js", "");
        assert_eq!(
            kept(&project),
            [
                "a.js",
                "node_modules/.bin/common",
                "node_modules/@scope/a/index.js",
                "node_modules/express/index.js",
                "node_modules/extraneous/index.js",
                "node_modules/shared/index.js",
            ]
        );
    }

    #[test]
    fn optional_and_peer_dependencies_stay() {
        let mut project = Project::new()
            .file("package.json", r#"{"optionalDependencies": {"a": "1"}, "devDependencies": {"b": "1", "a": "1"}}"#);
        project = module(project, "node_modules/a", r#"{"peerDependencies": {"b": "1"}}"#);
        project = module(project, "node_modules/b", "{}");
        assert_eq!(kept(&project), ["node_modules/a/index.js", "node_modules/b/index.js"]);
    }

    #[test]
    fn a_package_needed_by_one_of_several_manifests_stays() {
        let mut project = Project::new()
            .file("package.json", r#"{"devDependencies": {"a": "1", "b": "1"}}"#)
            .file("services/x/package.json", r#"{"dependencies": {"a": "1"}}"#);
        project = module(project, "node_modules/a", "{}");
        project = module(project, "node_modules/b", "{}");
        assert_eq!(kept(&project), ["node_modules/a/index.js"]);
    }

    #[test]
    fn nothing_is_left_out_when_a_needed_manifest_is_broken() {
        let mut project =
            Project::new().file("package.json", r#"{"dependencies": {"a": "1"}, "devDependencies": {"b": "1"}}"#);
        project = module(project, "node_modules/a", "{ broken");
        project = module(project, "node_modules/b", "{}");
        assert_eq!(kept(&project).len(), 2);
        let tree = Tree::walk(project.root(), &[], |_, _| false).expect("walk");
        let unreadable = DevDependencies::of(&tree).unreadable.expect("a path");
        assert!(unreadable.ends_with("node_modules/a/package.json"));
    }

    #[cfg(unix)]
    #[test]
    fn understands_the_links_of_pnpm_and_of_workspaces() {
        let mut project = Project::new().file(
            "package.json",
            r#"{"workspaces": ["packages/*"], "dependencies": {"a": "1"}, "devDependencies": {"tool": "1"}}"#,
        );
        project = module(project, "node_modules/.pnpm/a@1/node_modules/a", r#"{"dependencies": {"b": "1"}}"#);
        project = module(project, "node_modules/.pnpm/b@1/node_modules/b", "{}");
        project =
            module(project, "node_modules/.pnpm/tool@1/node_modules/tool", r#"{"dependencies": {"b": "1", "c": "1"}}"#);
        project = module(project, "node_modules/.pnpm/c@1/node_modules/c", "{}");
        project = module(project, "packages/own", r#"{"dependencies": {"c": "1"}}"#);
        let project = project
            .link("node_modules/a", ".pnpm/a@1/node_modules/a")
            .link("node_modules/tool", ".pnpm/tool@1/node_modules/tool")
            .link("node_modules/own", "../packages/own")
            .link("node_modules/.pnpm/a@1/node_modules/b", "../../b@1/node_modules/b")
            .link("node_modules/.pnpm/tool@1/node_modules/b", "../../b@1/node_modules/b")
            .link("node_modules/.pnpm/tool@1/node_modules/c", "../../c@1/node_modules/c")
            .link("packages/own/node_modules/c", "../../../node_modules/.pnpm/c@1/node_modules/c");
        let kept = kept(&project);
        assert!(kept.contains(&"node_modules/a/index.js".to_owned()));
        assert!(kept.contains(&"node_modules/.pnpm/b@1/node_modules/b/index.js".to_owned()));
        assert!(kept.contains(&"node_modules/.pnpm/c@1/node_modules/c/index.js".to_owned()), "a workspace needs it");
        assert!(!kept.iter().any(|name| name.contains("node_modules/tool/")), "{kept:?}");
    }
}
