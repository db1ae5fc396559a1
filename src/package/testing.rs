//! A project in a temporary directory, for the tests of this folder.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

/// A directory that lives as long as the test.
pub struct Project {
    dir: TempDir,
}

impl Project {
    pub fn new() -> Self {
        Self { dir: TempDir::new().expect("a temporary directory") }
    }

    pub fn root(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file, with the directories above it.
    pub fn file(self, name: &str, text: &str) -> Self {
        self.write(name, text);
        self
    }

    /// As `file`, for a project that is there already.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.root().join(name);
        fs::create_dir_all(path.parent().expect("a file has a directory")).expect("create directories");
        fs::write(path, text).expect("write a file");
    }

    /// Makes a file executable.
    #[cfg(unix)]
    pub fn executable(self, name: &str) -> Self {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(self.root().join(name), fs::Permissions::from_mode(0o755)).expect("set permissions");
        self
    }

    /// Makes a symbolic link.
    #[cfg(unix)]
    pub fn link(self, name: &str, target: &str) -> Self {
        let path = self.root().join(name);
        fs::create_dir_all(path.parent().expect("a link has a directory")).expect("create directories");
        std::os::unix::fs::symlink(target, path).expect("make a link");
        self
    }
}

/// The names in a zip, in its order.
pub fn names_in(zip: &Path) -> Vec<String> {
    let archive = zip::ZipArchive::new(fs::File::open(zip).expect("open a zip")).expect("a zip");
    archive.file_names().map(|name| name.expect("a name").into_owned()).collect()
}
