//! What the file system says about a file without reading it.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A file's size, times and mode. Two equal stamps of one path mean the same content, when [`Stamp::is_settled`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Stamp {
    pub size: u64,
    /// Nanoseconds since 1970 at which the content was last changed, as anybody may set it.
    pub modified: u64,
    /// Nanoseconds since 1970 at which anything about the file changed, which nobody can set back. npm gives every
    /// file of every version the same modification time (26 October 1985): without this, an upgrade to a file of the
    /// same size would go unseen. 0 where the system does not say.
    pub changed: u64,
    /// The number of the file in its file system; 0 where there is none.
    pub number: u64,
    /// Whether its owner may execute it. Everything is executable on Windows, as in the framework.
    pub executable: bool,
}

/// Coarser than the clock of any file system in use (FAT counts in two seconds).
const GRANULARITY: Duration = Duration::from_secs(2);

impl Stamp {
    /// Asks the file system about a file, behind its links.
    ///
    /// # Errors
    /// When it cannot say.
    pub fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let modified = modified.map_or(0, nanoseconds);
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let changed = Duration::new(
                u64::try_from(metadata.ctime()).unwrap_or(0),
                u32::try_from(metadata.ctime_nsec()).unwrap_or(0),
            );
            Ok(Self {
                size: metadata.len(),
                modified,
                changed: nanoseconds(changed),
                number: metadata.ino(),
                executable: metadata.mode() & 0o100 != 0,
            })
        }
        #[cfg(not(unix))]
        Ok(Self { size: metadata.len(), modified, changed: 0, number: 0, executable: true })
    }

    /// Whether a later change would surely show: not while the clock may still stand where it stood at the last one.
    /// Never on a system that does not keep the time of a change.
    pub fn is_settled(&self, at: SystemTime) -> bool {
        let at = nanoseconds(at.duration_since(UNIX_EPOCH).unwrap_or_default());
        let settled = |time: u64| time.saturating_add(nanoseconds(GRANULARITY)) < at;
        self.changed != 0 && settled(self.changed) && settled(self.modified)
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::package::testing::Project;

    #[test]
    fn sees_a_change_that_keeps_size_and_modification_time() {
        let project = Project::new().file("a", "one");
        let path = project.root().join("a");
        let old_time = UNIX_EPOCH + Duration::from_secs(499_162_500);
        let set = |path: &Path| fs::File::options().write(true).open(path).and_then(|file| file.set_modified(old_time));
        set(&path).expect("set the time");
        let before = Stamp::of(&path).expect("stamp");
        project.write("b", "two");
        set(&project.root().join("b")).expect("set the time");
        fs::rename(project.root().join("b"), &path).expect("replace");
        let after = Stamp::of(&path).expect("stamp");
        assert_eq!((before.size, before.modified), (after.size, after.modified));
        assert_ne!(before, after);
    }

    #[test]
    fn is_settled_once_the_clock_has_moved_on() {
        let stamp = Stamp { size: 1, modified: 10_000_000_000, changed: 10_000_000_000, number: 1, executable: false };
        assert!(!stamp.is_settled(UNIX_EPOCH + Duration::from_secs(12)));
        assert!(stamp.is_settled(UNIX_EPOCH + Duration::from_millis(12_001)));
        assert!(!Stamp { changed: 0, ..stamp }.is_settled(UNIX_EPOCH + Duration::from_secs(99)));
        assert!(!stamp.is_settled(UNIX_EPOCH), "a clock that runs behind settles nothing");
    }
}
