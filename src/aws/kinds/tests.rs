//! The kinds against an AWS that a test plays.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value as Json, json};

use super::properties::from_json;
use super::{function, log_group, permission, role, url, version};
use crate::aws::cloud::AwsCloud;
use crate::aws::fake::{Asked, Fake, Told};
use crate::engine::address::Address;
use crate::engine::failure::Reason;
use crate::engine::kind::{Cloud, Kind, Progress};
use crate::engine::plan::{Action, FieldChange};
use crate::engine::planner::{PlanOptions, plan};
use crate::engine::resource::{Desired, DesiredState, Live, Ownership};
use crate::engine::value::Value;

const ACCOUNT: &str = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
    <GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/u</Arn><UserId>U</UserId>\
    <Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";

fn desired(kind: &str, logical_id: &str, properties: Json) -> Desired {
    Desired {
        address: Address::new(kind, logical_id),
        properties: from_json(properties),
        depends_on: Vec::new(),
        parent: None,
        fingerprint: None,
        hints: BTreeMap::new(),
    }
}

fn marks(logical_id: &str) -> Json {
    json!({ "hoist:service": "shop", "hoist:stage": "dev", "hoist:id": logical_id })
}

fn function_properties(name: &str) -> Json {
    json!({
        "FunctionName": name, "Runtime": "python3.13", "Handler": "a.b", "MemorySize": 1024, "Timeout": 6,
        "Role": "arn:aws:iam::123456789012:role/r", "Code": { "Sha256": "c2hh" },
        "Tags": { "hoist:service": "shop", "hoist:stage": "dev", "hoist:id": "F", "hoist:applied": "fp" },
    })
}

/// What GetFunction says of a function with [`function_properties`].
fn live_function(name: &str, revision: &str) -> Json {
    json!({
        "Configuration": {
            "FunctionName": name, "FunctionArn": format!("arn:aws:lambda:us-east-1:123456789012:function:{name}"),
            "Runtime": "python3.13", "Handler": "a.b", "MemorySize": 1024, "Timeout": 6, "PackageType": "Zip",
            "Role": "arn:aws:iam::123456789012:role/r", "CodeSha256": "c2hh", "RevisionId": revision,
            "State": "Active", "LastUpdateStatus": "Successful", "Architectures": ["x86_64"],
            "LoggingConfig": { "LogFormat": "Text", "LogGroup": format!("/aws/lambda/{name}") },
            "TracingConfig": { "Mode": "PassThrough" }, "EphemeralStorage": { "Size": 512 },
            "SnapStart": { "ApplyOn": "None", "OptimizationStatus": "Off" },
        },
        "Tags": { "hoist:service": "shop", "hoist:stage": "dev", "hoist:id": "F", "hoist:applied": "fp" },
    })
}

fn live(kind: &str, physical_id: &str, properties: Json) -> Live {
    Live {
        address: Address::new(kind, "F"),
        physical_id: physical_id.to_owned(),
        properties: from_json(properties),
        attributes: BTreeMap::new(),
        ownership: Ownership::Ours,
        fingerprint: None,
        revision: Some("1".to_owned()),
        parent: None,
    }
}

fn change(path: &str) -> FieldChange {
    FieldChange { path: path.into(), before: None, after: None, sensitive: false, bookkeeping: false, told: None }
}

fn last_part(asked: &Asked) -> &str {
    asked.path.split('?').next().unwrap_or_default().rsplit('/').next().unwrap_or_default()
}

