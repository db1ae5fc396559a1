//! Strings with a form that occur in many places: names, ARNs, patterns.

use super::super::decode::text;

text! {
    /// The name of a service; part of every generated name.
    pub struct ServiceName: "a service name (a letter, then letters, digits and hyphens)",
        pattern "^[a-zA-Z][0-9a-zA-Z-]+$"
}

text! {
    /// A stage: `dev`, `prod`.
    pub struct StageName: "a stage name (letters, digits and hyphens)", pattern "^[A-Za-z0-9-]+$"
}

text! {
    /// An AWS region: `eu-central-1`.
    pub struct Region: "an AWS region such as `eu-central-1`", pattern "^[a-z]{2}(-[a-z]+)+-[0-9]$"
}

text! {
    /// The physical name of a function.
    pub struct FunctionName: "a function name (letters, digits, `-` and `_`)", pattern "^[a-zA-Z0-9-_]+$"
}

text! {
    /// A description, up to 256 characters.
    pub struct Description: "a description of up to 256 characters", max 256
}

text! {
    /// The name of an IAM role: up to 64 characters.
    pub struct RoleName: "a role name (letters, digits and `_+=,.@/-`)", pattern "^[A-Za-z0-9/_+=,.@-]{1,64}$"
}

text! {
    /// The path of an IAM role: `/` or `/team/`.
    pub struct RolePath: "a role path that begins and ends with `/`", pattern "^/([!-~]+/)?$"
}

text! {
    /// A key of an ECR image in `provider.ecr.images`.
    pub struct ImageName: "an image name (lower-case letters, digits, `-` and `_`)", pattern "^[a-z][a-z0-9-_]{1,31}$"
}

text! {
    /// The name of a CloudFormation stack.
    pub struct StackName: "a stack name (a letter, then letters, digits and hyphens)",
        pattern "^[a-zA-Z][a-zA-Z0-9-]*$", max 128
}

text! {
    /// The name of a log group.
    pub struct LogGroupName: "a log group name", pattern "^[.\\-_/#A-Za-z0-9]{1,512}$"
}
