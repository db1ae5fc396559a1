//! The environment of functions: Lambda's size limit and the names that Lambda keeps for itself.

use super::{Checked, function_error};
use crate::config::decode::Cf;
use crate::config::diagnostic::Diagnostic;

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
        reserved(&format!("provider.environment.{name}"), name, variable.key_place, diagnostics);
    }
    for (name, secret) in &provider.secrets {
        reserved(&format!("provider.secrets.{name}"), name, secret.place, diagnostics);
        if let Some(variable) = provider.environment.0.get(name) {
            twice(&format!("provider.secrets.{name}"), secret.place, variable.key_place, diagnostics);
        }
    }
    for one in &checked.functions {
        for (name, variable) in &one.function.environment.0 {
            reserved(&format!("functions.{}.environment.{name}", one.key), name, variable.key_place, diagnostics);
        }
        for (name, secret) in &one.function.secrets {
            let path = format!("functions.{}.secrets.{name}", one.key);
            reserved(&path, name, secret.place, diagnostics);
            if let Some(variable) = one.function.environment.0.get(name) {
                twice(&path, secret.place, variable.key_place, diagnostics);
            }
        }
        size(one, checked, diagnostics);
    }
}

fn reserved(path: &str, name: &str, place: crate::config::node::Place, diagnostics: &mut Vec<Diagnostic>) {
    if RESERVED.contains(&name) {
        diagnostics.push(
            Diagnostic::error("reserved-variable", format!("{path}: Lambda sets `{name}` itself and refuses it here"))
                .path(path)
                .at(place)
                .help("give the variable another name"),
        );
    }
}

fn twice(
    path: &str,
    place: crate::config::node::Place,
    other: crate::config::node::Place,
    diagnostics: &mut Vec<Diagnostic>,
) {
    diagnostics.push(
        Diagnostic::error("variable-twice", format!("{path}: the same variable is in `environment`"))
            .path(path)
            .at(place)
            .related("the plain variable", other)
            .help("take one of the two away"),
    );
}

/// Only values that are known now are counted, so what is found is certain.
fn size(one: &super::EffectiveFunction<'_>, checked: &Checked<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let environment = one.environment();
    let sizes: Vec<(&str, usize)> = environment
        .iter()
        .map(|(name, value)| (*name, name.len() + Cf::to_text(value).map_or(0, |text| text.len())))
        .collect();
    let bytes: usize = sizes.iter().map(|(_, bytes)| bytes).sum();
    if bytes <= MAX_BYTES {
        return;
    }
    let largest = sizes.iter().max_by_key(|(_, bytes)| *bytes);
    let place = if one.function.environment.0.is_empty() {
        checked.service.provider.place_of("environment")
    } else {
        one.function.place_of("environment")
    };
    let problem = format!("{bytes} bytes of names and values are more than the {MAX_BYTES} that Lambda allows");
    let mut diagnostic = function_error("environment-too-large", one, "environment", place, problem);
    if let Some((name, bytes)) = largest {
        diagnostic = diagnostic.help(format!("the largest variable is `{name}` with {bytes} bytes"));
    }
    diagnostics.push(diagnostic.help("keep large values in a file of the package, in Parameter Store or in S3"));
}

#[cfg(test)]
mod tests {
    use super::super::testing::in_functions;

    #[test]
    fn names_that_lambda_keeps_and_sizes_that_it_refuses() {
        let large = "x".repeat(4100);
        let found = in_functions(&format!(
            "  a: {{handler: a.b, environment: {{AWS_REGION: x, OK: y}}}}\n  b: {{handler: a.b, environment: {{BIG: {large}}}}}\n  c: {{handler: a.b, environment: {{S: x}}, secrets: {{S: 'ssm:/s'}}}}\n"
        ));
        insta::assert_snapshot!(found, @r"
        4:35 error[reserved-variable] functions.a.environment.AWS_REGION: Lambda sets `AWS_REGION` itself and refuses it here
        5:34 error[environment-too-large] functions.b.environment: 4103 bytes of names and values are more than the 4096 that Lambda allows
        6:55 error[variable-twice] functions.c.secrets.S: the same variable is in `environment`
        ");
    }
}
