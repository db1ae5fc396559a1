//! What the errors of AWS mean for the call that met them: one line per signature, the first that fits counts.
//!
//! What no line names is decided by how the request ended: a connection that broke and the statuses 500 to 504 are
//! tried again, whatever else was answered is final. Status codes alone say too little: throttles arrive as 400,
//! and one name (`ResourceConflictException`, `LimitExceededException`) means several things.

use crate::engine::retry::Class::{self, Busy, Final, Propagating, Server, Throttled};
use crate::engine::retry::{Rule, Table};

const fn rule(service: &'static str, operation: &'static str, code: &'static str, class: Class) -> Rule {
    Rule::new(service, operation, code, class)
}

const RULES: &[Rule] = &[
    // A role counts for Lambda 7 to 12 s after it was made, at worst after minutes.
    rule("lambda", "*", "InvalidParameterValueException", Propagating)
        .message("cannot be assumed by Lambda")
        .waiting_for("IAM"),
    // The role can be assumed already, its policy does not count yet. That takes seconds, and most often it is simply not
    // in the policy: nobody should wait five minutes to hear that.
    rule("lambda", "*", "InvalidParameterValueException", Propagating)
        .message("execution role does not have permissions")
        .within(120)
        .waiting_for("IAM"),
    rule("lambda", "*", "InvalidParameterValueException", Propagating)
        .message("ensure the role can perform")
        .within(120)
        .waiting_for("IAM"),
    rule("lambda", "*", "InvalidParameterValueException", Propagating)
        .message("does not have permissions to call")
        .within(120)
        .waiting_for("IAM"),
    rule("lambda", "*", "InvalidParameterValueException", Propagating)
        .message("Cannot access stream")
        .within(120)
        .waiting_for("IAM"),
    rule("lambda", "*", "InvalidParameterValueException", Propagating)
        .message("KMS key is invalid for CreateGrant")
        .waiting_for("the key's grant"),
    rule("lambda", "*", "KMSAccessDeniedException", Propagating).waiting_for("IAM"),
    // Functions in a VPC share EC2's own limits: minutes, and not our quota.
    rule("lambda", "*", "EC2ThrottledException", Busy).within(840).waiting_for("EC2 network interfaces"),
    rule("lambda", "*", "*", Busy).message("throttled by EC2").within(840).waiting_for("EC2 network interfaces"),
    // Two things under one name: the same name again ("Function already exist: x"), and a change that still runs.
    rule("lambda", "*", "ResourceConflictException", Final).message("already exist"),
    rule("lambda", "*", "ResourceConflictException", Final).message("statement id"),
    rule("lambda", "*", "ResourceConflictException", Busy).waiting_for("the function's last update"),
    rule("lambda", "*", "*", Busy).message("concurrent update operation").waiting_for("the function's last update"),
    rule("lambda", "*", "ResourceInUseException", Busy).within(300).waiting_for("the mapping's last change"),
    // Lambda@Edge keeps replicas for hours: no use to wait.
    rule("lambda", "DeleteFunction", "InvalidParameterValueException", Final).message("replicated function"),
    // A function that was made moments ago is not everywhere yet.
    rule("lambda", "*", "ResourceNotFoundException", Propagating).within(60).waiting_for("the new function"),
    // A policy that names a role made moments ago.
    rule("*", "*", "*", Propagating).message("Invalid principal in policy").within(120).waiting_for("IAM"),
    rule("*", "*", "*", Propagating).message("invalid principals").within(120).waiting_for("IAM"),
    rule("sns", "*", "InvalidParameter", Propagating).message("PrincipalNotFound").within(120).waiting_for("IAM"),
    rule("sqs", "*", "*", Propagating).message("Invalid value for the parameter Policy").within(120).waiting_for("IAM"),
    rule("scheduler", "*", "ValidationException", Propagating)
        .message("must allow AWS EventBridge Scheduler to assume the role")
        .waiting_for("IAM"),
    // A role that was made moments ago is not everywhere yet.
    rule("iam", "*", "NoSuchEntity", Propagating).within(60).waiting_for("the new role"),
    // IAM changes one entity at a time.
    rule("iam", "*", "ConcurrentModification", Busy).within(60),
    rule("iam", "*", "ConcurrentModificationException", Busy).within(60),
    rule("iam", "*", "EntityTemporarilyUnmodifiable", Busy).within(60),
    rule("iam", "*", "UnmodifiableEntity", Final),
    // A policy that was just taken away may still count as there.
    rule("iam", "DeleteRole", "DeleteConflict", Busy).within(20).waiting_for("IAM"),
    // The same string is a wrong permission for good: it is tried for a moment only.
    rule("s3", "PutBucketNotificationConfiguration", "InvalidArgument", Propagating)
        .message("Unable to validate the following destination configurations")
        .within(30)
        .waiting_for("the function's permission"),
    rule("s3", "*", "OperationAborted", Busy).within(120).waiting_for("another change of the bucket"),
    // 409 of a conditional write: somebody else was writing, and who won shows in the next answer.
    rule("s3", "*", "ConditionalRequestConflict", Busy).within(30),
    rule("s3", "*", "NoSuchBucket", Propagating).within(60).waiting_for("the new bucket"),
    rule("s3", "*", "SlowDown", Throttled),
    rule("apigateway", "*", "*", Busy).message("concurrent modification"),
    rule("apigatewayv2", "*", "*", Busy).message("concurrent modification"),
    // The role of the logs, made moments ago.
    rule("apigateway", "UpdateAccount", "BadRequestException", Propagating)
        .message("The role ARN does not have required permissions")
        .within(120)
        .waiting_for("IAM"),
    // One deletion in 30 s for the account, whoever else deletes.
    rule("apigateway", "DeleteRestApi", "TooManyRequestsException", Throttled).within(600),
    rule("logs", "*", "OperationAbortedException", Busy).within(120).waiting_for("another change of the log group"),
    // The function's permission for the log group counts a moment later.
    rule("logs", "PutSubscriptionFilter", "InvalidParameterException", Propagating)
        .message("Could not execute the lambda function")
        .within(60)
        .waiting_for("the function's permission"),
    // The balancer asks whether it may call the function: it may, a moment later.
    rule("elbv2", "RegisterTargets", "*", Propagating)
        .message("does not have permission to invoke")
        .within(60)
        .waiting_for("the function's permission"),
    rule("elbv2", "DeleteTargetGroup", "ResourceInUse", Busy).within(60).waiting_for("the listener to let it go"),
    rule("cloudfront", "*", "InvalidLambdaFunctionAssociation", Propagating)
        .message("must be assumable")
        .waiting_for("IAM"),
    rule("cloudfront", "*", "FunctionInUse", Busy).within(120).waiting_for("the distribution to let it go"),
    rule("cloudfront", "*", "CachePolicyInUse", Busy).within(120).waiting_for("the distribution to let it go"),
    rule("logs", "*", "ServiceUnavailableException", Server),
    rule("events", "*", "ConcurrentModificationException", Busy).within(120),
    rule("cognito-idp", "*", "ConcurrentModificationException", Busy)
        .within(120)
        .waiting_for("another change of the pool"),
    rule("iot", "*", "ConflictingResourceUpdateException", Busy).within(120),
    rule("iot", "*", "InvalidRequestException", Propagating)
        .message("during lambda validation")
        .within(60)
        .waiting_for("the function's permission"),
    // The consumer of that name is on its way out.
    rule("kinesis", "RegisterStreamConsumer", "ResourceInUseException", Busy)
        .within(120)
        .waiting_for("the old consumer of that name to end"),
    // Five at a time may be in the making; the same name says that a stream has no room for more.
    rule("kinesis", "RegisterStreamConsumer", "LimitExceededException", Throttled).within(60),
    // One change of a target at a time; and a version that has just been given environments is not seen at once.
    rule("application-autoscaling", "*", "ConcurrentUpdateException", Busy)
        .within(120)
        .waiting_for("another change of the scalable target"),
    rule("application-autoscaling", "*", "FailedResourceAccessException", Propagating).waiting_for("IAM"),
    rule("application-autoscaling", "PutScalingPolicy", "ObjectNotFoundException", Propagating)
        .within(60)
        .waiting_for("the new scalable target"),
    // A role that was made moments ago; and a topic whose policy was.
    rule("codedeploy", "*", "InvalidRoleException", Propagating).message("assume").waiting_for("IAM"),
    rule("codedeploy", "*", "InvalidTriggerConfigException", Propagating).within(60).waiting_for("the new topic"),
    // One at a time for a group. Lists of what runs may lag behind.
    rule("codedeploy", "CreateDeployment", "DeploymentLimitExceededException", Busy)
        .within(300)
        .waiting_for("another deployment of the group to end"),
    rule("sqs", "CreateQueue", "AWS.SimpleQueueService.QueueDeletedRecently", Busy)
        .within(70)
        .waiting_for("SQS to forget the old queue of that name"),
    rule("sqs", "CreateQueue", "QueueDeletedRecently", Busy)
        .within(70)
        .waiting_for("SQS to forget the old queue of that name"),
    // Throttles by all their names; most arrive as HTTP 400.
    rule("*", "*", "Throttling", Throttled),
    rule("*", "*", "ThrottlingException", Throttled),
    rule("*", "*", "ThrottledException", Throttled),
    rule("*", "*", "RequestThrottled", Throttled),
    rule("*", "*", "RequestThrottledException", Throttled),
    rule("*", "*", "TooManyRequestsException", Throttled),
    rule("*", "*", "RequestLimitExceeded", Throttled),
    rule("*", "*", "PriorRequestNotComplete", Throttled),
    rule("*", "*", "BandwidthLimitExceeded", Throttled),
    rule("*", "*", "ProvisionedThroughputExceededException", Throttled),
    rule("*", "*", "TransactionInProgressException", Busy),
    // A quota that is used up, or a throttle: only the text tells.
    rule("*", "*", "LimitExceededException", Throttled).message("rate exceeded"),
    rule("*", "*", "LimitExceededException", Final),
    rule("*", "*", "*", Throttled).message("Rate exceeded"),
    // Something between here and AWS that changes answers is no weather that passes.
    rule("*", "*", "*", Server).message("gave an answer that cannot be read").within(15),
    // Half a minute of silence each: twice is enough.
    rule("*", "*", "*", Server).message("did not answer in time").within(20),
    // The service failed, with a status below 500.
    rule("*", "*", "InternalFailure", Server),
    rule("*", "*", "InternalError", Server),
    rule("*", "*", "ServiceException", Server),
    rule("*", "*", "ServiceUnavailable", Server),
    rule("*", "*", "RequestTimeout", Server),
    rule("*", "*", "RequestTimeoutException", Server),
    rule("*", "*", "IDPCommunicationError", Server),
];

