//! `kafka` and `msk`: records of a topic of a Kafka cluster.

use super::super::output::Output;
use super::super::plan::{Plan, Triggered};
use super::super::tree::{self, Properties};
use super::mapping;
use crate::aws::naming;
use crate::config::decode::Cf;
use crate::config::language::events::Trigger;
use crate::config::language::events::kafka::{AccessConfigurations, Kafka, ProvisionedPollers};
use crate::config::language::events::stream::StartingPosition;
use crate::engine::value::Value;

pub(super) fn compile_msk(plan: &Plan, output: &mut Output) {
    let events = plan.events(|trigger| match trigger {
        Trigger::Msk(msk) => Some(msk.as_ref()),
        _ => None,
    });
    for event in events {
        let (function, msk) = (event.function, event.settings);
        let position = position(&event, msk.starting_position, msk.places.get(mapping::TIMESTAMP).is_some(), output);
        let access = msk.sasl_scram512.as_ref().map(|secret| vec![access("SASL_SCRAM_512_AUTH", secret.into())]);
        let group = msk.consumer_group_id.as_deref().map(|id| Properties::new().with("ConsumerGroupId", id));
        let properties = mapping::properties(function, msk.enabled)
            .with("EventSourceArn", &msk.arn)
            .with("StartingPosition", position.as_str())
            .maybe("StartingPositionTimestamp", msk.starting_position_timestamp.map(tree::decimal))
            .with("Topics", vec![msk.topic.as_str()])
            .maybe("BatchSize", msk.batch_size.map(|size| size.get()))
            .maybe("MaximumBatchingWindowInSeconds", msk.maximum_batching_window.map(|seconds| seconds.get()))
            .maybe("AmazonManagedKafkaEventSourceConfig", group)
            .maybe("SourceAccessConfigurations", access)
            .maybe("FilterCriteria", mapping::filters(&msk.filter_patterns))
            .maybe("ProvisionedPollerConfig", msk.provisioned_poller_config.as_ref().map(pollers));
        output.grant(function, &["kafka:DescribeCluster", "kafka:GetBootstrapBrokers"], [Value::from(&msk.arn)]);
        output.grant(function, mapping::NETWORK_ACTIONS, ["*".into()]);
        if let Some(secret) = &msk.sasl_scram512 {
            output.grant(function, mapping::SECRET_ACTIONS, [secret.into()]);
        }
        let cluster = cut(&cluster_name(&msk.arn), 79);
        let logical_id = naming::mapping(function.key, "MSK", &format!("{cluster}{}", cut(&msk.topic, 79)));
        output.add(logical_id, mapping::resource(function, properties));
    }
}

/// The name in an ARN of a cluster, `arn:aws:kafka:region:account:cluster/<name>/<id>`.
fn cluster_name(arn: &Cf) -> String {
    match arn.as_str().and_then(|text| text.split('/').nth(1)) {
        Some(name) => name.to_owned(),
        None => tree::source_name(arn),
    }
}

/// A name as part of a logical id, which has at most 255 characters in all.
fn cut(name: &str, length: usize) -> String {
    naming::plain(name).chars().take(length).collect()
}

pub(super) fn compile_kafka(plan: &Plan, output: &mut Output) {
    let events = plan.events(|trigger| match trigger {
        Trigger::Kafka(kafka) => Some(kafka.as_ref()),
        _ => None,
    });
    for event in events {
        let (function, kafka) = (event.function, event.settings);
        let position =
            position(&event, kafka.starting_position, kafka.places.get(mapping::TIMESTAMP).is_some(), output);
        let access = accesses(&event, output);
        let servers: Vec<Value> = kafka.bootstrap_servers.iter().map(Into::into).collect();
        let endpoints = Properties::new().with("KafkaBootstrapServers", Value::List(servers));
        let group = kafka.consumer_group_id.as_deref().map(|id| Properties::new().with("ConsumerGroupId", id));
        let failures = kafka.on_failure_destination.as_ref().map(|arn| {
            let objects = arn.as_str().filter(|arn| arn.contains(":s3:")).map(|arn| format!("{arn}/*").into());
            output.grant(function, failure_actions(arn), std::iter::once(Value::from(arn)).chain(objects));
            Properties::new().with("OnFailure", Properties::new().with("Destination", arn))
        });
        let properties = mapping::properties(function, kafka.enabled)
            .with("StartingPosition", position.as_str())
            .maybe("StartingPositionTimestamp", kafka.starting_position_timestamp.map(tree::decimal))
            .with("SelfManagedEventSource", Properties::new().with("Endpoints", endpoints))
            .with("Topics", vec![kafka.topic.as_str()])
            .with("SourceAccessConfigurations", Value::List(access))
            .maybe("BatchSize", kafka.batch_size.map(|size| size.get()))
            .maybe("MaximumBatchingWindowInSeconds", kafka.maximum_batching_window.map(|seconds| seconds.get()))
            .maybe("SelfManagedKafkaEventSourceConfig", group)
            .maybe("DestinationConfig", failures)
            .maybe("FilterCriteria", mapping::filters(&kafka.filter_patterns))
            .maybe("ProvisionedPollerConfig", kafka.provisioned_poller_config.as_ref().map(pollers));
        let logical_id = naming::mapping(function.key, "Kafka", &cut(&kafka.topic, 158));
        output.add(logical_id, mapping::resource(function, properties));
    }
}

