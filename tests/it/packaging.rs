//! Zips as another program reads them: Python's `zipfile`.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use hoist::package::rules::Written;
use hoist::package::{Packaging, Request, build};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::support::python;

const LIST: &str = "
import hashlib, json, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as zip:
    assert zip.testzip() is None
    print(json.dumps([
        [entry.filename, zip.read(entry).decode(), oct(entry.external_attr >> 16), list(entry.date_time), entry.create_system]
        for entry in zip.infolist()
    ]))
";

#[test]
fn an_independent_program_reads_what_was_packaged() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("service");
    let long = "export const answer = 42;\n".repeat(200_000);
    for (name, text) in [
        ("service/src/b.js", "b"),
        ("service/src/ä.js", "umlaut"),
        ("service/bootstrap", "#!/bin/sh\n"),
        ("service/empty", ""),
        ("service/long.js", long.as_str()),
        ("service/.env", "SECRET=1"),
        ("shared/lib.js", "shared"),
    ] {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    fs::set_permissions(root.join("bootstrap"), fs::Permissions::from_mode(0o744)).unwrap();
    symlink("../shared", root.join("linked")).unwrap();

    let mut packaging = Packaging::new(&root);
    packaging.defaults.dotenv = true;
    let written = Written { own_patterns: vec!["../shared/*.js".into()], ..Written::default() };
    packaging.requests.push(Request::files("service", "package", &root, written));
    let built = build(&packaging, &CancellationToken::new());
    assert_eq!(built.problems, []);

    let listing = Command::new(python()).args(["-c", LIST]).arg(&built.artifacts["service"].path).output().unwrap();
    assert!(listing.status.success(), "{}", String::from_utf8_lossy(&listing.stderr));
    let listing: Value = serde_json::from_slice(&listing.stdout).unwrap();
    let entry = |name: &str, text: &str, mode: &str| json!([name, text, mode, [1980, 1, 1, 0, 0, 0], 3]);
    let expected = json!([
        entry("bootstrap", "#!/bin/sh\n", "0o100755"),
        entry("empty", "", "0o100644"),
        entry("linked/lib.js", "shared", "0o100644"),
        entry("long.js", &long, "0o100644"),
        entry("shared/lib.js", "shared", "0o100644"),
        entry("src/b.js", "b", "0o100644"),
        entry("src/ä.js", "umlaut", "0o100644"),
    ]);
    assert!(listing == expected, "{:.2000}", format!("{listing}"));
}
