//! The language of `serverless.yml`: one declaration per object, from which come struct, decoder and schema.

pub mod api;
pub mod checks;
pub mod custom;
pub mod effective;
pub mod events;
pub mod function;
pub mod hoist;
pub mod iam;
pub mod lambda;
pub mod layer;
pub mod lints;
pub mod names;
pub mod package;
pub mod plugins;
pub mod provider;
pub mod runtimes;
pub mod schema;
pub mod service;
mod strictness;

use super::decode::{Decode, Decoder};
use super::diagnostic::Diagnostic;
use super::node::Node;

pub use checks::Context;
pub use service::Service;

/// Reads a resolved configuration; every problem of its form is in the list.
pub fn decode_service(root: &Node) -> (Option<Service>, Vec<Diagnostic>) {
    let mut cx = Decoder::new();
    let service = Service::decode(root, &mut cx);
    let mut diagnostics = cx.into_diagnostics();
    if let Some(service) = &service {
        strictness::weigh(service, &mut diagnostics);
    }
    (service, diagnostics)
}

/// Reads and checks a resolved configuration: everything that can be said about it before the first AWS call.
pub fn validate(root: &Node, context: &Context<'_>) -> (Option<Service>, Vec<Diagnostic>) {
    let (service, mut diagnostics) = decode_service(root);
    if let Some(service) = &service {
        strictness::gather_unbuilt(&mut diagnostics, context.strict);
        plugins::check(service, context.strict, &mut diagnostics);
        custom::check(service, &mut diagnostics);
        let checked = checks::Checked::new(service, context);
        let mut found = checks::run(&checked);
        found.extend(lints::run(&checked));
        strictness::weigh(service, &mut found);
        diagnostics.append(&mut found);
        strictness::allow(service, &mut diagnostics);
    }
    (service, diagnostics)
}
