//! Sources that ask an account, with an account in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use serde_json::json;

use super::{Service, check};
use crate::config::variables::remote::{Account, Parameter, ParameterKind, Remote, RemoteError};

/// An account in memory that writes down what it is asked.
#[derive(Default)]
pub(super) struct FakeAccount {
    parameters: BTreeMap<&'static str, (ParameterKind, &'static str)>,
    asked: Mutex<Vec<String>>,
}

impl FakeAccount {
    pub(super) fn new() -> Self {
        let parameters = BTreeMap::from([
            ("/plain", (ParameterKind::String, "plain")),
            ("/dev/db", (ParameterKind::String, "db-dev")),
            ("/pointer", (ParameterKind::String, "/plain")),
            ("/list", (ParameterKind::StringList, "a,b")),
            ("/secret", (ParameterKind::SecureString, "p${self:custom.text}w")),
            ("/json", (ParameterKind::SecureString, "{\"user\": \"u\", \"port\": 1}")),
        ]);
        Self { parameters, asked: Mutex::default() }
    }

    fn note(&self, call: String) {
        self.asked.lock().expect("not poisoned").push(call);
    }
}

#[async_trait]
impl Remote for FakeAccount {
    async fn parameters(
        &self,
        account: &Account,
        names: &[String],
        decrypt: bool,
    ) -> Result<BTreeMap<String, Parameter>, RemoteError> {
        self.note(format!("ssm {} {} {decrypt}", account.region, names.join(" ")));
        if names.iter().any(|name| name == "/denied") {
            return Err(RemoteError { message: String::from("access denied to ssm:GetParameters"), help: None });
        }
        let found = names.iter().filter_map(|name| {
            let (kind, value) = self.parameters.get(name.as_str())?;
            Some((name.clone(), Parameter { kind: *kind, value: (*value).to_owned() }))
        });
        Ok(found.collect())
    }

    async fn stack_outputs(
        &self,
        account: &Account,
        stack: &str,
    ) -> Result<Option<BTreeMap<String, String>>, RemoteError> {
        self.note(format!("cf {} {stack}", account.region));
        Ok((stack == "net").then(|| BTreeMap::from([(String::from("Vpc"), String::from("vpc-1"))])))
    }

    async fn object(&self, _: &Account, bucket: &str, key: &str) -> Result<Option<Vec<u8>>, RemoteError> {
        self.note(format!("s3 {bucket} {key}"));
        Ok((key == "there").then(|| b"body".to_vec()))
    }

    async fn account_id(&self, account: &Account) -> Result<String, RemoteError> {
        self.note(format!("sts {:?}", account.profile));
        Ok(String::from("123456789012"))
    }
}

#[tokio::test]
async fn remote_sources_read_the_account() {
    let table = [
        ("${ssm:/plain}", json!("plain")),
        ("${ssm:/${sls:stage}/db}", json!("db-dev")),
        ("${ssm:${ssm:/pointer}}", json!("plain")),
        ("${ssm:/list}", json!(["a", "b"])),
        ("${ssm(raw):/list}", json!("a,b")),
        ("${ssm:/secret}", json!("p${self:custom.text}w")),
        ("${ssm:/secret~true}", json!("p${self:custom.text}w")),
        ("${ssm:/list~split}", json!(["a", "b"])),
        ("${ssm:/json}", json!({"user": "u", "port": 1})),
        ("${ssm(raw):/json}", json!("{\"user\": \"u\", \"port\": 1}")),
        ("${ssm(eu-north-1):/plain}", json!("plain")),
        ("${ssm.eu-north-1:/plain}", json!("plain")),
        ("${ssm:/none, 'x'}", json!("x")),
        ("${aws:ssm:/plain}", json!("plain")),
        ("${aws(us-west-2, raw):ssm:/list}", json!("a,b")),
        ("${aws:ssm(us-west-2):/plain}", json!("plain")),
        ("${cf:net.Vpc}", json!("vpc-1")),
        ("${cf.us-east-1:net.Vpc}", json!("vpc-1")),
        ("${cf(us-east-1):net.Vpc}", json!("vpc-1")),
        ("${aws:cf:net.Vpc}", json!("vpc-1")),
        ("${cf:net.None, 'x'}", json!("x")),
        ("${cf:other.Vpc, 'x'}", json!("x")),
        ("${s3:bucket/there}", json!("body")),
        ("${aws:s3:bucket/not, 'x'}", json!("x")),
        ("arn:aws:iam::${aws:accountId}:role/x", json!("arn:aws:iam::123456789012:role/x")),
    ];
    check(&table, |service| service.account(FakeAccount::new())).await;
}

