//! One walk over a directory, shared by everything that is packaged from it.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::glob::is_beneath;

/// More files than this in one service directory is a walk that went astray (a link to `/`).
const MOST_FILES: usize = 500_000;
/// Deeper than any path that Lambda could unpack.
const DEEPEST: usize = 100;

/// The files beneath a directory and beneath the places outside of it that a pattern reaches.
#[derive(Debug, Default)]
pub struct Tree {
    pub root: PathBuf,
    pub dirs: Vec<Dir>,
    pub files: Vec<File>,
    /// Links whose target is not there, by name.
    pub broken_links: Vec<String>,
    /// Names that are not UTF-8, which a zip for Lambda cannot hold.
    pub odd_names: Vec<PathBuf>,
}

/// A directory that was walked.
#[derive(Debug)]
pub struct Dir {
    /// The place of the directory that it is in; its own for a starting point.
    pub parent: usize,
    /// Its name in that directory; empty for a starting point.
    pub own: String,
    /// Where it really is, all links followed.
    pub real: PathBuf,
}

/// A file that may be packaged.
#[derive(Debug)]
pub struct File {
    /// How many directories above the root its name begins.
    pub ups: usize,
    /// Its name from there, with `/`: for `../shared/a.js` one up and `shared/a.js`.
    pub name: String,
    /// The directory that it is in.
    pub dir: usize,
}

impl File {
    /// The path as a user would write it, relative to the root.
    pub fn shown(&self) -> String {
        format!("{}{}", "../".repeat(self.ups), self.name)
    }
}

/// Why a directory could not be walked.
#[derive(Debug, thiserror::Error)]
pub enum WalkFailure {
    #[error("cannot read the directory {path}: {source}")]
    Unreadable { path: String, source: io::Error },
    #[error("more than {MOST_FILES} files beneath {path}")]
    TooMany { path: String },
}

impl Tree {
    /// Walks `root` and, beside it, each of `outside` (`../shared`). Links are followed, as in the framework; one that
    /// leads back to a directory that is being walked is not. `skip` says which directories need no walk.
    ///
    /// The files come in the order of their names' bytes, so that everything made from them is the same everywhere.
    ///
    /// # Errors
    /// When a directory cannot be read, or there are unreasonably many files.
    pub fn walk(root: &Path, outside: &[String], skip: impl Fn(usize, &str) -> bool) -> Result<Self, WalkFailure> {
        let mut tree = Self { root: root.to_owned(), ..Self::default() };
        let mut walk = Walk { tree: &mut tree, skip: &skip, started: Vec::new() };
        walk.start("")?;
        let mut outside: Vec<&String> = outside.iter().collect();
        // A directory comes before what is in it, whose walk it makes needless.
        outside.sort_unstable();
        for base in outside {
            walk.start(base)?;
        }
        tree.files.sort_unstable_by(|a, b| (a.ups, a.name.as_bytes()).cmp(&(b.ups, b.name.as_bytes())));
        tree.broken_links.sort_unstable();
        Ok(tree)
    }

    /// Where a directory was found, before its own link (if it is one) was followed.
    pub fn location(&self, dir: &Dir) -> PathBuf {
        if dir.own.is_empty() { dir.real.clone() } else { self.dirs[dir.parent].real.join(&dir.own) }
    }

    /// The path of a file on disk.
    pub fn path(&self, file: &File) -> PathBuf {
        self.root.join(file.shown())
    }
}

struct Walk<'a, S> {
    tree: &'a mut Tree,
    skip: &'a S,
    /// Where walks outside began, so that none is made twice: directories up, and the name from there.
    started: Vec<(usize, String)>,
}

