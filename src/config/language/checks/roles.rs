//! Generated roles: their names, and statements that nothing would have.

use super::{Checked, function_error};
use crate::config::diagnostic::Diagnostic;
use crate::config::language::effective::RoleChoice;
use crate::config::language::iam::Role;

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const MAX_ROLE_NAME: usize = 64;

pub(super) fn check(checked: &Checked<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let service = checked.service;
    let provider = &service.provider;
    let (stage, region) = (checked.context.stage, checked.context.region);
    let shared = checked.functions.iter().any(|one| matches!(one.role(), RoleChoice::Shared));
    if shared && provider.role_config().is_none_or(|config| config.name.is_none()) {
        let name = format!("{}-{stage}-{region}-lambdaRole", service.name());
        let length = name.chars().count();
        if length > MAX_ROLE_NAME {
            diagnostics.push(
                Diagnostic::error(
                    "name-too-long",
                    format!("service: the role's name `{name}` has {length} characters, more than the {MAX_ROLE_NAME} that IAM allows"),
                )
                .path("service")
                .at(service.place_of("service"))
                .help("give the role a name in `provider.iam.role.name`, or shorten the service's"),
            );
        }
    }
    for one in &checked.functions {
        let function = one.function;
        let config = function.iam.as_ref().and_then(|iam| iam.role.as_ref());
        let named = function.iam_role_statements_name.is_some()
            || matches!(config, Some(Role::Generated(config)) if config.name.is_some());
        if let Some(name) = function.iam_role_statements_name.as_deref()
            && name.chars().count() > MAX_ROLE_NAME
        {
            diagnostics.push(function_error(
                "name-too-long",
                one,
                "iamRoleStatementsName",
                function.place_of("iamRoleStatementsName"),
                format!("`{name}` has more than the {MAX_ROLE_NAME} characters that IAM allows"),
            ));
        }
        if matches!(one.role(), RoleChoice::Own) && !named {
            // Without its last part, if need be: see the names of the compile stage.
            let name = format!("{}-{stage}-{}-{region}", service.name(), one.key);
            let length = name.chars().count();
            if length > MAX_ROLE_NAME {
                let place = service.functions.key_place(one.key).unwrap_or(function.place);
                let problem = format!(
                    "the role's name `{name}` has {length} characters, more than the {MAX_ROLE_NAME} that IAM allows"
                );
                diagnostics.push(
                    function_error("name-too-long", one, "", place, problem)
                        .help("give the role a name in `iamRoleStatementsName`"),
                );
            }
        }
        if function.role.is_some() && function.iam_role_statements.is_some() {
            diagnostics.push(
                function_error(
                    "role-and-statements",
                    one,
                    "iamRoleStatements",
                    function.place_of("iamRoleStatements"),
                    "a function with a `role` of its own gets no statements",
                )
                .related("the role", function.place_of("role"))
                .help("take one of the two away"),
            );
        }
    }
    let statements = provider.iam_role_statements.is_some();
    if let Some(role) = provider.existing_role().filter(|_| statements) {
        diagnostics.push(
            Diagnostic::warning(
                "role-and-statements",
                "provider.iamRoleStatements: without effect, because the functions have a role that is there already",
            )
            .path("provider.iamRoleStatements")
            .at(provider.place_of("iamRoleStatements"))
            .related("the role", role.place()),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{findings, in_functions};

    #[test]
    fn the_generated_name_fits() {
        let service = "s".repeat(40);
        let found = findings(&format!(
            "service: {service}\nprovider: {{name: aws, runtime: nodejs24.x}}\nfunctions: {{f: {{handler: a.b}}}}\n"
        ));
        assert!(found.starts_with("1:10 error[name-too-long] service: the role's name"), "{found}");
    }

    #[test]
    fn the_generated_name_of_an_own_role_fits() {
        let key = "f".repeat(48);
        let found = in_functions(&format!("  {key}: {{handler: a.b, iamRoleStatements: []}}\n"));
        assert!(found.starts_with("4:3 error[name-too-long]") && found.contains("has 70 characters"), "{found}");
        let named =
            in_functions(&format!("  {key}: {{handler: a.b, iamRoleStatements: [], iamRoleStatementsName: x}}\n"));
        assert_eq!(named, "");
    }

    #[test]
    fn statements_need_a_generated_role() {
        assert_eq!(
            in_functions("  f: {handler: a.b, role: arn:aws:iam::123456789012:role/x, iamRoleStatements: []}\n"),
            "4:80 error[role-and-statements] functions.f.iamRoleStatements: a function with a `role` of its own gets no statements"
        );
    }
}
