//! What is checked across a service before the first AWS call: limits and names of AWS, and parts that do not fit
//! together. One file per subject, one line each in the registry.

mod apis;
mod buckets;
mod code;
mod concurrency;
mod edge;
mod environment;
mod events;
mod names;
mod network;
mod notifications;
mod place;
mod releases;
mod resources;
mod roles;
mod routes;
mod runtime;
mod scaling;
mod urls;

pub use environment::too_large as environment_too_large;

use jiff::civil::Date;

use super::super::decode::Cf;
use super::super::diagnostic::Diagnostic;
use super::super::node::Place;
use super::effective::EffectiveFunction;
use super::service::Service;

/// What is known about the deployment besides the file.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    pub stage: &'a str,
    pub region: &'a str,
    /// Whether plugins that are not built in are errors.
    pub strict: bool,
    /// The day on which runtimes are looked at.
    pub today: Date,
}

/// A service under inspection.
pub struct Checked<'a> {
    pub service: &'a Service,
    pub context: &'a Context<'a>,
    pub functions: Vec<EffectiveFunction<'a>>,
}

/// Takes a service and adds what it finds.
type Check = fn(&Checked<'_>, &mut Vec<Diagnostic>);

const CHECKS: &[Check] = &[
    apis::check,
    buckets::check,
    code::check,
    concurrency::check,
    edge::check,
    environment::check,
    events::check,
    names::check,
    network::check,
    notifications::check,
    place::check,
    releases::check,
    resources::check,
    roles::check,
    routes::check,
    runtime::check,
    scaling::check,
    urls::check,
];

impl<'a> Checked<'a> {
    /// A service and what its functions come to.
    pub fn new(service: &'a Service, context: &'a Context<'a>) -> Self {
        Self { service, context, functions: service.effective_functions(context.stage).collect() }
    }
}

/// Runs every check.
pub fn run(checked: &Checked<'_>) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for check in CHECKS {
        check(checked, &mut diagnostics);
    }
    diagnostics
}

/// An error about a key of a function, in the form `functions.api.timeout: …`.
fn function_error(
    code: &'static str,
    function: &EffectiveFunction<'_>,
    key: &str,
    place: Place,
    problem: impl std::fmt::Display,
) -> Diagnostic {
    let path = if key.is_empty() {
        format!("functions.{}", function.key)
    } else {
        format!("functions.{}.{key}", function.key)
    };
    Diagnostic::error(code, format!("{path}: {problem}")).path(path).at(place)
}

/// The text of a value that is known now.
fn known(value: &Cf) -> Option<&str> {
    value.as_str().filter(|text| !text.contains("${"))
}

#[cfg(test)]
pub(super) mod testing {
    use super::super::super::decode::sample;
    use super::super::decode_service;
    use super::*;

    /// What the checks find in a file that the decoder has nothing to say about.
    pub fn findings(yaml: &str) -> String {
        let (service, diagnostics) = decode_service(&sample::node(yaml));
        assert_eq!(sample::summary(&diagnostics), "");
        let service = service.expect("the sample is a service");
        let context =
            Context { stage: "dev", region: "eu-central-1", strict: false, today: jiff::civil::date(2026, 11, 20) };
        sample::summary(&run(&Checked::new(&service, &context)))
    }

    /// What the checks find in functions of a service that is fine otherwise.
    pub fn in_functions(functions: &str) -> String {
        findings(&format!("service: shop\nprovider: {{name: aws, runtime: nodejs24.x}}\nfunctions:\n{functions}"))
    }
}