#[tokio::test]
async fn nothing_to_do_for_a_hundred_functions_takes_few_calls_and_no_write() {
    const COUNT: usize = 100;
    let trust = json!({ "Version": "2012-10-17", "Statement": [] });
    let policy =
        json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "a:b", "Resource": "*" }] });
    let (trust_text, policy_text) = (trust.to_string(), policy.to_string());
    let page = |asked: &Asked, key: &str, size: usize| {
        let start: usize =
            asked.json().get(key).and_then(Json::as_str).and_then(|token| token.parse().ok()).unwrap_or(0);
        let next = start + size;
        (start, next.min(2 * COUNT), next)
    };
    let (aws, fake) = Fake::connect(move |asked| match asked.action.as_str() {
        "GetCallerIdentity" => Told::ok(ACCOUNT),
        "GetRole" => Told::ok(format!(
            "<GetRoleResponse><GetRoleResult><Role><Path>/</Path><RoleName>shop-dev-us-east-1-lambdaRole</RoleName>\
             <RoleId>AROA</RoleId><Arn>arn:aws:iam::123456789012:role/r</Arn>\
             <CreateDate>2020-01-01T00:00:00Z</CreateDate><MaxSessionDuration>3600</MaxSessionDuration>\
             <AssumeRolePolicyDocument>{trust_text}</AssumeRolePolicyDocument><Tags>\
             <member><Key>hoist:service</Key><Value>shop</Value></member>\
             <member><Key>hoist:stage</Key><Value>dev</Value></member>\
             <member><Key>hoist:id</Key><Value>Role</Value></member></Tags></Role></GetRoleResult></GetRoleResponse>"
        )),
        "ListRolePolicies" => Told::ok(
            "<ListRolePoliciesResponse><ListRolePoliciesResult><PolicyNames><member>shop-dev-lambda</member>\
             <member>somebody-elses</member></PolicyNames><IsTruncated>false</IsTruncated></ListRolePoliciesResult>\
             </ListRolePoliciesResponse>",
        ),
        "ListAttachedRolePolicies" => Told::ok(
            "<ListAttachedRolePoliciesResponse><ListAttachedRolePoliciesResult><AttachedPolicies/>\
             <IsTruncated>false</IsTruncated></ListAttachedRolePoliciesResult></ListAttachedRolePoliciesResponse>",
        ),
        "GetRolePolicy" => Told::ok(format!(
            "<GetRolePolicyResponse><GetRolePolicyResult><RoleName>r</RoleName><PolicyName>shop-dev-lambda</PolicyName>\
             <PolicyDocument>{policy_text}</PolicyDocument></GetRolePolicyResult></GetRolePolicyResponse>"
        )),
        // No stacks.
        "GetResources" if asked.body.contains("cloudformation:stack") => {
            Told::ok(json!({ "ResourceTagMappingList": [] }))
        }
        "GetResources" => {
            let (start, end, next) = page(asked, "PaginationToken", 100);
            let entries: Vec<Json> = (start..end)
                .map(|n| {
                    let (arn, id) = if n < COUNT {
                        (format!("function:shop-dev-f{n}"), format!("F{n}"))
                    } else {
                        let n = n - COUNT;
                        (format!("log-group:/aws/lambda/shop-dev-f{n}"), format!("G{n}"))
                    };
                    let service = if n < COUNT { "lambda" } else { "logs" };
                    json!({ "ResourceARN": format!("arn:aws:{service}:us-east-1:123456789012:{arn}"), "Tags": [
                        { "Key": "hoist:service", "Value": "shop" }, { "Key": "hoist:stage", "Value": "dev" },
                        { "Key": "hoist:id", "Value": id },
                    ] })
                })
                .collect();
            let token = if next < 2 * COUNT { next.to_string() } else { String::new() };
            Told::ok(json!({ "ResourceTagMappingList": entries, "PaginationToken": token }))
        }
        "DescribeLogGroups" => {
            let (start, _, next) = page(asked, "nextToken", 50);
            let groups: Vec<Json> = (start..next.min(COUNT))
                .map(|n| {
                    let name = format!("/aws/lambda/shop-dev-f{n}");
                    json!({ "logGroupName": name, "logGroupClass": "STANDARD", "retentionInDays": 14,
                        "creationTime": 1_500_000_000_000_u64,
                        "logGroupArn": format!("arn:aws:logs:us-east-1:123456789012:log-group:{name}") })
                })
                .collect();
            let mut answer = json!({ "logGroups": groups });
            if next < COUNT {
                answer["nextToken"] = next.to_string().into();
            }
            Told::ok(answer)
        }
        _ if asked.path.contains("/functions/") => Told::ok(live_function(last_part(asked), "1")),
        // Lists of kinds that this service has none of.
        _ => Told::ok(json!({})),
    });
    aws.account().await.unwrap();
    let role = json!({
        "RoleName": "shop-dev-us-east-1-lambdaRole", "AssumeRolePolicyDocument": trust,
        "Policies": [{ "PolicyName": "shop-dev-lambda", "PolicyDocument": policy }], "Tags": marks("Role"),
    });
    let mut resources = vec![desired(role::TYPE, "Role", role)];
    for n in 0..COUNT {
        let name = format!("shop-dev-f{n}");
        let group = json!({
            "LogGroupName": format!("/aws/lambda/{name}"), "RetentionInDays": 14, "Tags": marks(&format!("G{n}")),
        });
        resources.push(desired(log_group::TYPE, &format!("G{n}"), group));
        let mut function = desired(function::TYPE, &format!("F{n}"), function_properties(&name));
        function.fingerprint = Some("fp".to_owned());
        resources.push(function);
        let mut version = desired(version::TYPE, &format!("V{n}"), json!({ "FunctionName": name }));
        version.parent = Some(format!("F{n}"));
        resources.push(version);
    }
    version::pin(&mut resources);
    let cloud: Arc<dyn Cloud> = Arc::new(AwsCloud::new(&aws));
    let options = PlanOptions { trust_fingerprints: true, ..PlanOptions::default() };
    let plan = plan(&DesiredState { resources }, &cloud, options).await.unwrap();
    let other: Vec<_> = plan.changes.iter().filter(|change| change.action != Action::Nothing).collect();
    assert!(other.is_empty(), "{other:?}");
    let calls = fake.asked().len();
    // One more is the lease.
    assert!(calls <= 115, "{calls} calls: {:?}", aws.counts());
}

