//! The environment of functions: Lambda's size limit and the names that Lambda keeps for itself.

use super::{Checked, EffectiveFunction, function_error};
use crate::config::decode::Cf;
use crate::config::diagnostic::Diagnostic;
use crate::config::language::lambda::{VARIABLE_NAMES, is_of_a_name, is_variable_name};
use crate::config::node::Place;

/// Bytes of all names and values: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.
const MAX_BYTES: usize = 4096;

/// Names that Lambda refuses: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>.
const RESERVED: [&str; 18] = [
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
];

pub(super) fn check(checked: &Checked<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let provider = &checked.service.provider;
    for (name, variable) in &provider.environment.0 {
        short(&format!("provider.environment.{name}"), name, variable.key_place, diagnostics);
        reserved(&format!("provider.environment.{name}"), name, variable.key_place, diagnostics);
    }
    for (name, secret) in &provider.secrets {
        unusable(&format!("provider.secrets.{name}"), name, secret.place, diagnostics);
        reserved(&format!("provider.secrets.{name}"), name, secret.place, diagnostics);
        if let Some(variable) = provider.environment.0.get(name) {
            twice(&format!("provider.secrets.{name}"), secret.place, variable.key_place, diagnostics);
        }
    }
    for one in &checked.functions {
        for (name, variable) in &one.function.environment.0 {
            let path = format!("functions.{}.environment.{name}", one.key);
            short(&path, name, variable.key_place, diagnostics);
            reserved(&path, name, variable.key_place, diagnostics);
        }
        for (name, secret) in &one.function.secrets {
            let path = format!("functions.{}.secrets.{name}", one.key);
            unusable(&path, name, secret.place, diagnostics);
            reserved(&path, name, secret.place, diagnostics);
            if let Some(variable) = one.function.environment.0.get(name) {
                twice(&path, secret.place, variable.key_place, diagnostics);
            }
        }
        diagnostics.extend(size(one));
    }
}

/// Names in an environment: other letters than Lambda takes were told when the file was read.
fn short(path: &str, name: &str, place: Place, diagnostics: &mut Vec<Diagnostic>) {
    if name.chars().all(is_of_a_name) {
        unusable(path, name, place, diagnostics);
    }
}

fn unusable(path: &str, name: &str, place: Place, diagnostics: &mut Vec<Diagnostic>) {
    if !is_variable_name(name) {
        let problem = format!("{path}: Lambda refuses `{name}` as the name of a variable");
        diagnostics.push(Diagnostic::error("bad-format", problem).path(path).at(place).help(VARIABLE_NAMES));
    }
}

fn reserved(path: &str, name: &str, place: Place, diagnostics: &mut Vec<Diagnostic>) {
    if RESERVED.contains(&name) {
        diagnostics.push(
            Diagnostic::error("reserved-variable", format!("{path}: Lambda sets `{name}` itself and refuses it here"))
                .path(path)
                .at(place)
                .help("give the variable another name"),
        );
    }
}

fn twice(path: &str, place: Place, other: crate::config::node::Place, diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.push(
        Diagnostic::error("variable-twice", format!("{path}: the same variable is in `environment`"))
            .path(path)
            .at(place)
            .related("the plain variable", other)
            .help("take one of the two away"),
    );
}

/// Only values that are known now are counted, so what is found is certain.
fn size(one: &EffectiveFunction<'_>) -> Option<Diagnostic> {
    let environment = one.environment();
    too_large(one, environment.iter().map(|(name, value)| (*name, Cf::to_text(value).map_or(0, |text| text.len()))))
}

/// What is wrong with a function whose variables together are too large: their names, with the bytes of each value. Asked
/// twice: of the file, and again when secrets are known, before anything is changed.
pub fn too_large<'a>(
    one: &EffectiveFunction<'_>,
    variables: impl Iterator<Item = (&'a str, usize)>,
) -> Option<Diagnostic> {
    let sizes: Vec<(&str, usize)> = variables.map(|(name, bytes)| (name, name.len() + bytes)).collect();
    let bytes: usize = sizes.iter().map(|(_, bytes)| bytes).sum();
    if bytes <= MAX_BYTES {
        return None;
    }
    let place = if one.function.environment.0.is_empty() {
        one.service.provider.place_of("environment")
    } else {
        one.function.place_of("environment")
    };
    let problem = format!("{bytes} bytes of names and values are more than the {MAX_BYTES} that Lambda allows");
    let mut diagnostic = function_error("environment-too-large", one, "environment", place, problem);
    if let Some((name, bytes)) = sizes.iter().max_by_key(|(_, bytes)| *bytes) {
        diagnostic = diagnostic.help(format!("the largest variable is `{name}` with {bytes} bytes"));
    }
    Some(diagnostic.help("keep large values in a file of the package, in Parameter Store or in S3"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::in_functions;

    #[test]
    fn names_that_lambda_keeps_and_sizes_that_it_refuses() {
        let large = "x".repeat(4100);
        let found = in_functions(&format!(
            "  a: {{handler: a.b, environment: {{AWS_REGION: x, OK: y}}}}\n  b: {{handler: a.b, environment: {{BIG: {large}}}}}\n  c: {{handler: a.b, environment: {{SAME: x}}, secrets: {{SAME: 'ssm:/s'}}}}\n  d: {{handler: a.b, environment: {{A: x, _B: x}}, secrets: {{C: 'ssm:/c'}}}}\n"
        ));
        insta::assert_snapshot!(found, @r"
        4:35 error[reserved-variable] functions.a.environment.AWS_REGION: Lambda sets `AWS_REGION` itself and refuses it here
        5:34 error[environment-too-large] functions.b.environment: 4103 bytes of names and values are more than the 4096 that Lambda allows
        6:61 error[variable-twice] functions.c.secrets.SAME: the same variable is in `environment`
        7:35 error[bad-format] functions.d.environment.A: Lambda refuses `A` as the name of a variable
        7:41 error[bad-format] functions.d.environment._B: Lambda refuses `_B` as the name of a variable
        7:62 error[bad-format] functions.d.secrets.C: Lambda refuses `C` as the name of a variable
        ");
    }
}
