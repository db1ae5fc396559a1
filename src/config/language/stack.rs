//! What the stack of raw `resources:` has beside its template.

use super::super::decode::{Bounded, Cf, object};

object! {
    /// A parameter of the stack.
    pub struct StackParameter {
        /// Its name, as `resources.Parameters` has it.
        name "ParameterKey": String,
        /// Its value.
        value "ParameterValue": Option<Cf>,
    }
    noted {
        "UsePreviousValue": "hoist sets every value of the file anew; without one the default counts",
        "ResolvedValue": "CloudFormation finds it by itself"
    }
}

object! {
    /// Alarms that turn a change of the stack back.
    pub struct RollbackConfiguration {
        /// The alarms.
        triggers "RollbackTriggers": Vec<RollbackTrigger>,
        /// How long they are watched after the change, in minutes.
        minutes "MonitoringTimeInMinutes": Option<Bounded<0, 180>>,
    }
}

object! {
    /// An alarm that turns a change of the stack back.
    pub struct RollbackTrigger {
        /// The ARN of the alarm.
        arn "Arn": Cf,
        /// `AWS::CloudWatch::Alarm` or `AWS::CloudWatch::CompositeAlarm`.
        kind "Type": String,
    }
}
