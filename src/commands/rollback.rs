//! `hoist rollback`: a deploy of what was deployed before, from its record. Code, configuration, routes and triggers go
//! back; data does not.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};

use super::change::{Errand, change};
use super::cli::Global;
use super::connection::{Connection, remote};
use super::deploy::Lock;
use super::history::find;
use super::interrupt::{interruptible, stoppable};
use super::manner::Manner;
use super::prepare::{Read, locate};
use super::recorded::Recorded;
use super::recording::Entry;
use super::{CommandError, Exit, function, stand};
use crate::aws::kinds::function::{Function, TYPE as FUNCTION};
use crate::engine::history::{Artifacts, Record, What, previous};
use crate::engine::resource::DesiredState;
use crate::engine::stop::Stop;
use crate::engine::value::Value;
use crate::screen::Screen;

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Rollback {
    #[command(subcommand)]
    part: Option<Part>,
    /// The deployment to go back to: an id of `hoist history`
    #[arg(value_name = "ID", required_unless_present = "previous")]
    id: Option<String>,
    /// Go back to what was there before the newest run
    #[arg(long, conflicts_with = "id")]
    previous: bool,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Bring back the code of one function
    #[command(disable_version_flag = true)]
    Function(OneFunction),
}

#[derive(Args, Debug)]
struct OneFunction {
    /// The function's key in the file
    #[arg(short, long, value_name = "NAME")]
    function: String,
    /// The published version whose code it is [default: the newest with other code than now]
    #[arg(id = "number", long = "version", value_name = "NUMBER")]
    version: Option<u64>,
    #[command(flatten)]
    how: How,
}

/// How it is carried out.
#[derive(Args, Clone, Copy, Debug)]
struct How {
    /// Agree to deletions and replacements without being asked
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    lock: Lock,
}

/// What is gone back to.
struct Target {
    record: Record,
    what: What,
    back_to: String,
    artifacts: Artifacts,
    read: Read,
}

impl Rollback {
    pub async fn run(self, global: &Global, screen: &Screen) -> Result<Exit, CommandError> {
        let stop = Stop::new();
        interruptible(&stop, self.rollback(global, screen, &stop)).await
    }

    async fn rollback(self, global: &Global, screen: &Screen, stop: &Stop) -> Result<Exit, CommandError> {
        let how = match &self.part {
            Some(Part::Function(one)) => one.how,
            None => self.how,
        };
        let ready = stoppable(stop, async {
            let place = locate(global, Some(&remote(global, stop))).await?;
            let connection = Connection::to(global, &place, stop).await?;
            stand::head(screen, &place, &connection);
            let from = Recorded { global, screen, stop, place: &place, connection: &connection };
            let target = match &self.part {
                Some(Part::Function(one)) => from.one_function(one).await?,
                None => from.everything(self.id.as_deref()).await?,
            };
            let wanted = from.wanted(&target.read, &target.artifacts).await?;
            from.check_code(&wanted).await?;
            Ok::<_, CommandError>((connection, target, wanted, place))
        });
        let (connection, target, wanted, place) = ready.await??;
        let manner = Manner {
            yes: how.yes,
            lock_timeout: how.lock.lock_timeout,
            show: true,
            done: "rolled back",
            ..Manner::default()
        };
        let entry = Entry {
            what: target.what,
            back_to: Some(target.back_to),
            configuration: target.record.configuration,
            artifacts: target.artifacts,
            directory: place.directory,
        };
        let errand = Errand { desired: &wanted, entry: Some(entry), checked: Some(&target.read) };
        let changed = change(&connection, screen, errand, manner, stop).await?;
        if changed.exit == Exit::Done
            && let Some(applied) = &changed.applied
        {
            let live = stand::live(&connection, &changed.plan, applied).await;
            stand::show(screen, &target.read, live.iter());
        }
        Ok(changed.exit)
    }
}

/// So many records are looked through for one to go back to.
const LOOKED_THROUGH: usize = 50;

