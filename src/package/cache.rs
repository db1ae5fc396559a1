//! What the last run packaged, in `.hoist/cache.json`: a zip whose files did not change is not made again.
//!
//! Only ever a shortcut. A file's stamp stands for its content only where the file system keeps the time of each
//! change and that time is well past (see [`Stamp::is_settled`]); in every other case the zip is made again, and comes
//! out the same when the content did.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::artifact::Artifact;
use super::selection::Selection;
use super::stamp::Stamp;

/// Raised when the cache, or the bytes of the zips that it speaks of, change their form.
const FORMAT: u32 = 1;

/// The zips of the last runs, by path.
#[derive(Debug, Default)]
pub struct Cache {
    path: PathBuf,
    records: BTreeMap<String, Record>,
    changed: bool,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OnDisk {
    format: u32,
    /// The hoist that wrote it: another one may compress differently.
    version: String,
    zips: BTreeMap<String, Record>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    /// Digest over all that was put in.
    inputs: String,
    /// The zip as it was left on disk.
    zip: Stamp,
    sha256: String,
    size: u64,
    unzipped_size: u64,
    entries: u64,
}

impl Cache {
    /// Reads the cache; an unreadable one is an empty one.
    pub fn open(path: &Path) -> Self {
        let records = fs::read(path)
            .ok()
            .and_then(|text| serde_json::from_slice::<OnDisk>(&text).ok())
            .filter(|read| read.format == FORMAT && read.version == env!("CARGO_PKG_VERSION"))
            .map(|read| read.zips)
            .unwrap_or_default();
        Self { path: path.to_owned(), records, changed: false }
    }

    /// The zip at `zip`, when it is surely what these inputs ([`Selection::inputs`]) would make again.
    pub fn find(&self, zip: &Path, inputs: &str) -> Option<Artifact> {
        let record = self.records.get(&key(zip))?;
        if record.zip != Stamp::of(zip).ok()? || record.inputs != inputs {
            return None;
        }
        Some(Artifact {
            path: zip.to_owned(),
            sha256: record.sha256.clone(),
            size: record.size,
            unzipped_size: record.unzipped_size,
            entries: record.entries,
        })
    }

    /// Remembers a zip that was made from files whose stamps were taken after `since`.
    pub fn remember(&mut self, artifact: &Artifact, selection: &Selection, since: SystemTime) {
        self.changed |= self.records.remove(&key(&artifact.path)).is_some();
        if !selection.entries.iter().all(|entry| entry.stamp.is_settled(since)) {
            return;
        }
        let Ok(zip) = Stamp::of(&artifact.path) else { return };
        let record = Record {
            inputs: selection.inputs(),
            zip,
            sha256: artifact.sha256.clone(),
            size: artifact.size,
            unzipped_size: artifact.unzipped_size,
            entries: artifact.entries,
        };
        self.records.insert(key(&artifact.path), record);
        self.changed = true;
    }

    /// Writes it back when something changed, in one step and for its owner only.
    ///
    /// # Errors
    /// When it cannot be written, which costs nothing but time.
    pub fn save(self) -> io::Result<()> {
        if !self.changed {
            return Ok(());
        }
        let on_disk = OnDisk { format: FORMAT, version: env!("CARGO_PKG_VERSION").to_owned(), zips: self.records };
        let dir = self.path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new().prefix(".cache-").tempfile_in(dir)?;
        serde_json::to_writer_pretty(&mut file, &on_disk)?;
        file.flush()?;
        file.persist(&self.path).map_err(|failed| failed.error)?;
        Ok(())
    }
}

fn key(zip: &Path) -> String {
    zip.to_string_lossy().into_owned()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::package::selection::Entry;
    use crate::package::testing::Project;
    use std::sync::Arc;
    use std::time::Duration;

    fn selection(project: &Project, name: &str) -> Selection {
        let path = project.root().join(name);
        let stamp = Stamp::of(&path).expect("stamp");
        Selection { root: project.root().to_owned(), entries: vec![Arc::new(Entry::new(name.into(), path, stamp))] }
    }

    fn setting() -> (Project, Selection, Artifact) {
        let project = Project::new().file("a.js", "a").file("out.zip", "zip");
        let selection = selection(&project, "a.js");
        let path = project.root().join("out.zip");
        let artifact = Artifact { path, sha256: "digest".into(), size: 3, unzipped_size: 1, entries: 1 };
        (project, selection, artifact)
    }

    fn later() -> SystemTime {
        SystemTime::now() + Duration::from_secs(10)
    }

    #[test]
    fn finds_what_did_not_change() {
        let (project, files, artifact) = setting();
        let path = project.root().join("cache.json");
        let mut cache = Cache::open(&path);
        assert_eq!(cache.find(&artifact.path, &files.inputs()), None);
        cache.remember(&artifact, &files, later());
        cache.save().expect("save");
        let cache = Cache::open(&path);
        assert_eq!(cache.find(&artifact.path, &files.inputs()), Some(artifact.clone()));

        project.write("a.js", "b");
        assert_eq!(cache.find(&artifact.path, &selection(&project, "a.js").inputs()), None, "a file changed");
        project.write("out.zip", "ZIP");
        assert_eq!(cache.find(&artifact.path, &files.inputs()), None, "the zip changed");
        fs::remove_file(&artifact.path).expect("remove");
        assert_eq!(cache.find(&artifact.path, &files.inputs()), None, "the zip is gone");
    }

    #[test]
    fn does_not_trust_a_file_that_changed_just_now() {
        let (project, files, artifact) = setting();
        let mut cache = Cache::open(&project.root().join("cache.json"));
        cache.remember(&artifact, &files, SystemTime::now());
        assert_eq!(cache.find(&artifact.path, &files.inputs()), None);
    }

    #[test]
    fn another_version_or_a_broken_file_is_an_empty_cache() {
        let (project, files, artifact) = setting();
        let path = project.root().join("cache.json");
        let mut cache = Cache::open(&path);
        cache.remember(&artifact, &files, later());
        cache.save().expect("save");
        let text = fs::read_to_string(&path).expect("read");
        let version = format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION"));
        assert!(text.contains(&version), "{text}");
        for broken in [text.replace(&version, "\"version\": \"0.0.0\""), text[..text.len() / 2].to_owned()] {
            fs::write(&path, broken).expect("write");
            assert_eq!(Cache::open(&path).find(&artifact.path, &files.inputs()), None);
        }
    }
}
