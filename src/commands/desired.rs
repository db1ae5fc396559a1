//! From a template to what the engine compares with what is live.

use super::CommandError;
use super::connection::Connection;
use super::in_the_file::in_the_file;
use super::prepare::{Prepared, Read};
use crate::aws::compile::{compile_domains, owner};
use crate::aws::intrinsics::{Context, Owner, evaluate};
use crate::aws::kinds::{alias, role, version};
use crate::aws::lookups::Answers;
use crate::aws::naming::{self, Names};
use crate::aws::partition::Partition;
use crate::aws::template::Template;
use crate::config::diagnostic::Diagnostic;
use crate::config::language::checks::environment_too_large;
use crate::engine::resource::DesiredState;
use crate::engine::value::Value;

/// Evaluates the template for the connected account: exports, parameters and secrets that it mentions are read.
///
/// # Errors
/// References that cannot be resolved, and what is larger than AWS takes.
pub async fn of(read: &Read, prepared: &Prepared, connection: &Connection) -> Result<DesiredState, CommandError> {
    of_template(read, &prepared.template, connection).await
}

/// The same for a template.
///
/// # Errors
/// As [`of`].
pub async fn of_template(
    read: &Read,
    template: &Template,
    connection: &Connection,
) -> Result<DesiredState, CommandError> {
    let owner = owner(&read.service, &read.target);
    let mut desired = evaluated(read, template, owner, connection).await?;
    let mut diagnostics = too_large(&desired, read);
    diagnostics.extend(policies_too_large(&desired, read));
    if !diagnostics.is_empty() {
        return Err(CommandError::Configuration { diagnostics, sources: read.sources.clone() });
    }
    version::pin(&mut desired.resources);
    alias::pin(&mut desired.resources);
    Ok(desired)
}

/// Evaluates the custom domains of a service. `only_automatic` leaves out those that a deploy does not make.
///
/// # Errors
/// Settings that cannot be, and references that cannot be resolved.
pub async fn domains(read: &Read, only_automatic: bool, connection: &Connection) -> Result<DesiredState, CommandError> {
    let compiled = compile_domains(&read.service, &read.target, only_automatic);
    if !compiled.problems.is_empty() {
        return Err(CommandError::Configuration { diagnostics: compiled.problems, sources: read.sources.clone() });
    }
    let owner = owner(&read.service, &read.target);
    let owner = Owner { service: naming::domains_of(&owner.service), ..owner };
    evaluated(read, &compiled.template, owner, connection).await
}

async fn evaluated(
    read: &Read,
    template: &Template,
    owner: Owner,
    connection: &Connection,
) -> Result<DesiredState, CommandError> {
    let account_id = connection.aws.known_account().unwrap_or_default();
    let mut context = Context { owner, ..context(read, account_id) };
    let mut answers = Answers::default();
    // What is found may lead to more: the name of an export may hold a parameter. Each round answers all that it needs.
    let evaluation = loop {
        let evaluation = evaluate(template, &context);
        if evaluation.needs.is_empty() {
            break evaluation;
        }
        answers.look_up(&connection.aws, &evaluation.needs).await?;
        context.found.clone_from(&answers.found);
        context.absent.clone_from(&answers.absent);
    };
    if !evaluation.problems.is_empty() {
        let diagnostics = in_the_file(evaluation.problems, template, read);
        return Err(CommandError::Configuration { diagnostics, sources: read.sources.clone() });
    }
    Ok(evaluation.desired)
}

/// Environments that are too large now that their secrets are known.
fn too_large(desired: &DesiredState, read: &Read) -> Vec<Diagnostic> {
    let functions = read.service.effective_functions(&read.target.stage);
    functions
        .filter_map(|function| {
            let id = naming::lambda(function.key);
            let resource = desired.resources.iter().find(|resource| resource.address.logical_id == id)?;
            let Value::Map(variables) = resource.properties.at(&["Environment", "Variables"])? else { return None };
            let sizes = variables.iter().map(|(name, value)| (name.as_str(), value.text().map_or(0, str::len)));
            environment_too_large(&function, sizes)
        })
        .collect()
}

/// Roles whose inline policies are more than IAM takes: all else would be made before IAM says so.
fn policies_too_large(desired: &DesiredState, read: &Read) -> Vec<Diagnostic> {
    let roles = desired.resources.iter().filter(|resource| resource.address.kind == role::TYPE);
    let too_large = roles.filter_map(|resource| {
        let size = role::inline_size(&resource.properties);
        (size > role::LARGEST_INLINE).then(|| {
            let name = resource.properties.get("RoleName").and_then(Value::text);
            let text = format!(
                "the policies of the role {} take {size} characters, more than the {} that IAM allows",
                name.unwrap_or(&resource.address.logical_id),
                role::LARGEST_INLINE
            );
            Diagnostic::error("role-too-large", text).path("provider").at(read.service.provider.place).help(
                "give each function a role of its own (`provider.iam.role.mode: perFunction`), or write ARNs with `*` that \
                 stand for many",
            )
        })
    });
    too_large.collect()
}

/// What is wrong with the template's references, as far as that can be seen without an account.
pub fn problems(read: &Read, template: &Template) -> Vec<Diagnostic> {
    let evaluation = evaluate(template, &context(read, ""));
    let mut found = evaluation.problems;
    if !evaluation.needs.is_empty() {
        // While values are missing, other problems may only follow from that.
        found.retain(|problem| WHATEVER_IS_MISSING.contains(&problem.code));
    }
    in_the_file(found, template, read)
}

/// What is wrong with a reference whatever the values are that only an account knows.
const WHATEVER_IS_MISSING: &[&str] = &["unknown-resource", "unsupported-function", "no-stack", "no-parameter"];

fn context(read: &Read, account_id: &str) -> Context {
    let partition = Partition::of(&read.target.region);
    Context {
        partition: partition.name.to_owned(),
        region: read.target.region.clone(),
        account_id: account_id.to_owned(),
        url_suffix: partition.dns_suffix.to_owned(),
        stack_name: Names::of(&read.service, &read.target.stage, &read.target.region).stack(),
        owner: owner(&read.service, &read.target),
        ..Context::default()
    }
}
