//! `kafka` and `msk`: records of a topic.

use super::stream::StartingPosition;
use crate::config::decode::{Bounded, Cf, FreeMapping, object, text};

text! {
    /// The name of a topic, as Lambda takes it
    /// (<https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html>): one character alone is none.
    pub struct KafkaTopic: "the name of a topic that Lambda takes (2 to 249 letters, digits, `.`, `-` and `_`, the first no `.`)",
        pattern "^[^.][a-zA-Z0-9\\-_.]+$", max 249
}

object! {
    /// Records of a topic of a Kafka cluster of your own.
    pub struct Kafka {
        /// How the cluster is reached.
        access_configurations "accessConfigurations": AccessConfigurations,
        /// Addresses of the cluster.
        bootstrap_servers "bootstrapServers": Vec<Cf>,
        /// The topic.
        topic "topic": KafkaTopic,
        /// Records in one call.
        batch_size "batchSize": Option<Bounded<1, 10000>>,
        /// Seconds that records are gathered.
        maximum_batching_window "maximumBatchingWindow": Option<Bounded<0, 300>>,
        /// Whether records are read.
        enabled "enabled" = true: Option<bool>,
        /// Where reading begins.
        starting_position "startingPosition" = "TRIM_HORIZON": Option<StartingPosition>,
        /// The time at which reading begins, in seconds, with `AT_TIMESTAMP`.
        starting_position_timestamp "startingPositionTimestamp": Option<f64>,
        /// The ARN of a topic, queue or bucket for batches that failed for good.
        on_failure_destination "onFailureDestination": Option<Cf>,
        /// The consumer group.
        consumer_group_id "consumerGroupId": Option<String>,
        /// Which records call the function.
        filter_patterns "filterPatterns": Vec<FreeMapping>,
        /// Pollers that are kept.
        provisioned_poller_config "provisionedPollerConfig": Option<ProvisionedPollers>,
    }
}

object! {
    /// How a cluster is reached: network and secrets.
    pub struct AccessConfigurations {
        /// Subnets.
        vpc_subnet "vpcSubnet": Vec<Cf>,
        /// Security groups.
        vpc_security_group "vpcSecurityGroup": Vec<Cf>,
        /// Secrets for SASL/PLAIN.
        sasl_plain_auth "saslPlainAuth": Vec<Cf>,
        /// Secrets for SASL/SCRAM-256.
        sasl_scram256_auth "saslScram256Auth": Vec<Cf>,
        /// Secrets for SASL/SCRAM-512.
        sasl_scram512_auth "saslScram512Auth": Vec<Cf>,
        /// Secrets with a client certificate.
        client_certificate_tls_auth "clientCertificateTlsAuth": Vec<Cf>,
        /// Secrets with the certificate of the cluster's authority.
        server_root_ca_certificate "serverRootCaCertificate": Vec<Cf>,
    }
}

object! {
    /// Pollers that are kept.
    pub struct ProvisionedPollers {
        /// At least.
        minimum_pollers "minimumPollers": Option<Bounded<1, 1000>>,
        /// At most.
        maximum_pollers "maximumPollers": Option<Bounded<1, 2000>>,
    }
}

object! {
    /// Records of a topic of a cluster of Amazon MSK.
    pub struct Msk {
        /// The ARN of the cluster.
        arn "arn": Cf,
        /// The topic.
        topic "topic": KafkaTopic,
        /// Records in one call.
        batch_size "batchSize": Option<Bounded<1, 10000>>,
        /// Seconds that records are gathered.
        maximum_batching_window "maximumBatchingWindow": Option<Bounded<0, 300>>,
        /// Whether records are read.
        enabled "enabled" = true: Option<bool>,
        /// Where reading begins.
        starting_position "startingPosition" = "TRIM_HORIZON": Option<StartingPosition>,
        /// The time at which reading begins, in seconds, with `AT_TIMESTAMP`.
        starting_position_timestamp "startingPositionTimestamp": Option<f64>,
        /// The secret for SASL/SCRAM-512.
        sasl_scram512 "saslScram512": Option<Cf>,
        /// The consumer group.
        consumer_group_id "consumerGroupId": Option<String>,
        /// Which records call the function.
        filter_patterns "filterPatterns": Vec<FreeMapping>,
        /// Pollers that are kept.
        provisioned_poller_config "provisionedPollerConfig": Option<ProvisionedPollers>,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::decode::{Decode, Decoder, sample};

    #[test]
    fn topics_are_those_that_lambda_takes() {
        let found = |topic: &str| {
            let mut cx = Decoder::new();
            KafkaTopic::decode(&sample::node(topic), &mut cx);
            cx.into_diagnostics().len()
        };
        for good in ["to", "orders.v1", "_a-b"] {
            assert_eq!(found(good), 0, "{good}");
        }
        for bad in ["t", ".orders", "two words", "x".repeat(250).as_str()] {
            assert_eq!(found(bad), 1, "{bad}");
        }
    }
}
