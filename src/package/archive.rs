//! Writes zips whose bytes depend on nothing but the names, contents and executable bits of the files in them.
//!
//! Files are cut into shards in their final order; each shard is compressed into a small zip of its own by whichever
//! thread is free, and the shards are copied one behind the other into the zip, which is hashed as it is written. An
//! entry's bytes are the same whatever shard it is in, so the number of threads does not show. At most a few shards
//! are held at once, and large ones in files: never a whole archive in memory.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::num::NonZeroUsize;
use std::ops::Range;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use sha2::{Digest, Sha256};
use tempfile::{NamedTempFile, SpooledTempFile};
use tokio_util::sync::CancellationToken;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipArchive, ZipWriter};

use super::artifact::{Artifact, encode};
use super::selection::Entry;

/// zlib's own default, which the framework uses too. Set, so that no library's default can change our bytes.
const LEVEL: i64 = 6;
/// Above this a shard is kept in a file.
const HELD_IN_MEMORY: usize = 2 << 20;
/// More threads than this only hold more shards: the copying is serial.
const MOST_THREADS: usize = 8;

/// How files are cut into shards. Only tests change it.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// Bytes of content after which a shard ends.
    pub bytes: u64,
    pub files: usize,
}

impl Default for Cut {
    fn default() -> Self {
        Self { bytes: 2 << 20, files: 256 }
    }
}

/// One zip to write.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// In the order of their names' bytes, each name once.
    pub entries: &'a [Arc<Entry>],
    pub to: &'a Path,
}

/// Why a zip could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveFailure {
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot compress {}: {source}", path.display())]
    Compress { path: PathBuf, source: ZipError },
    #[error("stopped")]
    Cancelled,
}

/// How many threads to compress with on this machine.
pub fn threads() -> NonZeroUsize {
    let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    cores.min(NonZeroUsize::new(MOST_THREADS).unwrap_or(NonZeroUsize::MIN))
}

/// Writes all zips, each beside its place first and then renamed into it, readable by its owner only. The results come
/// in the order of the jobs.
pub fn write(
    jobs: &[Job<'_>],
    cut: Cut,
    threads: NonZeroUsize,
    cancel: &CancellationToken,
) -> Vec<Result<Artifact, ArchiveFailure>> {
    let shards: Vec<(usize, Range<usize>)> =
        jobs.iter().enumerate().flat_map(|(job, it)| shards(it.entries, cut).map(move |range| (job, range))).collect();
    let line = Line::new(shards.len(), threads.get() * 2);
    std::thread::scope(|scope| {
        for _ in 0..threads.get().min(shards.len()) {
            scope.spawn(|| {
                while let Some(at) = line.take() {
                    let (job, range) = &shards[at];
                    let entries = &jobs[*job].entries[range.clone()];
                    let made = panic::catch_unwind(AssertUnwindSafe(|| compress(entries, cancel)));
                    line.put(at, made.unwrap_or_else(|_| Err(broken(jobs[*job].to))));
                }
            });
        }
        let mut at = 0;
        jobs.iter()
            .enumerate()
            .map(|(nth, job)| {
                let own = shards[at..].iter().take_while(|(job, _)| *job == nth).count();
                let range = at..at + own;
                at += own;
                assemble(job, range.map(|at| line.wait_for(at)))
            })
            .collect()
    })
}

/// A thread that panicked left no shard; the other zips are still made.
fn broken(path: &Path) -> ArchiveFailure {
    ArchiveFailure::Write { path: path.to_owned(), source: io::Error::other("the compressor failed") }
}

fn shards(entries: &[Arc<Entry>], cut: Cut) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut start = 0;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let first = start;
        while start < entries.len() && (start == first || (bytes < cut.bytes && start - first < cut.files)) {
            bytes += entries[start].stamp.size;
            start += 1;
        }
        (start > first).then_some(first..start)
    })
}

/// Some files of a zip, compressed.
struct Shard {
    archive: ZipArchive<SpooledTempFile>,
    unzipped_size: u64,
}

