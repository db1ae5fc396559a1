//! What a command may need to be allowed: from the kinds' own lists and the calls that commands make besides. This is
//! where `docs/permissions.md` comes from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde_json::{Value as Json, json};

use crate::engine::kind::{Kind, Step};

const BUCKET: &str = "arn:${Partition}:s3:::hoist-${Account}-${Region}";
const OBJECTS: &str = "arn:${Partition}:s3:::hoist-${Account}-${Region}/*";
const FUNCTIONS: &str = "arn:${Partition}:lambda:${Region}:${Account}:function:${Service}-${Stage}-*";
const KEPT: &str = "arn:${Partition}:ssm:${Region}:${Account}:parameter/${Service}/${Stage}/*";
const GROUPS: &str = "arn:${Partition}:logs:${Region}:${Account}:log-group:/aws/lambda/${Service}-${Stage}-*";

/// What one command needs.
struct Command {
    name: &'static str,
    /// The steps of the kinds that it takes.
    steps: &'static [Step],
    /// Actions and resources of calls that no kind makes.
    calls: &'static [(&'static str, &'static str)],
}

const COMMANDS: &[Command] = &[
    Command { name: "package", steps: &[], calls: &[] },
    Command { name: "diff", steps: &[Step::Read], calls: LOOK },
    Command { name: "info", steps: &[Step::Read], calls: LOOK },
    Command { name: "deploy", steps: &[Step::Read, Step::Create, Step::Update, Step::Delete], calls: WRITE },
    Command { name: "remove", steps: &[Step::Read, Step::Delete], calls: WRITE },
    Command { name: "history", steps: &[], calls: LOOK },
    Command { name: "rollback", steps: &[Step::Read, Step::Create, Step::Update, Step::Delete], calls: WRITE },
    Command { name: "invoke", steps: &[], calls: &[("lambda:InvokeFunction", FUNCTIONS)] },
    Command { name: "secrets", steps: &[], calls: SECRETS },
    Command { name: "logs", steps: &[], calls: &[("logs:FilterLogEvents", GROUPS)] },
];

/// The lease is looked at.
const LOOK: &[(&str, &str)] = &[("s3:GetObject", OBJECTS), ("s3:ListBucket", BUCKET)];

/// The lease is taken, what would fail half-way is asked about, artifacts and records are stored and the oldest deleted, and
/// the bucket for both is made on the first day.
const WRITE: &[(&str, &str)] = &[
    ("s3:CreateBucket", BUCKET),
    ("s3:DeleteObject", OBJECTS),
    ("s3:GetObject", OBJECTS),
    ("s3:ListBucket", BUCKET),
    ("s3:PutBucketPublicAccessBlock", BUCKET),
    ("s3:PutBucketTagging", BUCKET),
    ("s3:PutObject", OBJECTS),
];

/// Secrets are kept beneath the service and the stage; the list tells no values.
const SECRETS: &[(&str, &str)] = &[
    ("ssm:AddTagsToResource", KEPT),
    ("ssm:DeleteParameter", KEPT),
    ("ssm:DescribeParameters", "*"),
    ("ssm:PutParameter", KEPT),
];

/// Sources of variables, and what each needs when a file uses it.
const VARIABLES: &[(&str, &str, &str)] = &[
    ("${ssm:/path/name}", "ssm:GetParameters", "arn:${Partition}:ssm:${Region}:${Account}:parameter/path/*"),
    ("${ssm:/path/name}, a SecureString with a key of your own", "kms:Decrypt", "the key"),
    (
        "${ssm:/aws/reference/secretsmanager/name}",
        "secretsmanager:GetSecretValue",
        "arn:${Partition}:secretsmanager:${Region}:${Account}:secret:name-*",
    ),
    (
        "${cf:stack.Output}",
        "cloudformation:DescribeStacks",
        "arn:${Partition}:cloudformation:${Region}:${Account}:stack/stack/*",
    ),
    ("${s3:bucket/key}", "s3:GetObject", "arn:${Partition}:s3:::bucket/key"),
];

/// What `deploy`, `diff`, `info` and `rollback` read for a file that has it.
const REFERENCES: &[(&str, &str, &str)] = &[
    (
        "secrets: `ssm:/path/name`, `{{resolve:ssm:..}}`, `{{resolve:ssm-secure:..}}`",
        "ssm:GetParameters",
        "arn:${Partition}:ssm:${Region}:${Account}:parameter/path/*",
    ),
    ("the same, with a key of your own", "kms:Decrypt", "the key"),
    (
        "secrets: `secretsmanager:name`, `{{resolve:secretsmanager:..}}`",
        "secretsmanager:GetSecretValue",
        "arn:${Partition}:secretsmanager:${Region}:${Account}:secret:name-*",
    ),
    ("`Fn::ImportValue`", "cloudformation:ListExports", "*"),
];

