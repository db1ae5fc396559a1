//! The language of `serverless.yml`: one declaration per object, from which come struct, decoder and schema.

pub mod api;
pub mod effective;
pub mod events;
pub mod function;
pub mod hoist;
pub mod iam;
pub mod lambda;
pub mod layer;
pub mod names;
pub mod package;
pub mod plugins;
pub mod provider;
pub mod schema;
pub mod service;
mod strictness;

use super::decode::{Decode, Decoder};
use super::diagnostic::Diagnostic;
use super::node::Node;

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