#[tokio::test]
async fn each_value_is_read_once_and_a_round_is_sent_together() {
    let service = Service::new(
        "service: api
provider: {name: aws, region: eu-west-1, profile: me}
custom:
  a: ['${ssm:/plain}', '${ssm:/plain}', '${ssm:/list}', '${ssm(us-east-1):/plain}']
  b: ${ssm:${ssm:/pointer}}
  c: ${aws:accountId}-${aws:accountId}
  d: ${self:custom.a}
",
    )
    .account(FakeAccount::new());
    service.custom().await;
    let mut asked = service.account.as_ref().expect("given").asked.lock().expect("not poisoned").clone();
    asked.sort();
    assert_eq!(asked, ["ssm eu-west-1 /plain /list /pointer true", "ssm us-east-1 /plain true", "sts Some(\"me\")"]);
}

#[tokio::test]
async fn outputs_are_read_in_the_region_that_the_variable_names() {
    let service = Service::new(
        "service: api
provider: {name: aws, region: eu-west-1}
custom:
  here: ${cf:net.Vpc}
  there: ['${cf(us-east-1):net.Vpc}', '${cf.us-east-1:net.Vpc}', '${aws:cf(us-east-1):net.Vpc}']
",
    )
    .account(FakeAccount::new());
    assert_eq!(service.custom().await, json!({"here": "vpc-1", "there": ["vpc-1", "vpc-1", "vpc-1"]}));
    let mut asked = service.account.as_ref().expect("given").asked.lock().expect("not poisoned").clone();
    asked.sort();
    assert_eq!(asked, ["cf eu-west-1 net", "cf us-east-1 net"]);
}

#[tokio::test]
async fn what_is_made_of_a_secret_is_secret() {
    let service = Service::new(
        "service: api
provider: {name: aws}
custom:
  secret: ${ssm:/secret}
  text: postgres://u:${self:custom.secret}@host
  link: ${self:custom.text}
  json: ${ssm:/json}
  user: ${self:custom.json.user}
  chosen: ${self:custom.choices.${self:custom.user}}
  choices: {u: one}
  plain: ${ssm:/plain}
",
    )
    .account(FakeAccount::new());
    let loaded = service.load().await;
    assert_eq!(loaded.diagnostics, []);
    let root = loaded.root.expect("no problems");
    let custom = root.get("custom").expect("custom");
    let secret = |key: &str| custom.get(key).expect("there").secret;
    for key in ["secret", "text", "link", "json", "user", "chosen"] {
        assert!(secret(key), "{key}");
    }
    assert!(!secret("choices") && !secret("plain"));
    let shown = crate::config::json::from_node(&root, &|_| json!("••••••")).to_string();
    assert!(!shown.contains("w@host") && !shown.contains("port"), "{shown}");
}

#[tokio::test]
async fn without_an_account_what_needs_one_is_left_open() {
    let table = [
        ("${ssm:/x}", json!({"deferred": "${ssm:/x}"})),
        ("${ssm:/${sls:stage}/x, 'y'}", json!({"deferred": "${ssm:/dev/x, 'y'}"})),
        ("arn:${aws:accountId}:${self:custom.text}", json!({"deferred": "arn:${aws:accountId}:hello"})),
        ("${cf(us-east-1):${self:custom.text}.Out}", json!({"deferred": "${cf(us-east-1):hello.Out}"})),
        ("${self:custom.none, ssm:/x}", json!({"deferred": "${ssm:/x}"})),
        ("${file(./${aws:accountId}.yml):x}", json!({"deferred": "${file(./${aws:accountId}.yml):x}"})),
        ("${self:custom.text, ssm:/x}", json!("hello")),
    ];
    check(&table, |service| service).await;
}

#[tokio::test]
async fn a_script_that_was_told_a_secret_makes_secrets() {
    let script = "module.exports = async ({resolveVariable}) => ({url: 'x:' + await resolveVariable('ssm:/secret')});";
    let throws =
        "module.exports = async ({resolveVariable}) => { throw new Error(await resolveVariable('ssm:/secret')); };";
    let service = Service::new("service: a\nprovider: aws\ncustom: {it: '${file(a.js):url}', not: '${file(b.js)}'}\n");
    let service = service.with_programs().account(FakeAccount::new()).file("a.js", script);
    let service = service.file("b.js", "module.exports = 1");
    let root = service.load().await.root.expect("a root");
    let custom = root.get("custom").expect("there");
    assert!(custom.get("it").expect("there").secret && !custom.get("not").expect("there").secret);
    let problems = service.file("b.js", throws).problems().await;
    assert!(problems.len() == 1 && !problems[0].contains("custom.text"), "{problems:?}");
}

#[tokio::test]
async fn no_message_shows_what_a_secret_led_to() {
    for value in
        ["${self:custom.${ssm:/secret}}", "${ssm:${ssm:/secret}}", "${file(${ssm:/secret}):x}", "${opt:${ssm:/secret}}"]
    {
        let config = format!("service: a\nprovider: aws\ncustom: {{it: '{value}'}}\n");
        let found = Service::new(&config).account(FakeAccount::new()).load().await.diagnostics;
        assert!(!found.is_empty() && !format!("{found:?}").contains("custom.text"), "{value}: {found:?}");
    }
}
