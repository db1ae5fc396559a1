//! From a `Service` to a `Template`: one file per feature, listed in [`FEATURES`].

mod apis;
pub mod artifacts;
mod code_deploy;
mod domains;
mod events;
mod functions;
mod invoke;
mod layers;
mod logs;
mod output;
mod plan;
mod resources;
mod role;
mod scaling;
mod tree;
mod urls;
mod versions;

use crate::config::diagnostic::Diagnostic;
use crate::config::language::Service;
use crate::config::language::pace::Pace;

use self::output::Output;
use self::plan::Plan;
use super::intrinsics::Owner;
use super::template::Template;

pub use self::artifacts::{Artifact, Artifacts};
pub use self::tree::from_node;

/// What a service is compiled for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// The stage: `--stage`, else `provider.stage`, else `dev`.
    pub stage: String,
    /// The region: `--region`, else `provider.region`, else `us-east-1`.
    pub region: String,
    /// The commit that the service's directory stands at, for the description of published versions.
    pub commit: Option<String>,
    /// How traffic moves instead of as the file says: `--canary`.
    pub pace: Option<Pace>,
}

/// What came of compiling a service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compiled {
    pub template: Template,
    /// Everything that is wrong, or worth a warning, in the order of the features.
    pub problems: Vec<Diagnostic>,
}

/// One feature of the language: what it adds to the template.
struct Feature {
    compile: fn(&Plan, &mut Output),
}

/// Every feature, in the order in which the framework compiles them. A later one may look at what earlier ones made.
const FEATURES: &[Feature] = &[
    Feature { compile: logs::compile },
    Feature { compile: layers::compile },
    Feature { compile: functions::compile },
    Feature { compile: versions::compile },
    Feature { compile: scaling::compile },
    Feature { compile: code_deploy::compile },
    Feature { compile: urls::compile },
    Feature { compile: invoke::compile },
    Feature { compile: events::compile },
    Feature { compile: apis::compile },
    Feature { compile: domains::mappings },
    Feature { compile: role::compile },
    // Last: what the file says about generated resources is laid over them.
    Feature { compile: resources::compile },
    Feature { compile: apis::finish },
];

/// Compiles a service. Nothing is read but the service: files, network and clock play no part.
pub fn compile(service: &Service, target: &Target) -> Compiled {
    let plan = Plan::new(service, target);
    let mut output = Output::new(&plan);
    for feature in FEATURES {
        (feature.compile)(&plan, &mut output);
    }
    output.finish()
}

/// Compiles the custom domains themselves, which outlive what is mapped to them. `only_automatic` leaves out those that a
/// deploy does not make.
pub fn compile_domains(service: &Service, target: &Target, only_automatic: bool) -> Compiled {
    let plan = Plan::new(service, target);
    let mut output = Output::new(&plan);
    domains::domains(&plan, only_automatic, &mut output);
    output.finish()
}

/// Whose everything is that a service makes, with the tags that the file wants on all of it.
pub fn owner(service: &Service, target: &Target) -> Owner {
    let stack_tags =
        service.provider.stack_tags.iter().map(|(key, value)| (key.clone(), tree::as_text(value))).collect();
    Owner { service: service.name().to_owned(), stage: target.stage.clone(), stack_tags }
}

#[cfg(test)]
mod tests;
