//! From a template to what the engine compares with what is live.

use super::CommandError;
use super::connection::Connection;
use super::prepare::{Prepared, Read};
use crate::aws::compile::{compile_domains, owner};
use crate::aws::intrinsics::{Context, Owner, evaluate};
use crate::aws::kinds::version;
use crate::aws::naming::{self, Names};
use crate::aws::template::Template;
use crate::engine::resource::DesiredState;

/// Evaluates the template for the connected account.
///
/// # Errors
/// Raw `resources:` (they need CloudFormation, which is not built yet), and references that cannot be resolved.
pub fn of(read: &Read, prepared: &Prepared, connection: &Connection) -> Result<DesiredState, CommandError> {
    if let Some(stack) = prepared.template.stacks.keys().next() {
        return Err(CommandError::plain(
            format!("`resources:` are not deployed yet: they need the CloudFormation stack {stack}"),
            [
                "Nothing was changed. Until hoist can do this, deploy them with a stack of their own and refer to them by ARN.",
            ],
        ));
    }
    let mut desired = evaluated(read, &prepared.template, owner(&read.service, &read.target), connection)?;
    version::pin(&mut desired.resources);
    Ok(desired)
}

/// Evaluates the custom domains of a service. `only_automatic` leaves out those that a deploy does not make.
///
/// # Errors
/// Settings that cannot be, and references that cannot be resolved.
pub fn domains(read: &Read, only_automatic: bool, connection: &Connection) -> Result<DesiredState, CommandError> {
    let compiled = compile_domains(&read.service, &read.target, only_automatic);
    if !compiled.problems.is_empty() {
        return Err(CommandError::Configuration { diagnostics: compiled.problems, sources: read.sources.clone() });
    }
    let owner = owner(&read.service, &read.target);
    let owner = Owner { service: naming::domains_of(&owner.service), ..owner };
    evaluated(read, &compiled.template, owner, connection)
}

fn evaluated(
    read: &Read,
    template: &Template,
    owner: Owner,
    connection: &Connection,
) -> Result<DesiredState, CommandError> {
    let names = Names::new(read.service.name(), &read.target.stage, &read.target.region);
    let partition = connection.aws.partition();
    let context = Context {
        partition: partition.name.to_owned(),
        region: read.target.region.clone(),
        account_id: connection.aws.known_account().unwrap_or_default().to_owned(),
        url_suffix: partition.dns_suffix.to_owned(),
        stack_name: names.stack(),
        owner,
        ..Context::default()
    };
    let evaluation = evaluate(template, &context);
    if !evaluation.problems.is_empty() {
        return Err(CommandError::Configuration { diagnostics: evaluation.problems, sources: read.sources.clone() });
    }
    if let Some(need) = evaluation.needs.iter().next() {
        return Err(CommandError::plain(format!("{need} cannot be looked up yet"), ["Write the value itself."]));
    }
    Ok(evaluation.desired)
}
