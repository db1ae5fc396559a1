//! A file that names no runtime changes its meaning with the version of the tool that reads it.

use super::{Checked, Lint};
use crate::config::diagnostic::Diagnostic;
use crate::config::language::effective::DEFAULT_RUNTIME;

pub(super) const LINT: Lint =
    Lint { code: "default-runtime", why: "the default runtime differs between v3, v4 and osls, and will move on", run };

fn run(checked: &Checked<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let provider = &checked.service.provider;
    if provider.runtime.is_some() {
        return;
    }
    let unnamed = |one: &&super::super::effective::EffectiveFunction<'_>| {
        one.function.runtime.is_none() && one.function.handler.is_some()
    };
    if let Some(first) = checked.functions.iter().find(unnamed) {
        let path = format!("functions.{}", first.key);
        diagnostics.push(
            Diagnostic::warning(LINT.code, format!("{path}: no runtime is named, so it is `{DEFAULT_RUNTIME}`"))
                .path(path)
                .at(checked.service.functions.key_place(first.key).unwrap_or(first.function.place))
                .help("name one in `provider.runtime`"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::findings;
    use super::LINT;

    #[test]
    fn a_runtime_should_be_named() {
        assert_eq!(
            findings(
                &LINT,
                "service: shop\nprovider: aws\nfunctions: {a: {handler: a.b, runtime: ruby3.4}, b: {handler: a.b}}\n"
            ),
            "3:50 warning[default-runtime] functions.b: no runtime is named, so it is `nodejs24.x`"
        );
    }
}