/// What a function needs to hand a failed batch over: to a topic, a queue or a bucket, told by its ARN
/// (<https://docs.aws.amazon.com/lambda/latest/dg/kafka-on-failure.html>).
fn failure_actions(arn: &Cf) -> &'static [&'static str] {
    match arn.as_str() {
        Some(arn) if arn.contains(":sns:") => &["sns:Publish"],
        Some(arn) if arn.contains(":s3:") => &["s3:PutObject", "s3:ListBucket"],
        Some(arn) if arn.contains(":sqs:") => &["sqs:SendMessage"],
        _ => &["sns:Publish", "sqs:SendMessage"],
    }
}

/// The ways to reach a cluster: the type of AWS, what stands before the value, and whether the value is a secret.
type Access = (&'static str, &'static str, bool, fn(&AccessConfigurations) -> &Vec<Cf>);

const ACCESSES: &[Access] = &[
    ("VPC_SUBNET", "subnet:", false, |access| &access.vpc_subnet),
    ("VPC_SECURITY_GROUP", "security_group:", false, |access| &access.vpc_security_group),
    ("BASIC_AUTH", "", true, |access| &access.sasl_plain_auth),
    ("SASL_SCRAM_256_AUTH", "", true, |access| &access.sasl_scram256_auth),
    ("SASL_SCRAM_512_AUTH", "", true, |access| &access.sasl_scram512_auth),
    ("CLIENT_CERTIFICATE_TLS_AUTH", "", true, |access| &access.client_certificate_tls_auth),
    ("SERVER_ROOT_CA_CERTIFICATE", "", true, |access| &access.server_root_ca_certificate),
];

fn accesses(event: &Triggered<Kafka>, output: &mut Output) -> Vec<Value> {
    let configurations = &event.settings.access_configurations;
    let mut all = Vec::new();
    for (kind, prefix, is_secret, values) in ACCESSES {
        for value in values(configurations) {
            let uri = match (prefix.is_empty(), value.as_str()) {
                (true, _) => value.into(),
                (false, Some(text)) => Value::String(format!("{prefix}{text}")),
                (false, None) => tree::join("", vec![(*prefix).into(), value.into()]),
            };
            all.push(access(kind, uri));
            if *is_secret {
                output.grant(event.function, mapping::SECRET_ACTIONS, [value.into()]);
            } else {
                output.grant(event.function, mapping::NETWORK_ACTIONS, ["*".into()]);
            }
        }
    }
    if configurations.vpc_subnet.is_empty() != configurations.vpc_security_group.is_empty() {
        output.problem(
            event
                .problem("missing-key", "subnets and security groups belong together")
                .help("give both `vpcSubnet` and `vpcSecurityGroup`"),
        );
    }
    all
}

fn access(kind: &str, uri: Value) -> Value {
    Properties::new().with("Type", kind).with("URI", uri).into()
}

fn pollers(config: &ProvisionedPollers) -> Properties {
    Properties::new()
        .maybe("MinimumPollers", config.minimum_pollers.map(|count| count.get()))
        .maybe("MaximumPollers", config.maximum_pollers.map(|count| count.get()))
}

/// Where reading begins; `AT_TIMESTAMP` needs the time, which may be one that only an account knows.
fn position<T>(
    event: &Triggered<T>,
    position: Option<StartingPosition>,
    has_timestamp: bool,
    output: &mut Output,
) -> StartingPosition {
    let position = position.unwrap_or(StartingPosition::TrimHorizon);
    if position == StartingPosition::AtTimestamp && !has_timestamp {
        output.problem(
            event
                .problem("missing-key", "`startingPosition: AT_TIMESTAMP` needs a time")
                .help("add `startingPositionTimestamp`, in seconds since 1970"),
        );
    }
    position
}