#[tokio::test]
async fn a_revision_that_moved_without_a_change_is_no_conflict() {
    let tries = AtomicU32::new(0);
    let (aws, fake) = Fake::connect(move |asked| match (asked.method.as_str(), last_part(asked)) {
        ("PUT", "configuration") if tries.fetch_add(1, Ordering::SeqCst) == 0 => {
            Told::refused(412, "PreconditionFailedException", "The Revision Id provided does not match")
        }
        ("PUT", "configuration") => Told::ok(json!({})),
        _ => Told::ok(live_function("f", "2")),
    });
    let kind = function::Function::new(aws);
    let mut wanted = function_properties("f");
    wanted["Timeout"] = json!(9);
    let was = live(function::TYPE, "f", function_properties("f"));
    kind.update(&was, &desired(function::TYPE, "F", wanted), &[change("Timeout")], &Progress::silent()).await.unwrap();
    let sent: Vec<Json> = fake.asked().iter().filter(|asked| asked.method == "PUT").map(Asked::json).collect();
    assert_eq!(sent, [json!({ "Timeout": 9, "RevisionId": "1" }), json!({ "Timeout": 9, "RevisionId": "2" })]);
}

#[tokio::test]
async fn a_function_that_somebody_else_changed_is_a_conflict() {
    let (aws, _) = Fake::connect(|asked| match asked.method.as_str() {
        "PUT" => Told::refused(412, "PreconditionFailedException", "The Revision Id provided does not match"),
        _ => {
            let mut found = live_function("f", "2");
            found["Configuration"]["MemorySize"] = json!(256);
            Told::ok(found)
        }
    });
    let kind = function::Function::new(aws);
    let was = live(function::TYPE, "f", function_properties("f"));
    let mut wanted = function_properties("f");
    wanted["Timeout"] = json!(9);
    let failure = kind
        .update(&was, &desired(function::TYPE, "F", wanted), &[change("Timeout")], &Progress::silent())
        .await
        .unwrap_err();
    assert_eq!(failure.reason, Reason::Conflict);
    assert!(failure.help[0].contains("run the same command again"));
}

#[tokio::test]
async fn a_configuration_whose_answer_was_lost_is_found_written_before_the_code_is() {
    let (aws, fake) = Fake::connect(|asked| match (asked.method.as_str(), last_part(asked)) {
        ("PUT", "configuration") => {
            Told::refused(412, "PreconditionFailedException", "The Revision Id provided does not match")
        }
        ("PUT", _) => Told::ok(json!({})),
        _ => {
            let mut found = live_function("f", "2");
            found["Configuration"]["Timeout"] = json!(9);
            Told::ok(found)
        }
    });
    let kind = function::Function::new(aws);
    let was = live(function::TYPE, "f", function_properties("f"));
    let mut wanted = function_properties("f");
    wanted["Timeout"] = json!(9);
    wanted["Architectures"] = json!(["arm64"]);
    wanted["Code"] = json!({ "S3Bucket": "b", "S3Key": "k" });
    let fields = [change("Timeout"), change("Architectures"), change("Code")];
    kind.update(&was, &desired(function::TYPE, "F", wanted), &fields, &Progress::silent()).await.unwrap();
    let sent = fake.asked().iter().filter(|asked| asked.method == "PUT").count();
    assert_eq!(sent, 2, "one for the configuration, one for the code");
}

