//! A zip that is ready for Lambda, with what has to be known about it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use zip::ZipArchive;
use zip::result::ZipError;

/// A zip on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    pub path: PathBuf,
    /// Base64 of the SHA-256 over the zip's bytes, as Lambda's `CodeSha256`.
    pub sha256: String,
    /// Bytes of the zip.
    pub size: u64,
    /// Bytes of its files when unpacked.
    pub unzipped_size: u64,
    /// How many files it holds.
    pub entries: u64,
}

/// A limit of Lambda that an artifact passes.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    /// Too large when unpacked: Lambda refuses it. Its layers count too, which an artifact does not know.
    Unzipped { size: u64, limit: u64 },
    /// Too large to be sent within a call: it has to go through S3.
    DirectUpload { size: u64, limit: u64 },
}

impl Artifact {
    /// 250 MB for a function with all its layers, unpacked.
    pub const UNZIPPED_LIMIT: u64 = 250 << 20;
    /// 50 MB for a zip that is sent within `CreateFunction` or `UpdateFunctionCode`.
    pub const DIRECT_UPLOAD_LIMIT: u64 = 50 << 20;

    /// The limits that it passes.
    pub fn excesses(&self) -> Vec<Excess> {
        let mut excesses = Vec::new();
        if self.unzipped_size > Self::UNZIPPED_LIMIT {
            excesses.push(Excess::Unzipped { size: self.unzipped_size, limit: Self::UNZIPPED_LIMIT });
        }
        if self.size > Self::DIRECT_UPLOAD_LIMIT {
            excesses.push(Excess::DirectUpload { size: self.size, limit: Self::DIRECT_UPLOAD_LIMIT });
        }
        excesses
    }

    /// Reads a zip (or jar) that somebody else made.
    ///
    /// # Errors
    /// When there is no such file, or it is no zip.
    pub fn read(path: &Path) -> Result<Self, ZipError> {
        let mut file = File::open(path)?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 128 << 10];
        let mut size = 0;
        loop {
            match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => {
                    hasher.update(&buffer[..read]);
                    size += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        let mut archive = ZipArchive::new(io::BufReader::new(file))?;
        let (mut unzipped_size, mut entries) = (0_u64, 0);
        for nth in 0..archive.len() {
            let entry = archive.by_index_raw(nth)?;
            unzipped_size = unzipped_size.saturating_add(entry.size());
            entries += u64::from(!entry.is_dir());
        }
        Ok(Self { path: path.to_owned(), sha256: encode(hasher), size, unzipped_size, entries })
    }
}

/// A digest as Lambda writes it.
pub(super) fn encode(hasher: Sha256) -> String {
    STANDARD.encode(hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn passes_limits_only_above_them() {
        let artifact = |size, unzipped_size| Artifact {
            path: PathBuf::new(),
            sha256: String::new(),
            size,
            unzipped_size,
            entries: 1,
        };
        assert_eq!(artifact(52_428_800, 262_144_000).excesses(), []);
        assert_eq!(
            artifact(52_428_801, 262_144_001).excesses(),
            [
                Excess::Unzipped { size: 262_144_001, limit: 262_144_000 },
                Excess::DirectUpload { size: 52_428_801, limit: 52_428_800 },
            ]
        );
    }

    #[test]
    fn reads_a_zip_and_refuses_what_is_none() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a.zip");
        let mut writer = zip::ZipWriter::new(File::create(&path).expect("create"));
        writer.start_file("a/b.txt", zip::write::SimpleFileOptions::default()).expect("start");
        writer.write_all(b"hello").expect("write");
        writer.add_directory("c/", zip::write::SimpleFileOptions::default()).expect("directory");
        writer.finish().expect("finish");
        let artifact = Artifact::read(&path).expect("a zip");
        assert_eq!((artifact.unzipped_size, artifact.entries), (5, 1));
        let bytes = std::fs::read(&path).expect("read");
        assert_eq!(artifact.size, bytes.len() as u64);
        assert_eq!(artifact.sha256, STANDARD.encode(Sha256::digest(&bytes)));

        std::fs::write(&path, "not a zip").expect("write");
        assert!(matches!(Artifact::read(&path), Err(ZipError::InvalidArchive(_))));
        assert!(matches!(Artifact::read(&dir.path().join("none")), Err(ZipError::Io(_))));
    }
}