impl<S: Fn(usize, &str) -> bool> Walk<'_, S> {
    fn start(&mut self, base: &str) -> Result<(), WalkFailure> {
        let ups = base.split('/').take_while(|part| *part == "..").count();
        let name = base.split('/').skip(ups).collect::<Vec<_>>().join("/");
        let within = |other: &str| other.is_empty() || name == other || is_beneath(&name, other);
        if self.started.iter().any(|(other_ups, other)| *other_ups == ups && within(other)) {
            return Ok(());
        }
        let path = if base.is_empty() { self.tree.root.clone() } else { self.tree.root.join(base) };
        let real = match fs::canonicalize(&path) {
            Ok(real) => real,
            // A pattern may reach for what is not there; a service directory that is not there is a failure.
            Err(_) if !base.is_empty() => return Ok(()),
            Err(source) => return Err(WalkFailure::Unreadable { path: path.display().to_string(), source }),
        };
        if !base.is_empty() {
            self.started.push((ups, name.clone()));
        }
        if !real.is_dir() {
            return if base.is_empty() {
                let source = io::Error::from(io::ErrorKind::NotADirectory);
                Err(WalkFailure::Unreadable { path: path.display().to_string(), source })
            } else {
                Ok(())
            };
        }
        let place = self.tree.dirs.len();
        self.tree.dirs.push(Dir { parent: place, own: String::new(), real });
        self.dir(place, ups, &name, &path, 0)
    }

    fn dir(&mut self, place: usize, ups: usize, name: &str, path: &Path, depth: usize) -> Result<(), WalkFailure> {
        let failed = |source| WalkFailure::Unreadable { path: path.display().to_string(), source };
        for entry in fs::read_dir(path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let kind = entry.file_type().map_err(failed)?;
            let Ok(own) = entry.file_name().into_string().map_err(|name: OsString| {
                self.tree.odd_names.push(path.join(name));
            }) else {
                continue;
            };
            let full = if name.is_empty() { own.clone() } else { format!("{name}/{own}") };
            let target = if kind.is_symlink() {
                match fs::metadata(entry.path()) {
                    Ok(target) => target.file_type(),
                    Err(_) => {
                        self.tree.broken_links.push(format!("{}{full}", "../".repeat(ups)));
                        continue;
                    }
                }
            } else {
                kind
            };
            if target.is_file() {
                if self.tree.files.len() == MOST_FILES {
                    return Err(WalkFailure::TooMany { path: self.tree.root.display().to_string() });
                }
                self.tree.files.push(File { ups, name: full, dir: place });
            } else if target.is_dir() && depth < DEEPEST && !(self.skip)(ups, &full) {
                let real = if kind.is_symlink() {
                    match fs::canonicalize(entry.path()) {
                        Ok(real) if !self.is_being_walked(place, &real) => real,
                        _ => continue,
                    }
                } else {
                    self.tree.dirs[place].real.join(&own)
                };
                let inner = self.tree.dirs.len();
                self.tree.dirs.push(Dir { parent: place, own, real });
                self.dir(inner, ups, &full, &entry.path(), depth + 1)?;
            }
        }
        Ok(())
    }

    fn is_being_walked(&self, mut place: usize, real: &Path) -> bool {
        loop {
            let dir = &self.tree.dirs[place];
            if dir.real == real {
                return true;
            }
            if dir.parent == place {
                return false;
            }
            place = dir.parent;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::testing::Project;

    fn names(tree: &Tree) -> Vec<String> {
        tree.files.iter().map(File::shown).collect()
    }

    #[test]
    fn finds_all_files_in_the_order_of_their_bytes() {
        let project = Project::new().file("b.js", "").file("a/z.js", "").file("a.js", "").file(".env", "");
        let tree = Tree::walk(project.root(), &[], |_, _| false).expect("walk");
        assert_eq!(names(&tree), [".env", "a.js", "a/z.js", "b.js"]);
    }

    #[test]
    fn skips_what_needs_no_walk() {
        let project = Project::new().file("node_modules/x/a.js", "").file("a.js", "");
        let tree = Tree::walk(project.root(), &[], |_, dir| dir == "node_modules").expect("walk");
        assert_eq!(names(&tree), ["a.js"]);
    }

    #[test]
    fn walks_outside_where_a_pattern_reaches() {
        let project = Project::new()
            .file("svc/a.js", "")
            .file("shared/b.js", "")
            .file("other/c.js", "")
            .file("shared/deeper/d.js", "");
        let outside = ["../shared/deeper".to_owned(), "../shared".to_owned(), "../missing".to_owned()];
        let tree = Tree::walk(&project.root().join("svc"), &outside, |_, _| false).expect("walk");
        assert_eq!(names(&tree), ["a.js", "../shared/b.js", "../shared/deeper/d.js"]);
    }

    #[test]
    fn a_missing_directory_is_named() {
        let project = Project::new();
        let failure = Tree::walk(&project.root().join("nowhere"), &[], |_, _| false).expect_err("no directory");
        assert!(failure.to_string().contains("nowhere"), "{failure}");
    }

    #[cfg(unix)]
    #[test]
    fn follows_links_but_not_in_circles() {
        let project = Project::new()
            .file("shared/b.js", "")
            .file("svc/a.js", "")
            .link("svc/linked", "../shared")
            .link("svc/one.js", "../shared/b.js")
            .link("svc/self", ".")
            .link("shared/back", "../svc")
            .link("svc/broken", "nowhere");
        let tree = Tree::walk(&project.root().join("svc"), &[], |_, _| false).expect("walk");
        assert_eq!(names(&tree), ["a.js", "linked/b.js", "one.js"]);
        assert_eq!(tree.broken_links, ["broken"]);
    }

    #[cfg(unix)]
    #[test]
    fn keeps_names_that_are_not_utf8_apart() {
        use std::os::unix::ffi::OsStrExt;
        let project = Project::new().file("a.js", "");
        let odd = project.root().join(std::ffi::OsStr::from_bytes(b"\xff.js"));
        fs::write(&odd, "").expect("write");
        let tree = Tree::walk(project.root(), &[], |_, _| false).expect("walk");
        assert_eq!(tree.odd_names, [odd]);
    }
}