/// The retry table of AWS, with the engine's budgets.
pub fn table() -> Table {
    Table::new(RULES.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::retry::{CallError, Fate};

    /// Answers as services really gave them: service, operation, status, code, message.
    const RECORDED: &[(&str, &str, u16, &str, &str, Class)] = &[
        (
            "lambda",
            "CreateFunction",
            400,
            "InvalidParameterValueException",
            "The role defined for the function cannot be assumed by Lambda.",
            Propagating,
        ),
        (
            "lambda",
            "CreateEventSourceMapping",
            400,
            "InvalidParameterValueException",
            "The provided execution role does not have permissions to call ReceiveMessage on SQS",
            Propagating,
        ),
        (
            "lambda",
            "CreateEventSourceMapping",
            400,
            "InvalidParameterValueException",
            "Cannot access stream arn:aws:dynamodb:eu-west-1:1:table/t/stream/2020. Please ensure the role can \
             perform the GetRecords, GetShardIterator, DescribeStream, and ListStreams Actions on your stream in IAM.",
            Propagating,
        ),
        (
            "lambda",
            "UpdateFunctionCode",
            409,
            "ResourceConflictException",
            "The operation cannot be performed at this time. An update is in progress for resource: \
             arn:aws:lambda:us-east-1:1:function:f",
            Busy,
        ),
        (
            "lambda",
            "PublishVersion",
            409,
            "ResourceConflictException",
            "The operation cannot be performed at this time. The function is currently in the following state: Pending",
            Busy,
        ),
        // Not among what is documented to fail then; if it does, it is sent again.
        (
            "lambda",
            "AddPermission",
            409,
            "ResourceConflictException",
            "The operation cannot be performed at this time. The function is currently in the following state: Pending",
            Busy,
        ),
        ("lambda", "CreateFunction", 409, "ResourceConflictException", "Function already exist: f", Final),
        (
            "lambda",
            "AddPermission",
            409,
            "ResourceConflictException",
            "The statement id (hoist-x) provided already exists. Please provide a new statement id, or remove the \
             existing statement.",
            Final,
        ),
        (
            "lambda",
            "AddPermission",
            409,
            "ResourceConflictException",
            "The function could not be updated due to a concurrent update operation.",
            Busy,
        ),
        (
            "lambda",
            "DeleteFunction",
            400,
            "InvalidParameterValueException",
            "Lambda was unable to delete f:1 because it is a replicated function.",
            Final,
        ),
        (
            "lambda",
            "CreateFunction",
            400,
            "InvalidParameterValueException",
            "'memorySize' is not a multiple of 1",
            Final,
        ),
        ("iam", "GetRole", 400, "Throttling", "Rate exceeded", Throttled),
        ("logs", "PutRetentionPolicy", 400, "ThrottlingException", "Rate exceeded", Throttled),
        ("apigateway", "DeleteRestApi", 429, "TooManyRequestsException", "Too Many Requests", Throttled),
        (
            "apigateway",
            "PutRestApi",
            409,
            "ConflictException",
            "Unable to complete operation due to concurrent modification. Please try again later.",
            Busy,
        ),
        (
            "s3",
            "PutBucketNotificationConfiguration",
            400,
            "InvalidArgument",
            "Unable to validate the following destination configurations",
            Propagating,
        ),
        ("sqs", "SetQueueAttributes", 500, "", "", Server),
        ("lambda", "PublishLayerVersion", 400, "CodeStorageExceededException", "Code storage limit exceeded.", Final),
        ("logs", "CreateLogGroup", 400, "LimitExceededException", "Resource limit exceeded.", Final),
        ("iam", "CreateRole", 409, "LimitExceeded", "Cannot exceed quota for RolesPerAccount: 1000", Final),
        ("iam", "CreateRole", 409, "EntityAlreadyExists", "Role with name r already exists.", Final),
    ];

    #[test]
    fn recorded_answers_are_understood() {
        let table = table();
        for (service, operation, status, code, message, class) in RECORDED {
            let mut error = CallError::new(service, operation, Fate::Answered(*status), *message);
            if !code.is_empty() {
                error = error.code(*code);
            }
            assert_eq!(table.classify(&error), *class, "{service}.{operation} {code}: {message}");
        }
    }
}
