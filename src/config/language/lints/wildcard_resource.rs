//! `Resource: '*'` in a statement that allows something for which AWS knows resources.

use super::{Checked, Lint};
use crate::config::diagnostic::Diagnostic;
use crate::config::language::lambda::Statement;
use crate::config::node::{Data, Node, Place};

pub(super) const LINT: Lint = Lint {
    code: "wildcard-resource",
    why: "a function that may touch every resource of the account makes every mistake and every leak larger",
    run,
};

/// Actions for which AWS accepts only `*`, by their beginnings.
const ONLY_WILDCARD: [&str; 32] = [
    "xray:Put",
    "ec2:Describe",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
    "cloudwatch:PutMetricData",
    "cloudwatch:GetMetric",
    "cloudwatch:ListMetrics",
    "logs:DescribeLogGroups",
    "s3:ListAllMyBuckets",
    "sts:GetCallerIdentity",
    "kms:ListKeys",
    "kms:GenerateRandom",
    "ssm:DescribeParameters",
    "secretsmanager:ListSecrets",
    "secretsmanager:GetRandomPassword",
    "tag:Get",
    "rekognition:Detect",
    "textract:",
    "comprehend:Detect",
    "polly:SynthesizeSpeech",
    "translate:Translate",
    "transcribe:StartTranscriptionJob",
    "acm:ListCertificates",
    "autoscaling:Describe",
    "dynamodb:ListTables",
    "ecr:GetAuthorizationToken",
    "elasticloadbalancing:Describe",
    "iam:ListAccountAliases",
    "lambda:ListFunctions",
    "sns:ListTopics",
];

fn run(checked: &Checked<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let provider = &checked.service.provider;
    let path = if provider.role_config().is_some_and(|config| config.statements.is_some()) {
        "provider.iam.role.statements".to_owned()
    } else {
        "provider.iamRoleStatements".to_owned()
    };
    look(&path, provider.role_statements(), diagnostics);
    for one in &checked.functions {
        look(&format!("functions.{}.iamRoleStatements", one.key), one.own_statements(), diagnostics);
    }
}

fn look(path: &str, statements: &[Statement], diagnostics: &mut Vec<Diagnostic>) {
    for (index, Statement(statement)) in statements.iter().enumerate() {
        if statement.get("Effect").and_then(Node::as_str) != Some("Allow") || statement.get("Condition").is_some() {
            continue;
        }
        let Some(place) = statement.get("Resource").and_then(wildcard) else { continue };
        let actions: Vec<&str> = statement.get("Action").map(texts).unwrap_or_default();
        let narrowable = |action: &&&str| !ONLY_WILDCARD.iter().any(|known| action.starts_with(known));
        let Some(action) = actions.iter().find(narrowable) else { continue };
        let path = format!("{path}[{index}].Resource");
        diagnostics.push(
            Diagnostic::warning(LINT.code, format!("{path}: `*` allows `{action}` on everything in the account"))
                .path(path)
                .at(place)
                .help("name the resources, for instance with `!GetAtt Table.Arn` or an ARN that ends in `/*`"),
        );
    }
}

/// The place of a `*`, alone or in a list.
fn wildcard(node: &Node) -> Option<Place> {
    match &node.data {
        Data::String(text) if text == "*" => Some(node.place),
        Data::List(items) => items.iter().find_map(wildcard),
        _ => None,
    }
}

/// A text or a list of texts.
fn texts(node: &Node) -> Vec<&str> {
    match &node.data {
        Data::String(text) => vec![text.as_str()],
        Data::List(items) => items.iter().filter_map(Node::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::findings;
    use super::LINT;

    #[test]
    fn finds_stars_that_could_be_narrower() {
        let found = findings(
            &LINT,
            "service: shop
provider:
  name: aws
  iamRoleStatements:
    - {Effect: Allow, Action: ['xray:PutTraceSegments', 'ecr:GetAuthorizationToken'], Resource: '*'}
    - {Effect: Allow, Action: 's3:GetObject', Resource: ['arn:aws:s3:::a/*', '*']}
    - {Effect: Deny, Action: 's3:*', Resource: '*'}
functions:
  f: {handler: a.b, iamRoleStatements: [{Effect: Allow, Action: ['dynamodb:*'], Resource: '*'}]}
",
        );
        insta::assert_snapshot!(found, @r"
        6:78 warning[wildcard-resource] provider.iamRoleStatements[1].Resource: `*` allows `s3:GetObject` on everything in the account
        9:91 warning[wildcard-resource] functions.f.iamRoleStatements[0].Resource: `*` allows `dynamodb:*` on everything in the account
        ");
    }
}
