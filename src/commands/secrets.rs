//! `hoist secrets`: SecureStrings of the Systems Manager beneath `/<service>/<stage>/`, which `secrets:` refers to.
//!
//! A value comes from a prompt without echo or from standard input: on the command line others could read it, and it
//! would stay in the shell's history.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use clap::{Args, Subcommand};
use serde_json::json;

use super::cli::Global;
use super::connection::Connection;
use super::interrupt::{interruptible, stoppable};
use super::prepare::{Purpose, Read, read};
use super::{CommandError, Exit, stand};
use crate::aws::client::Aws;
use crate::aws::compile::owner;
use crate::aws::ownership::{SERVICE, STAGE};
use crate::aws::parameters::{LARGEST, Listed};
use crate::config::language::lambda::SecretSource;
use crate::engine::stop::Stop;
use crate::engine::value::Secret;
use crate::screen::Screen;

#[derive(Args, Debug)]
pub struct Secrets {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Keep a secret: its value is asked for, or read from standard input
    Set(Set),
    /// List the names of this stage's secrets, and what the file does with them
    List,
    /// Delete a secret
    Remove(Remove),
}

#[derive(Args, Debug)]
struct Set {
    /// Usually the name of the environment variable that gets it
    #[arg(value_parser = name)]
    name: String,
    /// Key of KMS that encrypts it [default: the account's own key of the Systems Manager]
    #[arg(long, value_name = "KEY")]
    key_id: Option<String>,
}

#[derive(Args, Debug)]
struct Remove {
    #[arg(value_parser = name)]
    name: String,
    /// Agree without being asked
    #[arg(short, long)]
    yes: bool,
}

impl Secrets {
    pub async fn run(self, global: &Global, screen: &Screen) -> Result<Exit, CommandError> {
        let stop = Stop::new();
        interruptible(&stop, async {
            // Without an account: what the file reads from one may be the very secret that is still to be set.
            let read = stoppable(&stop, read(global, screen, Purpose::Look, None)).await??;
            let path = path(&read)?;
            let connection = stoppable(&stop, Connection::open(global, &read, &stop)).await??;
            stand::head(screen, &read.place(), &connection);
            let keep = Keep { aws: &connection.aws, read: &read, path, screen, stop: &stop };
            match self.what {
                What::Set(set) => keep.set(set).await,
                What::List => keep.list().await,
                What::Remove(remove) => keep.remove(remove).await,
            }
        })
        .await
    }
}

/// Where this stage's secrets are kept.
struct Keep<'a> {
    aws: &'a Aws,
    read: &'a Read,
    /// `/shop/dev/`
    path: String,
    screen: &'a Screen,
    stop: &'a Stop,
}