#[tokio::test]
async fn a_create_whose_answer_was_lost_finds_what_it_made() {
    let (aws, fake) = Fake::connect(|asked| match asked.method.as_str() {
        "POST" => Told::refused(409, "ResourceConflictException", "Function already exist: f"),
        _ => Told::ok(live_function("f", "1")),
    });
    let kind = function::Function::new(Arc::clone(&aws));
    let zip = tempfile::NamedTempFile::new().unwrap();
    let mut wanted = desired(function::TYPE, "F", function_properties("f"));
    wanted.hints.insert("Artifact".into(), Value::string(zip.path().to_string_lossy()));
    let made = kind.create(&wanted, &Progress::silent()).await.unwrap();
    assert_eq!(made.physical_id, "f");
    assert_eq!(fake.asked().iter().filter(|asked| asked.method == "POST").count(), 1);
    // Not so what somebody else made.
    wanted.properties = from_json({
        let mut other = function_properties("f");
        other["Code"]["Sha256"] = json!("b3RoZXI=");
        other
    });
    assert_eq!(kind.create(&wanted, &Progress::silent()).await.unwrap_err().reason, Reason::Conflict);
}

#[tokio::test]
async fn a_function_that_cannot_come_up_says_why() {
    let (aws, _) = Fake::connect(|asked| match asked.method.as_str() {
        "POST" => Told::ok(json!({})),
        _ => {
            let mut found = live_function("f", "1");
            found["Configuration"]["State"] = json!("Failed");
            found["Configuration"]["StateReason"] = json!("The subnet is gone");
            Told::ok(found)
        }
    });
    let kind = function::Function::new(aws);
    let zip = tempfile::NamedTempFile::new().unwrap();
    let mut wanted = desired(function::TYPE, "F", function_properties("f"));
    wanted.hints.insert("Artifact".into(), Value::string(zip.path().to_string_lossy()));
    let failure = kind.create(&wanted, &Progress::silent()).await.unwrap_err();
    assert_eq!(failure.reason, Reason::Failed);
    assert!(failure.message.contains("The subnet is gone"));
}

#[tokio::test]
async fn permissions_that_were_added_at_the_same_time_are_looked_at_again() {
    let lost = AtomicU32::new(1);
    let kept = Arc::new(std::sync::Mutex::new(Vec::<String>::new()));
    let (aws, fake) = Fake::connect(move |asked| {
        let mut kept = kept.lock().unwrap();
        match asked.method.as_str() {
            // AWS says yes, and forgets the first.
            "POST" => {
                if lost.swap(0, Ordering::SeqCst) == 0 {
                    kept.push(asked.json()["StatementId"].as_str().unwrap_or_default().to_owned());
                }
                Told::ok(json!({ "Statement": "{}" }))
            }
            _ => {
                let statements: Vec<Json> = kept.iter().map(|sid| json!({ "Sid": sid })).collect();
                Told::ok(json!({ "Policy": json!({ "Statement": statements }).to_string() }))
            }
        }
    });
    let kind = permission::Permission::new(Arc::clone(&aws));
    let of = |id: &str| {
        desired(
            permission::TYPE,
            id,
            json!({ "FunctionName": "f", "Action": "lambda:InvokeFunction", "Principal": "*" }),
        )
    };
    // Somebody else's is on its way.
    aws.run.begin_adding("f");
    kind.create(&of("A"), &Progress::silent()).await.unwrap();
    let added = fake.asked().iter().filter(|asked| asked.method == "POST").count();
    assert_eq!(added, 2, "the lost one was added again");
}

#[tokio::test]
async fn no_foreign_statement_is_ours() {
    let (aws, _) = Fake::connect(|_| {
        let statements = json!([
            { "Sid": "by-hand", "Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction" },
            { "Sid": "hoist-HelloPermission-01234567", "Effect": "Allow", "Principal": { "Service": "s3.amazonaws.com" },
              "Action": "lambda:InvokeFunction", "Resource": "arn:aws:lambda:us-east-1:1:function:f" },
        ]);
        Told::ok(json!({ "Policy": json!({ "Statement": statements }).to_string() }))
    });
    let parent = live(function::TYPE, "f", function_properties("f"));
    let found = permission::Permission::new(aws).beneath(&parent).await.unwrap();
    let ids: Vec<&str> = found.iter().map(|live| live.address.logical_id.as_str()).collect();
    assert_eq!(ids, ["HelloPermission"]);
}

