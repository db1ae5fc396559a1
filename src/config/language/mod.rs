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
mod misplaced;
pub mod names;
pub mod pace;
pub mod package;
pub mod plugins;
pub mod provider;
pub mod reference;
pub mod releases;
pub mod runtimes;
pub mod scaling;
pub mod schema;
pub mod service;
pub mod stack;
pub mod stages;
mod strictness;

use super::decode::{Decode, Decoder};
use super::diagnostic::{Diagnostic, Severity};
use super::foreign;
use super::node::Node;

pub use checks::Context;
pub use service::Service;
pub use strictness::asked_for;

/// Reads a resolved configuration; every problem of its form is in the list.
pub fn decode_service(root: &Node) -> (Option<Service>, Vec<Diagnostic>) {
    // One message instead of one for each of its keys.
    if let Some(other) = foreign::another_tool(root) {
        return (None, vec![other]);
    }
    let mut cx = Decoder::new();
    let service = Service::decode(root, &mut cx);
    let mut diagnostics = cx.into_diagnostics();
    strictness::with_anchors(root, &mut diagnostics);
    misplaced::explain(&mut diagnostics);
    if service.is_none() {
        // Without it there is nothing to look at, so nothing that is missing can be left at a warning.
        diagnostics.iter_mut().filter(|found| found.code == "needs-account").for_each(|found| {
            found.severity = Severity::Error;
        });
    }
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
    one_of_two(&mut diagnostics);
    // In the order of the file, as a person reads it.
    diagnostics.sort_by_key(|found| found.place.map_or((u32::MAX, 0), |place| (place.file.0, place.start)));
    (service, diagnostics)
}

/// A region that is misspelt so that it has not even the form of one is wrong once, with what was meant.
fn one_of_two(diagnostics: &mut Vec<Diagnostic>) {
    let is_malformed =
        |found: &Diagnostic| found.code == "bad-format" && found.path.as_deref() == Some("provider.region");
    if diagnostics.iter().any(is_malformed)
        && let Some(at) = diagnostics.iter().position(|found| found.code == "region-unknown")
    {
        let Diagnostic { label, help, .. } = diagnostics.remove(at);
        if let Some(malformed) = diagnostics.iter_mut().find(|found| is_malformed(found)) {
            (malformed.label, malformed.help) = (label, help);
        }
    }
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

    /// Every object in the forms that the framework accepts, and nothing to say about any of it.
    #[test]
    fn everything_of_the_language_is_read() {
        let root = super::super::decode::sample::node(include_str!("samples/everything.yml"));
        let context =
            Context { stage: "dev", region: "eu-central-1", strict: true, today: jiff::civil::date(2026, 11, 20) };
        let (service, found) = validate(&root, &context);
        // What has no effect is said, and nothing else.
        insta::assert_snapshot!(super::super::decode::sample::summary(&found), @r"
        71:3 warning[ignored-key] provider.deploymentBucket: has no effect: code, records and the lease are kept in hoist's own bucket, one per account and region
        73:3 warning[ignored-key] provider.deploymentPrefix: has no effect: hoist has its own keys in its own bucket
        128:5 warning[ignored-key] provider.ecr.scanOnPush: has no effect: hoist pushes no images
        129:5 warning[ignored-key] provider.ecr.maxImageCount: has no effect: hoist pushes no images
        ");
        let service = service.expect("a service");
        assert_eq!(service.functions.keys().collect::<Vec<_>>(), ["api", "guard", "worker"]);
        let kinds: std::collections::BTreeSet<&str> = service
            .functions
            .values()
            .flat_map(|function| &function.events)
            .map(|event| event.trigger.kind())
            .collect();
        let missing: Vec<_> = events::Trigger::KINDS.iter().filter(|kind| !kinds.contains(*kind)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    /// What people get wrong, in one file: each is said, at its place, in one run.
    #[test]
    fn all_problems_of_a_file_are_reported_at_once() {
        let file = "service: my shop
provider:
  name: aws
  runtime: nodejs22
  regoin: eu-west-1
  memorySize: 1.5
  logRetentionInDays: 15
functions:
  api:
    handler: src/api.handler
    memorySize: 64
    timeout: 1000
    versionFunction: no
    architecture: arm
    environment: [A, B]
    events:
      - http: GET
      - htpp: GET /x
      - sqs: {arn: arn:aws:sqs:eu-west-1:123456789012:q, batchSize: 0}
      - schedule: rate(1 minutes)
      - s3: {bucket: !Ref Bucket, events: 's3:ObjectCreated:*'}
  worker:
    hadnler: src/worker.handler
    role: [a]
";
        let context =
            Context { stage: "dev", region: "eu-west-1", strict: false, today: jiff::civil::date(2026, 11, 20) };
        let (_, found) = validate(&super::super::decode::sample::node(file), &context);
        insta::assert_snapshot!(super::super::decode::sample::summary(&found), @r"
        1:10 error[bad-format] service: `my shop` is not a service name (a letter, then letters, digits and hyphens)
        4:12 error[runtime-unknown] provider.runtime: `nodejs22` is not a runtime of Lambda
        5:3 error[unknown-key] provider.regoin: unknown key
        6:15 error[wrong-type] provider.memorySize: expected a whole number from 128 to 32768, found the number 1.5
        7:23 error[unknown-value] provider.logRetentionInDays: 15 days is not a retention that CloudWatch Logs has
        11:17 error[out-of-range] functions.api.memorySize: 64 is below the minimum of 128
        12:14 error[out-of-range] functions.api.timeout: 1000 is above the maximum of 900
        13:22 error[wrong-type] functions.api.versionFunction: expected a boolean (`true` or `false`), found the string `no`
        14:19 error[unknown-value] functions.api.architecture: `arm` is not one of `x86_64`, `arm64`
        15:18 error[wrong-type] functions.api.environment: expected a mapping of environment variables, found a list
        17:15 error[bad-format] functions.api.events[0].http: `GET` is not a method and a path
        18:9 error[unknown-key] functions.api.events[1].htpp: unknown key
        19:69 error[out-of-range] functions.api.events[2].sqs.batchSize: 0 is below the minimum of 1
        20:19 error[bad-format] functions.api.events[3].schedule: `rate(1 minutes)` is not a schedule
        21:35 error[unknown-key] functions.api.events[4].s3.events: unknown key
        22:3 error[missing-key] functions.worker: `handler` is missing
        23:5 error[unknown-key] functions.worker.hadnler: unknown key
        24:11 error[wrong-type] functions.worker.role: expected a string or a CloudFormation function, found a list
        ");
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
            prop_assert!(service.is_some() || errors);
        }
    }
}