impl Keep<'_> {
    fn parameter(&self, name: &str) -> String {
        format!("{}{name}", self.path)
    }

    async fn set(&self, set: Set) -> Result<Exit, CommandError> {
        let parameter = self.parameter(&set.name);
        let (screen, question) = (self.screen.clone(), format!("Value of {}", set.name));
        // A thread that waits for a key must not keep signals from being heard.
        let value = stoppable(self.stop, tokio::task::spawn_blocking(move || value(&screen, &question))).await?;
        let value = value.map_err(|error| unreadable(&error))??;
        let owner = owner(&self.read.service, &self.read.target);
        let mut tags: BTreeMap<String, String> =
            owner.stack_tags.iter().filter_map(|(key, value)| Some((key.clone(), value.text()?.to_owned()))).collect();
        tags.insert("STAGE".to_owned(), owner.stage.clone());
        tags.insert(SERVICE.to_owned(), owner.service);
        tags.insert(STAGE.to_owned(), owner.stage);
        let written = self.aws.set_secure_string(&parameter, &value, set.key_id.as_deref(), &tags).await?;
        let done = if written.is_new { "set" } else { "changed" };
        self.screen.result(&format!("{done} {parameter}, version {}", written.version));
        self.screen.json(&json!({
            "type": "secret", "name": set.name, "parameter": parameter, "action": done, "version": written.version,
        }));
        if self.users(&parameter).is_empty() {
            let name = &set.name;
            self.screen
                .note(&format!("nothing in the file uses it yet: write `{name}: ssm:{parameter}` beneath `secrets:`"));
        } else {
            self.screen.note("functions get the value with the next `hoist deploy`");
        }
        Ok(Exit::Done)
    }

    async fn list(&self) -> Result<Exit, CommandError> {
        let kept = stoppable(self.stop, self.aws.secure_strings(&self.path)).await??;
        let known: BTreeSet<&str> = kept.iter().map(|one| one.name.as_str()).collect();
        for Listed { name: parameter, version, changed } in &kept {
            let users = self.users(parameter);
            let changed = changed.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
            let day = changed.map(|at| at.strftime("%Y-%m-%d").to_string());
            let used = if users.is_empty() { "not used by the file".to_owned() } else { users.join(", ") };
            let name = parameter.strip_prefix(&self.path).unwrap_or(parameter);
            let changed_on = day.map_or_else(String::new, |day| format!(" of {day}"));
            self.screen.result(&format!("{name}  version {version}{changed_on}  {used}"));
            self.screen.json(&json!({
                "type": "secret", "name": name, "parameter": parameter, "version": version,
                "changed": changed.map(|at| at.to_string()), "used_by": users,
            }));
        }
        let missing: Vec<String> =
            self.wanted().into_iter().filter(|parameter| !known.contains(parameter.as_str())).collect();
        for parameter in &missing {
            let name = parameter.strip_prefix(&self.path).unwrap_or(parameter);
            self.screen.warning(&format!("{name} is used by the file and not set: `hoist secrets set {name}`"));
            self.screen.json(&json!({
                "type": "secret", "name": name, "parameter": parameter, "missing": true, "used_by": self.users(parameter),
            }));
        }
        if kept.is_empty() && missing.is_empty() {
            self.screen.note(&format!("no secrets are kept beneath {}", self.path));
        }
        Ok(Exit::Done)
    }

    async fn remove(&self, remove: Remove) -> Result<Exit, CommandError> {
        let parameter = self.parameter(&remove.name);
        let users = self.users(&parameter);
        if !remove.yes {
            let used = if users.is_empty() { String::new() } else { format!(", which {} use", users.join(" and ")) };
            let (screen, question) = (self.screen.clone(), format!("Delete {parameter}{used}?"));
            let asked = tokio::task::spawn_blocking(move || screen.confirm(&question));
            match stoppable(self.stop, asked).await?.unwrap_or(Some(false)) {
                Some(true) => {}
                Some(false) => return Err(CommandError::Stopped { message: "nothing was changed".into() }),
                None => {
                    return Err(CommandError::plain(
                        format!("{parameter} would be deleted, and nobody can be asked here"),
                        ["Run this with --yes."],
                    ));
                }
            }
        }
        if !self.aws.delete_parameter(&parameter).await? {
            return Err(CommandError::plain(
                format!("there is no secret {parameter}"),
                ["`hoist secrets list` shows what there is."],
            ));
        }
        self.screen.result(&format!("removed {parameter}"));
        self.screen.json(&json!({
            "type": "secret", "name": remove.name, "parameter": parameter, "action": "removed",
        }));
        if !users.is_empty() {
            self.screen.warning(&format!("{} still use it: the next deploy stops there", users.join(" and ")));
        }
        Ok(Exit::Done)
    }

    /// Where the file refers to a parameter: `provider.secrets.TOKEN`, `functions.api.secrets.TOKEN`.
    fn users(&self, parameter: &str) -> Vec<String> {
        self.references().filter(|(_, name)| *name == parameter).map(|(path, _)| path).collect()
    }

    /// Parameters beneath our path that the file refers to.
    fn wanted(&self) -> BTreeSet<String> {
        let beneath =
            self.references().filter(|(_, name)| name.strip_prefix(&self.path).is_some_and(|rest| !rest.contains('/')));
        beneath.map(|(_, name)| name.to_owned()).collect()
    }

    fn references(&self) -> impl Iterator<Item = (String, &str)> {
        let service = &self.read.service;
        let of_provider =
            service.provider.secrets.iter().map(|(key, secret)| (format!("provider.secrets.{key}"), secret));
        let of_functions = service.functions.iter().flat_map(|(function, settings)| {
            settings.secrets.iter().map(move |(key, secret)| (format!("functions.{function}.secrets.{key}"), secret))
        });
        of_provider.chain(of_functions).filter_map(|(path, secret)| match &secret.source {
            SecretSource::Ssm { name } => Some((path, name.split(':').next().unwrap_or(name))),
            SecretSource::SecretsManager { .. } => None,
        })
    }
}

/// `/<service>/<stage>/`, which has to be known without an account.
fn path(read: &Read) -> Result<String, CommandError> {
    let (service, stage) = (read.service.name(), &read.target.stage);
    if service.contains("${") || stage.contains("${") {
        return Err(CommandError::plain(
            "secrets are kept beneath the names of the service and the stage, and one of these comes from the account",
            ["Name the stage with --stage, and the service in the file itself."],
        ));
    }
    Ok(format!("/{service}/{stage}/"))
}

/// What a name may be made of: <https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html>.
fn name(text: &str) -> Result<String, String> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "_.-".contains(letter);
    if text.is_empty() || !text.chars().all(fits) {
        return Err(
            "a name is made of letters, digits, `_`, `.` and `-`; a value is asked for, never typed here".into()
        );
    }
    Ok(text.to_owned())
}

/// A value from the terminal, without echo, or all of standard input without its last line end.
fn value(screen: &Screen, question: &str) -> Result<Secret, CommandError> {
    let text = if screen.can_ask() {
        screen.ask_hidden(question).map_err(|error| unreadable(&error))?
    } else {
        let mut text = String::new();
        // One byte too many is enough to know that it does not fit.
        let limit = u64::try_from(LARGEST + 3).unwrap_or(u64::MAX);
        std::io::stdin().lock().take(limit).read_to_string(&mut text).map_err(|error| unreadable(&error))?;
        text
    };
    let text = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
    if text.is_empty() {
        return Err(CommandError::plain(
            "there is no value",
            ["Pipe it in: `printf %s \"$TOKEN\" | hoist secrets set TOKEN`."],
        ));
    }
    if text.len() > LARGEST {
        return Err(CommandError::plain(
            format!("the value is larger than the {LARGEST} bytes of a parameter"),
            [
                "Keep it in the Secrets Manager (64 KB), and refer to it with `secretsmanager:`. A function's variables together hold 4 KB.",
            ],
        ));
    }
    Ok(Secret::new(text))
}

fn unreadable(error: &dyn std::fmt::Display) -> CommandError {
    CommandError::plain(format!("the value cannot be read: {error}"), ["It has to be text."])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_typed_behind_the_name_is_refused() {
        assert_eq!(name("DB_PASSWORD"), Ok("DB_PASSWORD".to_owned()));
        for wrong in ["TOKEN=hunter2", "", "a/b", "a b"] {
            assert!(name(wrong).is_err(), "{wrong}");
        }
    }
}