#[tokio::test]
async fn an_aliass_permissions_and_url_are_found_beneath_its_function() {
    let (aws, _) = Fake::connect(|asked| {
        let of_alias = asked.path.contains("Qualifier=live");
        let arn = format!("arn:aws:lambda:us-east-1:1:function:f{}", if of_alias { ":live" } else { "" });
        match last_part(asked) {
            "aliases" => Told::ok(json!({ "Aliases": [{ "Name": "live" }] })),
            "policy" if of_alias => {
                let statement =
                    json!({ "Sid": "hoist-P-01234567", "Principal": "*", "Action": "a:b", "Resource": arn });
                Told::ok(json!({ "Policy": json!({ "Statement": [statement] }).to_string() }))
            }
            "url" if of_alias => Told::ok(json!({ "FunctionUrl": "https://u/", "FunctionArn": arn, "AuthType": "NONE",
                "CreationTime": "", "LastModifiedTime": "" })),
            _ => Told::refused(404, "ResourceNotFoundException", "none"),
        }
    });
    let parent = live(function::TYPE, "f", function_properties("f"));
    let permissions = permission::Permission::new(Arc::clone(&aws)).beneath(&parent).await.unwrap();
    assert_eq!(permissions.len(), 1);
    assert_eq!(permissions[0].properties.get("Qualifier"), Some(&Value::string("live")));
    let urls = url::Url::new(aws).beneath(&parent).await.unwrap();
    assert_eq!(urls.len(), 1);
    assert_eq!(urls[0].physical_id, "f:live");
}

#[tokio::test]
async fn a_version_that_holds_what_the_function_holds_is_found() {
    let (aws, _) = Fake::connect(|asked| {
        let mut versions = Vec::new();
        for (number, memory) in [("$LATEST", 1024), ("9", 128), ("10", 1024)] {
            let mut version = live_function("f", "1")["Configuration"].clone();
            version["Version"] = json!(number);
            version["MemorySize"] = json!(memory);
            versions.push(version);
        }
        match last_part(asked) {
            "versions" => Told::ok(json!({ "Versions": versions })),
            _ => Told::ok(ACCOUNT),
        }
    });
    aws.account().await.unwrap();
    let parent = live(function::TYPE, "f", function_properties("f"));
    let kind = version::Version::new(aws);
    let found = kind.beneath(&parent).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].attributes["Version"], Value::string("10"));
    let wanted = json!({
        "FunctionName": "f", "CodeSha256": "c2hh", "ConfigSha256": function::config_digest(&parent.properties),
    });
    assert_eq!(kind.identity(&desired(version::TYPE, "V", wanted)), Some(found[0].physical_id.clone()));
}

#[tokio::test]
async fn secrets_that_a_service_echoes_do_not_get_through() {
    let (aws, _) = Fake::connect(|asked| {
        Told::refused(400, "InvalidParameterValueException", &format!("cannot use {}", asked.body))
    });
    let kind = function::Function::new(aws);
    let zip = tempfile::NamedTempFile::new().unwrap();
    let mut wanted = desired(function::TYPE, "F", function_properties("f"));
    wanted.hints.insert("Artifact".into(), Value::string(zip.path().to_string_lossy()));
    if let Value::Map(map) = &mut wanted.properties {
        let secret = Value::Secret(crate::engine::value::Secret::new("hunter2"));
        let variables = Value::Map(BTreeMap::from([("PASSWORD".to_owned(), secret)]));
        map.insert("Environment".into(), Value::Map(BTreeMap::from([("Variables".to_owned(), variables)])));
    }
    let failure = kind.create(&wanted, &Progress::silent()).await.unwrap_err();
    assert!(failure.message.contains("PASSWORD") && !failure.message.contains("hunter2"), "{}", failure.message);
}

#[tokio::test]
async fn what_is_said_to_go_with_a_function_does() {
    let (aws, _) = Fake::connect(|_| Told::ok("{}"));
    let cloud = AwsCloud::new(&aws);
    let mut gone: Vec<&str> = cloud
        .kinds()
        .into_iter()
        .filter(|kind| kind.parent_type() == Some(function::TYPE) && kind.vanishes_with_parent())
        .map(|kind| kind.type_name())
        .collect();
    gone.sort_unstable();
    assert_eq!(gone, super::GONE_WITH_A_FUNCTION);
}