/// Actions by resource that a command needs.
fn needs(command: &Command, kinds: &[&dyn Kind]) -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let mut by_resource: BTreeMap<&'static str, BTreeSet<&'static str>> = BTreeMap::new();
    let of_kinds = kinds
        .iter()
        .flat_map(|kind| kind.permissions())
        .filter(|permission| command.steps.contains(&permission.step))
        .map(|permission| (permission.action, permission.resource));
    for (action, resource) in of_kinds.chain(command.calls.iter().copied()) {
        by_resource.entry(resource).or_default().insert(action);
    }
    by_resource
}

/// The smallest IAM policy that a command runs under, with `${Service}` and its kin left open. `None` for a command that
/// does not exist or calls nothing.
pub fn policy(command: &str, kinds: &[&dyn Kind]) -> Option<Json> {
    let command = COMMANDS.iter().find(|each| each.name == command)?;
    let statements: Vec<Json> = needs(command, kinds)
        .into_iter()
        .map(|(resource, actions)| json!({ "Effect": "Allow", "Action": actions, "Resource": resource }))
        .collect();
    (!statements.is_empty()).then(|| json!({ "Version": "2012-10-17", "Statement": statements }))
}

/// `docs/permissions.md`, whole.
pub fn page(kinds: &[&dyn Kind]) -> String {
    let mut page = String::from(HEAD);
    for command in COMMANDS {
        let Some(policy) = policy(command.name, kinds) else { continue };
        let policy = serde_json::to_string_pretty(&policy).unwrap_or_default();
        // Writing to a text cannot fail.
        let _ = write!(page, "\n## hoist {}\n\n```json\n{policy}\n```\n", command.name);
    }
    page.push_str("\n## Variables\n\nOnly for files that use them, with every command that reads the file:\n\n");
    page.push_str("| variable | action | resource |\n|---|---|---|\n");
    for (variable, action, resource) in VARIABLES {
        let _ = writeln!(page, "| `{variable}` | `{action}` | `{resource}` |");
    }
    page.push_str(
        "\n## Secrets and references\n\nOnly for files that have them, with `deploy`, `diff`, `info` and `rollback`:\n\n",
    );
    page.push_str("| what | action | resource |\n|---|---|---|\n");
    for (what, action, resource) in REFERENCES {
        let _ = writeln!(page, "| {what} | `{action}` | `{resource}` |");
    }
    page.push_str("\n## By type of resource\n\n| type | step | action | resource |\n|---|---|---|---|\n");
    for kind in kinds {
        for permission in kind.permissions() {
            let step = format!("{:?}", permission.step).to_lowercase();
            let _ = writeln!(
                page,
                "| `{}` | {step} | `{}` | `{}` |",
                kind.type_name(),
                permission.action,
                permission.resource
            );
        }
    }
    page
}

const HEAD: &str = "\
# Permissions

What the credentials that run hoist must be allowed: for each command the smallest IAM policy, for a service that uses every
type of resource that hoist handles. Leave out the types that yours does not use: the last table says what belongs to which.

Put the real values in place of `${Partition}` (`aws`), `${Region}`, `${Account}`, `${Service}` and `${Stage}`. A resource that your
file gives a name of its own (`functions.x.name`, `provider.iam.role.name`) needs that name here. `sts:GetCallerIdentity`, which every
command except `package` calls, needs no permission. Raw `resources:` are made by CloudFormation with the same credentials, which need
what each of those takes as well. What the functions themselves may do is their role's business, not that of these
credentials.

This page is written by hoist's own code (`src/aws/permissions.rs`); a test holds it to that. To write it anew:
`UPDATE_DOCS=1 cargo test --lib aws::permissions`.
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::client::{Aws, Settings};
    use crate::aws::cloud::AwsCloud;
    use crate::aws::ownership::Scope;
    use crate::engine::kind::Cloud;
    use tokio_util::sync::CancellationToken;

    async fn cloud() -> AwsCloud {
        let settings = Settings {
            scope: Scope::new("shop", "dev"),
            region: "us-east-1".to_owned(),
            profile: None,
            provider_profile: None,
            role: None,
        };
        AwsCloud::new(&Aws::connect(&settings, CancellationToken::new()).await)
    }

    #[tokio::test]
    async fn the_page_says_what_the_kinds_say() {
        let cloud = cloud().await;
        let page = page(&cloud.kinds());
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/permissions.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, &page).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(written == page, "docs/permissions.md is out of date: UPDATE_DOCS=1 cargo test --lib aws::permissions");
    }

    #[tokio::test]
    async fn reading_needs_no_permission_to_write() {
        let cloud = cloud().await;
        let policy = policy("diff", &cloud.kinds()).unwrap().to_string();
        for word in [":Create", ":Put", ":Update", ":Delete", ":Add", ":Tag", "PassRole"] {
            assert!(!policy.contains(word), "diff needs {word}");
        }
    }

    #[tokio::test]
    async fn every_action_names_its_service_and_every_kind_has_some() {
        let cloud = cloud().await;
        for kind in cloud.kinds() {
            assert!(!kind.permissions().is_empty(), "{}", kind.type_name());
            for permission in kind.permissions() {
                assert!(permission.action.contains(':'), "{}", permission.action);
                assert!(
                    permission.resource == "*" || permission.resource.starts_with("arn:"),
                    "{}",
                    permission.resource
                );
            }
        }
    }
}