fn compress(entries: &[Arc<Entry>], cancel: &CancellationToken) -> Result<Shard, ArchiveFailure> {
    let mut writer = ZipWriter::new(SpooledTempFile::new(HELD_IN_MEMORY));
    let mut unzipped_size = 0;
    let mut buffer = vec![0; 64 << 10];
    let mut last = PathBuf::new();
    for entry in entries {
        if cancel.is_cancelled() {
            return Err(ArchiveFailure::Cancelled);
        }
        let read = |source| ArchiveFailure::Read { path: entry.path.clone(), source };
        let options = SimpleFileOptions::DEFAULT
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(LEVEL))
            .last_modified_time(DateTime::default())
            .system(System::Unix)
            .unix_permissions(if entry.stamp.executable { 0o755 } else { 0o644 })
            .large_file(entry.stamp.size >= u64::from(u32::MAX));
        let mut file = fs::File::open(&entry.path).map_err(read)?;
        writer
            .start_file(entry.name.as_str(), options)
            .map_err(|source| ArchiveFailure::Compress { path: entry.path.clone(), source })?;
        loop {
            // Whole buffers, however the file system hands them out: the compressor must see the same steps.
            let filled = fill(&mut file, &mut buffer).map_err(read)?;
            writer
                .write_all(&buffer[..filled])
                .map_err(|source| ArchiveFailure::Compress { path: entry.path.clone(), source: source.into() })?;
            unzipped_size += filled as u64;
            if filled < buffer.len() {
                break;
            }
        }
        last.clone_from(&entry.path);
    }
    let archive = writer.finish_into_readable().map_err(|source| ArchiveFailure::Compress { path: last, source })?;
    Ok(Shard { archive, unzipped_size })
}

