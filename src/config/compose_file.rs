//! `serverless-compose.yml`: several services side by side. hoist deploys one at a time, and says from it in what order
//! and where a parameter comes from.

use std::path::{Path, PathBuf};

use super::node::{Data, Node, Sources};
use super::{read, yaml};

const FILE_NAMES: &[&str] = &["serverless-compose.yml", "serverless-compose.yaml", "serverless-compose.json"];

/// What a file beside or above a service says of the services.
#[derive(Debug)]
pub(super) struct ComposeFile {
    pub(super) name: &'static str,
    directory: PathBuf,
    services: Vec<Service>,
}

#[derive(Debug)]
struct Service {
    key: String,
    path: String,
    /// Keys of the services that go first.
    after: Vec<String>,
    /// Parameters as they are written.
    params: Vec<(String, String)>,
}

impl ComposeFile {
    /// The file in a folder. One that cannot be read is none.
    pub(super) fn in_folder(directory: &Path) -> Option<Self> {
        let (name, text) = FILE_NAMES.iter().find_map(|name| {
            let text = read::text(&directory.join(name)).ok().flatten()?;
            Some((*name, text))
        })?;
        let file = Sources::default().add(name, text.as_str());
        let root = yaml::compose(&text, file).root?;
        let Data::Map(services) = &root.get("services")?.data else { return None };
        let services = services.iter().map(|(key, entry)| Service::read(key, &entry.value)).collect();
        Some(Self { name, directory: directory.to_owned(), services })
    }

    /// The file in the nearest folder above a service's.
    pub(super) fn above(directory: &Path) -> Option<Self> {
        let whole = std::path::absolute(directory).ok()?;
        whole.ancestors().skip(1).find_map(Self::in_folder)
    }

    /// The folders of the services, each after those that it waits for.
    pub(super) fn folders_in_order(&self) -> Vec<&str> {
        let mut left: Vec<&Service> = self.services.iter().collect();
        let mut folders = Vec::new();
        while !left.is_empty() {
            let waits = |one: &Service| left.iter().any(|other| other.key != one.key && one.after.contains(&other.key));
            // Whoever waits for each other goes as the file has it.
            let next = left.iter().position(|one| !waits(one)).unwrap_or_default();
            folders.push(left.remove(next).path.as_str());
        }
        folders
    }

    /// How the service in a folder is given a parameter: `${backend.ServiceEndpoint}`.
    pub(super) fn parameter(&self, directory: &Path, name: &str) -> Option<&str> {
        let whole = |path: &Path| path.canonicalize().ok();
        let here = whole(directory)?;
        let service =
            self.services.iter().find(|one| whole(&self.directory.join(&one.path)).as_ref() == Some(&here))?;
        service.params.iter().find(|(key, _)| key == name).map(|(_, written)| written.as_str())
    }
}

impl Service {
    fn read(key: &str, node: &Node) -> Self {
        let path = node.get("path").and_then(Node::as_str).unwrap_or(key).to_owned();
        let mut after = match node.get("dependsOn").map(|node| &node.data) {
            Some(Data::List(items)) => items.iter().filter_map(Node::as_str).map(str::to_owned).collect(),
            Some(Data::String(one)) => vec![one.clone()],
            _ => Vec::new(),
        };
        let params = match node.get("params").map(|node| &node.data) {
            Some(Data::Map(map)) => map
                .iter()
                .filter_map(|(name, entry)| Some((name.clone(), entry.value.as_str()?.to_owned())))
                .collect::<Vec<_>>(),
            _ => Vec::new(),
        };
        // `${backend.Output}` waits for `backend`.
        let outputs = params.iter().filter_map(|(_, written)| written.strip_prefix("${")?.split_once('.'));
        after.extend(outputs.map(|(service, _)| service.to_owned()));
        Self { key: key.to_owned(), path, after, params }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "services:
  web: {path: apps/web, params: {apiUrl: '${backend.ServiceEndpoint}', mode: plain}}
  backend: {path: apps/backend, dependsOn: base}
  base: {path: base, dependsOn: [loop]}
  loop: {path: loop, dependsOn: [loop]}
";

    #[test]
    fn services_come_after_those_that_they_wait_for() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(folder.path().join("serverless-compose.yml"), FILE).expect("written");
        let file = ComposeFile::in_folder(folder.path()).expect("there");
        assert_eq!(file.folders_in_order(), ["loop", "base", "apps/backend", "apps/web"]);
    }

    #[test]
    fn a_service_beneath_finds_its_parameters() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let web = folder.path().join("apps/web");
        std::fs::create_dir_all(&web).expect("made");
        std::fs::write(folder.path().join("serverless-compose.yml"), FILE).expect("written");
        let file = ComposeFile::above(&web).expect("there");
        assert_eq!(file.parameter(&web, "apiUrl"), Some("${backend.ServiceEndpoint}"));
        assert_eq!(file.parameter(&web, "other"), None);
        assert_eq!(file.parameter(&folder.path().join("apps"), "apiUrl"), None);
    }
}