impl Recorded<'_> {
    /// The record of an id, or the previous one.
    async fn everything(&self, id: Option<&str>) -> Result<Target, CommandError> {
        let history = self.connection.history.as_ref();
        let record = match id {
            Some(id) => find(history, id).await?,
            None => previous(&history.newest(LOOKED_THROUGH).await?).cloned().ok_or_else(|| {
                CommandError::plain(
                    "there is no earlier deployment that ended well",
                    ["`hoist history` lists what there is; `hoist rollback ID` goes back to any of it."],
                )
            })?,
        };
        self.screen.note(&format!("back to {}", record.id));
        let read = self.read(&record).await?;
        let (artifacts, back_to) = (record.artifacts.clone(), record.id.clone());
        Ok(Target { what: What::Rollback, back_to, artifacts, read, record })
    }

    /// What is there now, with one function's code of an earlier version.
    async fn one_function(&self, one: &OneFunction) -> Result<Target, CommandError> {
        let newest = self.connection.history.newest(LOOKED_THROUGH).await?;
        let record = newest.into_iter().find(|record| record.configuration.is_some()).ok_or_else(|| {
            CommandError::plain("nothing that hoist recorded is deployed here", ["Deploy it once with `hoist deploy`."])
        })?;
        let read = self.read(&record).await?;
        let name = function::named(&read, &one.function)?;
        let aws = &self.connection.aws;
        let live = Function::shared(aws, &name).await?;
        let now = live.as_ref().and_then(|live| live.configuration()?.code_sha256());
        let (version, digest) = match one.version {
            Some(number) => {
                let wanted = number.to_string();
                let found = aws.versions(&name).await?.into_iter().find(|(version, _)| *version == wanted);
                found.ok_or_else(|| {
                    CommandError::plain(
                        format!("{name} has no version {number}"),
                        [format!("`aws lambda list-versions-by-function --function-name {name}` lists them.")],
                    )
                })?
            }
            None => {
                let mut versions = aws.versions(&name).await?.into_iter().rev();
                versions.find(|(_, digest)| Some(digest.as_str()) != now).ok_or_else(|| {
                    CommandError::plain(
                        format!("{name} has no published version with other code than now"),
                        ["`hoist rollback ID` goes back to a whole deployment."],
                    )
                })?
            }
        };
        self.screen.note(&format!("back to the code of version {version} of {name}"));
        aws.keep_version(&name, &version).await?;
        let mut artifacts = record.artifacts.clone();
        if artifacts.functions.insert(one.function.clone(), digest).is_none() {
            return Err(CommandError::plain(
                format!("{} has no code that hoist deployed: it is an image", one.function),
                [""; 0],
            ));
        }
        Ok(Target { what: What::RollbackFunction, back_to: format!("{name}:{version}"), artifacts, read, record })
    }

    /// Finds out before anything is changed whether all code that will be needed is there. What the bucket lost is
    /// brought back from a published version.
    ///
    /// # Errors
    /// Code that is kept nowhere, all of it in one run.
    async fn check_code(&self, wanted: &DesiredState) -> Result<(), CommandError> {
        let aws = &self.connection.aws;
        let mut by_digest: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for resource in wanted.resources.iter().filter(|resource| resource.address.kind == FUNCTION) {
            let name = resource.properties.get("FunctionName").and_then(Value::text);
            let digest = resource.properties.at(&["Code", "Sha256"]).and_then(Value::text);
            if let (Some(name), Some(digest)) = (name, digest) {
                by_digest.entry(digest.to_owned()).or_default().push(name.to_owned());
            }
        }
        let looks = by_digest.into_iter().map(|(digest, names)| async move {
            if aws.kept_artifact(&digest).await?.is_some() {
                return Ok(None);
            }
            for name in names {
                let live = Function::shared(aws, &name).await?;
                let now = live.as_ref().and_then(|live| live.configuration()?.code_sha256());
                if now == Some(digest.as_str()) {
                    continue;
                }
                match aws.version_with_code(&name, &digest).await? {
                    Some(version) => drop(aws.keep_version(&name, &version).await?),
                    None => return Ok(Some(name)),
                }
            }
            Ok::<_, crate::engine::failure::Failure>(None)
        });
        let found = crate::config::variables::remote::all(looks.map(|look| Box::pin(look) as _).collect()).await;
        let missing: Vec<String> = found.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(CommandError::plain(
            format!("the code of {} is not kept any more; nothing was changed", missing.join(", ")),
            ["Check out the commit that it was deployed from (`hoist history`), and deploy that."],
        ))
    }
}
