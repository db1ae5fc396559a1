//! From a template to what the engine compares with what is live.

use super::CommandError;
use super::connection::Connection;
use super::prepare::{Prepared, Read};
use crate::aws::compile::owner;
use crate::aws::intrinsics::{Context, evaluate};
use crate::aws::kinds::version;
use crate::aws::naming::Names;
use crate::aws::template::Template;
use crate::engine::resource::DesiredState;

/// Evaluates the template for the connected account.
///
/// # Errors
/// Raw `resources:` (they need CloudFormation, which is not built yet), and references that cannot be resolved.
pub fn of(read: &Read, prepared: &Prepared, connection: &Connection) -> Result<DesiredState, CommandError> {
    of_template(read, &prepared.template, connection)
}

/// The same for a template.
///
/// # Errors
/// As [`of`].
pub fn of_template(read: &Read, template: &Template, connection: &Connection) -> Result<DesiredState, CommandError> {
    let names = Names::new(read.service.name(), &read.target.stage, &read.target.region);
    if let Some(stack) = template.stacks.keys().next() {
        return Err(CommandError::plain(
            format!("`resources:` are not deployed yet: they need the CloudFormation stack {stack}"),
            [
                "Nothing was changed. Until hoist can do this, deploy them with a stack of their own and refer to them by ARN.",
            ],
        ));
    }
    let partition = connection.aws.partition();
    let context = Context {
        partition: partition.name.to_owned(),
        region: read.target.region.clone(),
        account_id: connection.aws.known_account().unwrap_or_default().to_owned(),
        url_suffix: partition.dns_suffix.to_owned(),
        stack_name: names.stack(),
        owner: owner(&read.service, &read.target),
        ..Context::default()
    };
    let evaluation = evaluate(template, &context);
    if !evaluation.problems.is_empty() {
        return Err(CommandError::Configuration { diagnostics: evaluation.problems, sources: read.sources.clone() });
    }
    if let Some(need) = evaluation.needs.iter().next() {
        return Err(CommandError::plain(format!("{need} cannot be looked up yet"), ["Write the value itself."]));
    }
    let mut desired = evaluation.desired;
    version::pin(&mut desired.resources);
    Ok(desired)
}
