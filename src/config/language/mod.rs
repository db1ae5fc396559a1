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
pub mod reference;
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::node::{Data, Entry, FileId, Node, Place};
    use super::*;

    const AT: Place = Place { file: FileId(0), start: 0, end: 0, line: 1, column: 1 };

    /// Keys of every object of the language, so that random trees reach all decoders.
    fn keys() -> Vec<&'static str> {
        let shapes = [
            &Service::SHAPE,
            &provider::Provider::SHAPE,
            &function::Function::SHAPE,
            &events::http::Http::SHAPE,
            &events::schedule::Schedule::SHAPE,
            &events::stream::Stream::SHAPE,
            &events::alb::Alb::SHAPE,
            &api::ApiGateway::SHAPE,
            &api::HttpApi::SHAPE,
            &iam::RoleConfig::SHAPE,
        ];
        let mut keys: Vec<&str> = shapes.into_iter().flat_map(|shape| shape.keys()).collect();
        keys.extend(events::Trigger::KINDS);
        keys.extend(["Ref", "Fn::GetAtt", "f", "unknown"]);
        keys
    }

    fn tree() -> impl Strategy<Value = Node> {
        let leaf = prop_oneof![
            Just(Data::Null),
            any::<bool>().prop_map(Data::Bool),
            any::<i64>().prop_map(Data::Int),
            any::<f64>().prop_map(Data::Float),
            "[a-zA-Z0-9:/ *${}.-]{0,20}".prop_map(Data::String),
            prop_oneof![
                Just("aws"),
                Just("GET /x"),
                Just("arn:aws:sqs:eu-west-1:1:q"),
                Just("rate(1 day)"),
                Just("é€😀")
            ]
            .prop_map(|text| Data::String(text.to_owned())),
            Just(Data::Deferred("${ssm:/x}".to_owned())),
        ]
        .prop_map(|data| Node::new(data, AT));
        leaf.prop_recursive(6, 120, 8, |inner| {
            let entry = (proptest::sample::select(keys()), inner.clone());
            prop_oneof![
                proptest::collection::vec(inner, 0..4).prop_map(Data::List),
                proptest::collection::vec(entry, 0..8).prop_map(|entries| Data::Map(
                    entries.into_iter().map(|(key, value)| (key.to_owned(), Entry { key_place: AT, value })).collect()
                )),
            ]
            .prop_map(|data| Node::new(data, AT))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever a file holds, it is read without a panic, and what cannot be read is said.
        #[test]
        fn any_tree_is_a_service_or_has_errors(provider in tree(), functions in tree(), rest in tree()) {
            let mut map = match rest.data {
                Data::Map(map) => map,
                _ => indexmap::IndexMap::new(),
            };
            let function = Node::new(Data::Map([("f".to_owned(), Entry { key_place: AT, value: functions })].into_iter().collect()), AT);
            let name = Node::new(Data::String("shop".to_owned()), AT);
            for (key, value) in [("service", name), ("provider", provider), ("functions", function)] {
                map.insert(key.to_owned(), Entry { key_place: AT, value });
            }
            let context = Context { stage: "dev", region: "eu-west-1", strict: true, today: jiff::civil::date(2026, 1, 1) };
            let (service, diagnostics) = validate(&Node::new(Data::Map(map), AT), &context);
            let errors = diagnostics.iter().any(|found| found.severity == crate::config::diagnostic::Severity::Error);
            prop_assert!(service.is_some() || errors || diagnostics.is_empty());
        }
    }
}
