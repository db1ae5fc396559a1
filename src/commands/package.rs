//! `hoist package`: the zips and `.hoist/resources.json`, without AWS.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::cli::Global;
use super::desired::problems;
use super::prepare::{Purpose, prepare, read, show_or_fail};
use super::{CommandError, Exit};
use crate::config::diagnostic::Diagnostic;
use crate::engine::stop::Stop;
use crate::screen::{Screen, describe};

#[derive(Args, Debug)]
pub struct Package {
    /// Where the zips go [default: package.path, else .hoist]
    #[arg(short, long, value_name = "DIRECTORY")]
    package: Option<PathBuf>,
}

impl Package {
    pub async fn run(self, global: &Global, screen: &Screen) -> Result<Exit, CommandError> {
        let read = read(global, screen, Purpose::Look, None).await?;
        let prepared = prepare(&read, screen, Purpose::Look, self.package.as_deref(), Stop::new().token()).await?;
        // What is not there stops a deploy, and leaves the rest of the template as it is.
        let missing = problems(&read, &prepared.template).into_iter().map(Diagnostic::as_warning).collect();
        show_or_fail(screen, Purpose::Look, missing, &read.sources)?;
        let written = prepared.template.write(&read.directory, &read.sources.secrets).map_err(|error| {
            CommandError::plain(
                format!(".hoist/resources.json cannot be written: {error}"),
                ["Check that the service directory is writable."],
            )
        })?;
        let shown = |path: &std::path::Path| path.strip_prefix(&read.directory).unwrap_or(path).display().to_string();
        // Functions that share a zip share a line.
        let zips = prepared.packages.functions.values().chain(prepared.packages.layers.values());
        let zips: BTreeMap<_, _> = zips.map(|zip| (&zip.path, zip)).collect();
        for zip in zips.values() {
            screen.result(&format!("{}  {}", shown(&zip.path), describe::size(zip.size)));
            screen.json(&json!({"type": "artifact", "path": shown(&zip.path), "size": zip.size, "sha256": zip.sha256}));
        }
        screen.result(&shown(&written));
        screen.json(&json!({"type": "resources", "path": shown(&written)}));
        Ok(Exit::Done)
    }
}
