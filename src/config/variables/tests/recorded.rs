//! What a record of a deployment keeps of a configuration, and that it gives the same again.

use serde_json::json;

use super::remote::FakeAccount;
use super::{Service, plain};
use crate::config::load::load_record;
use crate::config::record::configuration;

const CONFIG: &str = "
service: shop
provider: {name: aws, stage: dev}
custom:
  text: plain
  pw: ${ssm:/secret}
  json: ${ssm:/${self:custom.which}, 'none'}
  which: json
  user: ${self:custom.json.user}
  url: 'db://${env:HOST}/${self:custom.text}?p=${self:custom.pw}'
  ssm: ${ssm:/plain}
  host: ${env:HOST, 'nowhere'}
  given: ${param:given}
  stage: ${sls:stage}
  literal: 'a \\${self:custom.text} and a ${AWS::Region}'
  list: [1, true, null, 1.5, '${self:custom.text}']
  included: ${file(./more.yml)}
";

fn service() -> Service {
    Service::new(CONFIG)
        .file("more.yml", "API_KEY: ${self:custom.key}\nplain: ${self:custom.pw}\n")
        .file("keys.json", "{\"live\": \"0123456789\"}")
        .env("HOST", "db.example.com")
        .param("given", "on the command line")
        .account(FakeAccount::new())
}

#[tokio::test]
async fn secrets_and_what_belongs_to_the_machine_stay_variables() {
    let service = service().file("serverless.yml", &format!("{CONFIG}  key: ${{file(./keys.json):live}}\n"));
    let loaded = service.load().await;
    assert_eq!(loaded.diagnostics, []);
    let kept = configuration(loaded.root.as_ref().unwrap());
    assert_eq!(
        kept["custom"],
        json!({
            "text": "plain",
            "pw": "${ssm:/secret}",
            "json": "${ssm:/json}",
            "which": "json",
            "user": "${self:custom.json.user}",
            "url": "db://${env:HOST}/plain?p=${ssm:/secret}",
            "ssm": "plain",
            "host": "${env:HOST}",
            "given": "${param:given}",
            "stage": "dev",
            "literal": "a \\${self:custom.text} and a \\${AWS::Region}",
            "list": [1, true, null, 1.5, "plain"],
            "included": {"API_KEY": "${self:custom.key}", "plain": "${ssm:/secret}"},
            "key": "${file(./keys.json):live}",
        })
    );
    let written = kept.to_string();
    for value in ["p${self", "db.example.com", "on the command line", "0123456789"] {
        assert!(!written.contains(value), "{value} in {written}");
    }
    let again = load_record(&kept, &service.options, service.account.as_ref().map(|account| account as _)).await;
    assert_eq!(again.diagnostics, []);
    let custom = |loaded: &crate::config::load::Loaded| plain(loaded.root.as_ref().unwrap().get("custom").unwrap());
    assert_eq!(custom(&again), custom(&loaded));
    assert_eq!(configuration(again.root.as_ref().unwrap()), kept);
}

#[tokio::test]
async fn what_was_given_then_has_to_be_given_again() {
    let mut service = service();
    let loaded = service.load().await;
    let kept = configuration(loaded.root.as_ref().unwrap());
    service.options.env.clear();
    let again = load_record(&kept, &service.options, service.account.as_ref().map(|account| account as _)).await;
    let problems: Vec<&str> = again.diagnostics.iter().map(|one| one.message.as_str()).collect();
    assert!(problems.contains(&"custom.url: `${env:HOST}` has no value"), "{problems:?}");
}
