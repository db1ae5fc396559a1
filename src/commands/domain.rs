//! `hoist domain`: the custom domains of a service, which outlive what is mapped to them.

use clap::{Args, Subcommand};

use super::change::{Errand, change};
use super::cli::Global;
use super::connection::{Connection, remote};
use super::deploy::Lock;
use super::interrupt::{interruptible, stoppable};
use super::manner::Manner;
use super::prepare::{Purpose, Read, read};
use super::{CommandError, Exit, desired, stand};
use crate::aws::kinds::domains;
use crate::engine::resource::DesiredState;
use crate::engine::stop::Stop;
use crate::screen::Screen;

#[derive(Args, Debug)]
pub struct Domain {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make the custom domains of the file, with their records in Route 53
    Create(Agreed),
    /// Delete the custom domains that hoist made for this service and stage
    Delete(Agreed),
}

#[derive(Args, Debug)]
struct Agreed {
    /// Agree to deletions and replacements without being asked
    #[arg(short, long)]
    yes: bool,
    /// Take over domains and records of the same name that nobody has marked
    #[arg(long)]
    adopt: bool,
    #[command(flatten)]
    lock: Lock,
}

impl Domain {
    pub async fn run(self, global: &Global, screen: &Screen) -> Result<Exit, CommandError> {
        let stop = Stop::new();
        interruptible(&stop, self.domain(global, screen, &stop)).await
    }

    async fn domain(self, global: &Global, screen: &Screen, stop: &Stop) -> Result<Exit, CommandError> {
        let (create, agreed) = match self.action {
            Action::Create(agreed) => (true, agreed),
            Action::Delete(agreed) => (false, agreed),
        };
        let (connection, wanted) = stoppable(stop, async {
            let read = read(global, screen, Purpose::Look, Some(&remote(global, stop))).await?;
            let connection = Connection::open_for_domains(global, &read, stop).await?;
            stand::head(screen, &read.place(), &connection);
            if !create {
                return Ok::<_, CommandError>((connection, DesiredState::default()));
            }
            let wanted = desired::domains(&read, false, &connection).await?;
            Ok((connection.keeping_orphans(), wanted))
        })
        .await??;
        if create && wanted.resources.is_empty() {
            return Err(CommandError::plain(
                "the file has no custom domain",
                ["Add `provider.domain`, or `custom.customDomain` of serverless-domain-manager."],
            ));
        }
        let manner = Manner {
            yes: agreed.yes,
            adopt: agreed.adopt,
            drift: true,
            lock_timeout: agreed.lock.lock_timeout,
            done: if create { "made" } else { "deleted" },
            ..Manner::default()
        };
        let errand = Errand { desired: &wanted, entry: None, checked: None };
        Ok(change(&connection, screen, errand, manner, stop).await?.exit)
    }
}

/// Sees to it that the domains of the file are there before anything is mapped to them: makes those with `autoDomain`.
///
/// # Errors
/// A domain that is not there; whatever keeps one from being made.
pub async fn ready(
    global: &Global,
    screen: &Screen,
    read: &Read,
    connection: &Connection,
    manner: Manner,
    stop: &Stop,
) -> Result<Exit, CommandError> {
    let all = read.service.domains();
    if all.iter().any(|domain| domain.auto_domain == Some(true)) {
        let connection = Connection::open_for_domains(global, read, stop).await?.keeping_orphans();
        let wanted = desired::domains(read, true, &connection).await?;
        let errand = Errand { desired: &wanted, entry: None, checked: None };
        // Versions are the service's, and a domain may be mapped to by others: neither pruned nor put back.
        let manner = Manner { done: "made", keep: None, put_back: false, ..manner };
        let made = change(&connection, screen, errand, manner, stop).await?;
        if made.exit != Exit::Done {
            return Ok(made.exit);
        }
    }
    let by_hand = all.iter().filter(|domain| domain.auto_domain != Some(true));
    for name in by_hand.filter_map(|domain| domain.domain_name.as_deref()) {
        if domains::get(&connection.aws, name).await?.is_none() {
            return Err(CommandError::plain(
                format!("the custom domain {name} does not exist"),
                ["Make it with `hoist domain create`, or let each deploy see to it with `autoDomain: true`."],
            ));
        }
    }
    Ok(Exit::Done)
}
