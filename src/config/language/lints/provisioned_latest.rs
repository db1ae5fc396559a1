//! Provisioned concurrency belongs to a version or an alias; Lambda refuses it on `$LATEST`.

use super::{Checked, Lint};
use crate::config::diagnostic::Diagnostic;

pub(super) const LINT: Lint = Lint {
    code: "provisioned-latest",
    why: "Lambda keeps environments warm for versions and aliases only, so `$LATEST` stays cold",
    run,
};

fn run(checked: &Checked<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for one in &checked.functions {
        let Some(provisioned) = &one.function.provisioned_concurrency else { continue };
        if provisioned.alias() == "$LATEST" {
            let path = format!("functions.{}.provisionedConcurrency", one.key);
            diagnostics.push(
                Diagnostic::warning(LINT.code, format!("{path}: Lambda keeps nothing warm on `$LATEST`"))
                    .path(path)
                    .at(one.function.place_of("provisionedConcurrency"))
                    .help("take `alias` away: hoist makes the alias `provisioned` and points every trigger to it"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::in_functions;
    use super::LINT;

    #[test]
    fn finds_the_alias_that_stays_cold() {
        assert_eq!(
            in_functions(
                &LINT,
                "  a: {handler: a.b, provisionedConcurrency: {executions: 2, alias: $LATEST}}\n  b: {handler: a.b, provisionedConcurrency: 2}\n"
            ),
            "4:45 warning[provisioned-latest] functions.a.provisionedConcurrency: Lambda keeps nothing warm on `$LATEST`"
        );
    }
}
