//! `activemq` and `rabbitmq`: messages of a broker of Amazon MQ.

use crate::config::decode::{Bounded, Cf, FreeMapping, object};

object! {
    /// Messages of an ActiveMQ broker.
    pub struct ActiveMq {
        /// The ARN of the broker.
        arn "arn": Cf,
        /// The queue.
        queue "queue": String,
        /// The ARN of the secret with user and password.
        basic_auth_arn "basicAuthArn": Cf,
        /// Messages in one call.
        batch_size "batchSize": Option<Bounded<1, 10000>>,
        /// Seconds that messages are gathered.
        maximum_batching_window "maximumBatchingWindow": Option<Bounded<0, 300>>,
        /// Whether messages are read.
        enabled "enabled" = true: Option<bool>,
        /// Which messages call the function.
        filter_patterns "filterPatterns": Vec<FreeMapping>,
    }
}

object! {
    /// Messages of a RabbitMQ broker.
    pub struct RabbitMq {
        /// The ARN of the broker.
        arn "arn": Cf,
        /// The queue.
        queue "queue": String,
        /// The ARN of the secret with user and password.
        basic_auth_arn "basicAuthArn": Cf,
        /// The virtual host.
        virtual_host "virtualHost" = "/": Option<String>,
        /// Messages in one call.
        batch_size "batchSize": Option<Bounded<1, 10000>>,
        /// Seconds that messages are gathered.
        maximum_batching_window "maximumBatchingWindow": Option<Bounded<0, 300>>,
        /// Whether messages are read.
        enabled "enabled" = true: Option<bool>,
        /// Which messages call the function.
        filter_patterns "filterPatterns": Vec<FreeMapping>,
    }
}
