//! Advice about services that would deploy as they are. One file per lint, one line each in the registry; every code
//! can be allowed in `deploy.allow`.

mod clear_text_secret;
mod credentials_for_all;
mod default_runtime;
mod many_routes;
mod no_timeout;
mod provisioned_latest;
mod timeout_above_gateway;
mod wildcard_resource;

pub use clear_text_secret::looks_secret;

use super::super::diagnostic::Diagnostic;
use super::checks::Checked;

/// One lint.
pub struct Lint {
    /// What `deploy.allow` names.
    pub code: &'static str,
    /// Why it is worth changing, in one sentence.
    pub why: &'static str,
    run: fn(&Checked<'_>, &mut Vec<Diagnostic>),
}

/// Every lint.
pub const LINTS: &[Lint] = &[
    clear_text_secret::LINT,
    credentials_for_all::LINT,
    default_runtime::LINT,
    many_routes::LINT,
    no_timeout::LINT,
    provisioned_latest::LINT,
    timeout_above_gateway::LINT,
    wildcard_resource::LINT,
];

/// Runs every lint.
pub fn run(checked: &Checked<'_>) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for lint in LINTS {
        let from = diagnostics.len();
        (lint.run)(checked, &mut diagnostics);
        for found in diagnostics.iter_mut().skip(from) {
            found.help.push(format!("`deploy: {{allow: [{}]}}` silences this", lint.code));
        }
    }
    diagnostics
}

#[cfg(test)]
pub(super) mod testing {
    use super::super::super::decode::sample;
    use super::super::{Context, decode_service};
    use super::*;

    /// What one lint finds in a file.
    pub fn findings(lint: &Lint, yaml: &str) -> String {
        let (service, diagnostics) = decode_service(&sample::node(yaml));
        assert_eq!(sample::summary(&diagnostics), "");
        let service = service.expect("the sample is a service");
        let context =
            Context { stage: "dev", region: "eu-central-1", strict: false, today: jiff::civil::date(2026, 11, 20) };
        let mut diagnostics = Vec::new();
        (lint.run)(&Checked::new(&service, &context), &mut diagnostics);
        assert!(diagnostics.iter().all(|found| found.code == lint.code), "each lint has one code");
        sample::summary(&diagnostics)
    }

    /// What one lint finds in functions of a service that is fine otherwise.
    pub fn in_functions(lint: &Lint, functions: &str) -> String {
        findings(lint, &format!("service: shop\nprovider: {{name: aws, runtime: nodejs24.x}}\nfunctions:\n{functions}"))
    }
}
