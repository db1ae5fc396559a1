//! Reads text files: sizes, encodings, and how a path is shown.

use std::io::{ErrorKind, Read};
use std::path::Path;

/// The largest file that is read as text, in bytes. Configurations are a thousand times smaller.
const MAX_FILE: u64 = 16 << 20;

/// A file's text; `None` when there is no such file, and why not in words when it cannot be read.
pub fn text(path: &Path) -> Result<Option<String>, String> {
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(error) => return Err(plain(&error)),
    };
    if file.metadata().is_ok_and(|metadata| !metadata.is_file()) {
        return Err(String::from("it is not a file"));
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|error| plain(&error))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(format!("it is larger than {} MB", MAX_FILE >> 20));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(error) => {
            let line = error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|b| **b == b'\n').count() + 1;
            Err(format!("line {line} is not UTF-8 text"))
        }
    }
}

fn plain(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::PermissionDenied => String::from("permission denied"),
        _ => error.to_string(),
    }
}

/// A path as the user would write it: relative to the service's directory where it lies inside.
pub fn shown(path: &Path, directory: &Path) -> String {
    path.strip_prefix(directory).unwrap_or(path).display().to_string()
}
