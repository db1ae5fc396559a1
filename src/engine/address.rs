//! What a resource is called inside a service.

use std::fmt;

/// A resource type in CloudFormation's vocabulary and the logical id that the Serverless Framework gives it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    /// `AWS::Lambda::Function`
    pub kind: String,
    /// `HelloLambdaFunction`
    pub logical_id: String,
}

impl Address {
    pub fn new(kind: impl Into<String>, logical_id: impl Into<String>) -> Self {
        Self { kind: kind.into(), logical_id: logical_id.into() }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.logical_id)
    }
}