fn fill(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Copies a zip's shards behind each other. All are taken, also after a failure: the line has to move on.
fn assemble(
    job: &Job<'_>,
    shards: impl Iterator<Item = Result<Shard, ArchiveFailure>>,
) -> Result<Artifact, ArchiveFailure> {
    let failed = |source| ArchiveFailure::Write { path: job.to.to_owned(), source };
    let mut failure = None;
    let mut unzipped_size = 0;
    let mut writer = match Hashed::beside(job.to) {
        Ok(file) => Some(ZipWriter::new(file)),
        Err(error) => {
            failure = Some(failed(error));
            None
        }
    };
    for shard in shards {
        match (shard, &mut writer) {
            (Ok(shard), Some(writer)) if failure.is_none() => {
                unzipped_size += shard.unzipped_size;
                if let Err(error) = writer.merge_archive(shard.archive) {
                    failure = Some(failed(error.into()));
                }
            }
            (Err(error), _) if failure.is_none() => failure = Some(error),
            _ => {}
        }
    }
    // Finished even when it is of no use: a writer that is dropped half-way may print.
    let finished = writer.map(ZipWriter::finish);
    if let Some(failure) = failure {
        return Err(failure);
    }
    match finished {
        Some(Ok(file)) => {
            let (sha256, size) = file.keep(job.to).map_err(failed)?;
            let entries = job.entries.len() as u64;
            Ok(Artifact { path: job.to.to_owned(), sha256, size, unzipped_size, entries })
        }
        Some(Err(error)) => Err(failed(error.into())),
        None => Err(broken(job.to)),
    }
}

/// A temporary file that hashes what is written to it. It takes no step back: what was hashed has to stay. After a
/// failure it swallows everything and gives the failure at the end.
struct Hashed {
    file: BufWriter<NamedTempFile>,
    hasher: Sha256,
    position: u64,
    failure: Option<io::Error>,
}

impl Hashed {
    fn beside(path: &Path) -> io::Result<Self> {
        let dir = path.parent().unwrap_or(Path::new("."));
        // Only its owner may read it: packages hold settings that were meant for Lambda alone.
        let file = tempfile::Builder::new().prefix(".package-").tempfile_in(dir)?;
        Ok(Self { file: BufWriter::with_capacity(256 << 10, file), hasher: Sha256::new(), position: 0, failure: None })
    }

    fn keep(mut self, path: &Path) -> io::Result<(String, u64)> {
        match self.failure.take() {
            Some(failure) => return Err(failure),
            None => self.file.flush()?,
        }
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.persist(path).map_err(|failed| failed.error)?;
        Ok((encode(self.hasher), self.position))
    }
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.failure.is_none() {
            self.hasher.update(bytes);
            self.failure = self.file.write_all(bytes).err();
        }
        self.position += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Hashed {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match to {
            SeekFrom::Current(0) | SeekFrom::End(0) => Ok(self.position),
            SeekFrom::Start(position) if position == self.position => Ok(position),
            _ => Err(io::Error::new(io::ErrorKind::Unsupported, "a zip is written from front to back")),
        }
    }
}

/// Shards waiting to be made and to be copied: taken in order, never more than `ahead` of the copying.
struct Line {
    state: Mutex<LineState>,
    moved: Condvar,
    count: usize,
    ahead: usize,
}

#[derive(Default)]
struct LineState {
    next: usize,
    copied: usize,
    made: BTreeMap<usize, Result<Shard, ArchiveFailure>>,
}

impl Line {
    fn new(count: usize, ahead: usize) -> Self {
        Self { state: Mutex::default(), moved: Condvar::new(), count, ahead }
    }

    fn take(&self) -> Option<usize> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.next < self.count && state.next >= state.copied + self.ahead {
            state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let at = state.next;
        state.next += 1;
        (at < self.count).then_some(at)
    }

    fn put(&self, at: usize, shard: Result<Shard, ArchiveFailure>) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).made.insert(at, shard);
        self.moved.notify_all();
    }

    fn wait_for(&self, at: usize) -> Result<Shard, ArchiveFailure> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(shard) = state.made.remove(&at) {
                state.copied = at + 1;
                self.moved.notify_all();
                return shard;
            }
            state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::stamp::Stamp;
    use crate::package::testing::{Project, names_in};
    use proptest::prelude::*;

    fn entries(project: &Project, names: &[String]) -> Vec<Arc<Entry>> {
        let mut entries: Vec<Arc<Entry>> = names
            .iter()
            .map(|name| {
                let path = project.root().join(name);
                let stamp = Stamp::of(&path).expect("stamp");
                Arc::new(Entry::new(name.clone(), path, stamp))
            })
            .collect();
        entries.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
        entries
    }

    fn write_one(entries: &[Arc<Entry>], to: &Path, cut: Cut, threads: usize) -> Artifact {
        let threads = NonZeroUsize::new(threads).expect("threads");
        let mut made = write(&[Job { entries, to }], cut, threads, &CancellationToken::new());
        made.remove(0).expect("a zip")
    }

    #[cfg(unix)]
    #[test]
    fn the_bytes_are_these_on_every_machine() {
        let project = Project::new()
            .file("bootstrap", "#!/bin/sh\n")
            .executable("bootstrap")
            .file("src/ä.js", &"exports.handler = async () => 1;\n".repeat(100));
        let entries = entries(&project, &["bootstrap".into(), "src/ä.js".into()]);
        let to = project.root().join("out.zip");
        let artifact = write_one(&entries, &to, Cut::default(), 2);
        assert_eq!(artifact, Artifact::read(&to).expect("a zip"), "size and digest are those of the file");
        assert_eq!((artifact.entries, artifact.unzipped_size), (2, 3310));
        // Changes only with the format of our zips, and then every function is uploaded once more: say so in the
        // changelog.
        assert_eq!(artifact.sha256, "wPU+ThpQv3CiGSov4dN4UkS3i3gpPhRHJd9x0ytMBXk=");
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&to).expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        let mut archive = ZipArchive::new(fs::File::open(&to).expect("open")).expect("a zip");
        let entry = archive.by_index(0).expect("an entry");
        assert_eq!((entry.name().expect("a name").as_ref(), entry.unix_mode()), ("bootstrap", Some(0o100_755)));
        assert_eq!(entry.last_modified(), Some(DateTime::default()));
        drop(entry);
        let mut text = String::new();
        let mut entry = archive.by_name("src/ä.js").expect("an entry");
        assert_eq!(entry.unix_mode(), Some(0o100_644));
        entry.read_to_string(&mut text).expect("text");
        assert_eq!(text.len(), 3300);
    }

    #[test]
    fn several_zips_are_written_at_once_and_a_failure_stays_its_own() {
        let project = Project::new().file("a.js", "a").file("b.js", "b");
        let good = entries(&project, &["a.js".into(), "b.js".into()]);
        let mut gone = good.clone();
        gone[1] = Arc::new(Entry::new("b.js".into(), project.root().join("gone.js"), gone[1].stamp));
        let (one, two, three) = (project.root().join("1"), project.root().join("2"), project.root().join("3"));
        let jobs = [
            Job { entries: &good, to: &one },
            Job { entries: &gone, to: &two },
            Job { entries: &good, to: &three },
            Job { entries: &good, to: Path::new("/nowhere/at/all.zip") },
        ];
        let made =
            write(&jobs, Cut { bytes: 1, files: 1 }, NonZeroUsize::new(2).expect("2"), &CancellationToken::new());
        let digest = |nth: usize| made[nth].as_ref().map(|artifact| artifact.sha256.clone()).ok();
        assert!(digest(0).is_some());
        assert_eq!(digest(0), digest(2));
        assert!(matches!(&made[1], Err(ArchiveFailure::Read { path, .. }) if path.ends_with("gone.js")));
        assert!(matches!(&made[3], Err(ArchiveFailure::Write { .. })));
        assert!(!two.exists(), "nothing half-made is left");
        let left: Vec<_> =
            fs::read_dir(project.root()).expect("list").flatten().map(|entry| entry.file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".package-")), "{left:?}");
    }

    #[test]
    fn stops_when_told() {
        let project = Project::new().file("a.js", "a");
        let entries = entries(&project, &["a.js".into()]);
        let cancel = CancellationToken::new();
        cancel.cancel();
        let to = project.root().join("out.zip");
        let made = write(&[Job { entries: &entries, to: &to }], Cut::default(), threads(), &cancel);
        assert!(matches!(made[0], Err(ArchiveFailure::Cancelled)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn neither_threads_nor_shards_nor_times_show(
            files in proptest::collection::btree_map("[a-zA-Z._é-]{1,8}(/[a-z]{1,4}){0,2}z", (0_usize..300, "[a-d\n]{0,40}"), 1..12),
            threads in 1_usize..6,
            bytes in 1_u64..2_000,
            at_once in 1_usize..5,
        ) {
            let (project, other) = (Project::new(), Project::new());
            let mut names: Vec<String> = files.keys().filter(|name| !name.split('/').any(|part| part.starts_with(".."))).cloned().collect();
            // A name that is also another's directory cannot be written.
            let all = names.clone();
            names.retain(|name| !all.iter().any(|longer| longer.starts_with(&format!("{name}/"))));
            names.retain(|name| !all.iter().any(|other| other != name && other.eq_ignore_ascii_case(name)));
            prop_assume!(!names.is_empty());
            for name in &names {
                let (times, text) = &files[name];
                project.write(name, &text.repeat(*times));
            }
            for name in names.iter().rev() {
                let (times, text) = &files[name];
                other.write(name, &text.repeat(*times));
                let file = fs::File::options().write(true).open(other.root().join(name)).expect("open");
                file.set_modified(std::time::UNIX_EPOCH).expect("set the time");
            }
            let plain = write_one(&entries(&project, &names), &project.root().join("out.zip"), Cut::default(), 1);
            let cut = write_one(&entries(&other, &names), &other.root().join("out.zip"), Cut { bytes, files: at_once }, threads);
            prop_assert_eq!(&plain.sha256, &cut.sha256);
            let mut archive = ZipArchive::new(fs::File::open(&cut.path).expect("open")).expect("a zip");
            names.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
            prop_assert_eq!(&names_in(&cut.path), &names);
            for name in &names {
                let mut text = String::new();
                archive.by_name(name).expect("an entry").read_to_string(&mut text).expect("text");
                let (times, content) = &files[name];
                prop_assert_eq!(text, content.repeat(*times));
            }
        }
    }
}
