//! AWS IoT: messages of devices, and devices that introduce themselves.

use serde_json::{Value, json};

use crate::support::{Cloud, Project};

const SAYS: &str = "import json\ndef handler(event, context):\n    print('heard', json.dumps(event))\n    return {'allowProvisioning': True}\n";

const DEVICES: &str = "
service: things
provider: {name: aws, runtime: python3.13}
functions:
  hears:
    handler: handler.handler
    events:
      - iot: {sql: \"SELECT * FROM 'farm/+'\", description: all fields}
      - iot: {sql: \"SELECT * FROM 'barn/+'\", enabled: false, name: barn, sqlVersion: '2016-03-23'}
      - iotFleetProvisioning:
          provisioningRoleArn: arn:aws:iam::123456789012:role/fleet
          templateBody: {Parameters: {Serial: {Type: String}}, Resources: {certificate: {Type: 'AWS::IoT::Certificate', Properties: {CertificateId: {Ref: 'AWS::IoT::Certificate::Id'}, Status: Active}}}}
";

const STRANGERS: &str = "arn:aws:lambda:us-east-1:123456789012:function:strangers";

#[test]
fn devices_are_heard_and_provisioned() {
    let cloud = Cloud::with_apis();
    let boto = cloud.boto();
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "iot.amazonaws.com"}}]});
    boto.call("iam", "create_role", json!({"RoleName": "fleet", "AssumeRolePolicyDocument": trust.to_string()}));
    let theirs = json!({"sql": "SELECT * FROM 'farm/+'", "actions": [{"lambda": {"functionArn": STRANGERS}}]});
    boto.call("iot", "create_topic_rule", json!({"ruleName": "strangers", "topicRulePayload": theirs}));

    let project = Project::new(DEVICES).file("handler.py", SAYS);
    project.deploy(&cloud);
    project.deploy(&cloud).says("nothing to do");
    project.on(&cloud, ["diff", "--exit-code"]).success();
    let send = |topic: &str, text: &str| {
        boto.call(
            "iot-data",
            "publish",
            json!({"topic": topic, "qos": 1, "payload": json!({"says": text}).to_string()}),
        );
    };
    send("farm/cow", "first-farm");
    send("barn/cow", "first-barn");
    assert!(boto.hears("things-dev-hears", "first-farm"));
    assert!(!boto.heard("things-dev-hears", "first-barn"), "the rule is not enabled");

    let name = "things-dev-HearsIotProvisioningTempl";
    let listed = boto.call("iot", "list_provisioning_templates", json!({}));
    let name = listed["templates"][0]["templateName"].as_str().unwrap_or(name).to_owned();
    assert!(name.len() <= 36 && name.starts_with("things-dev-Hears"), "{name}");
    let template = || boto.call("iot", "describe_provisioning_template", json!({"templateName": name}));
    assert_eq!(template()["enabled"], true);
    assert!(template()["preProvisioningHook"]["targetArn"].as_str().unwrap().ends_with(":things-dev-hears"));

    // The body seven times: versions make room for each other.
    for round in 0..7 {
        let changed = DEVICES
            .replace("sql: \"SELECT * FROM 'farm/+'\"", "sql: \"SELECT * FROM 'field/+'\"")
            .replace("enabled: false, name: barn", "name: barn")
            .replace("Serial: {Type: String}", &format!("Serial{round}: {{Type: String}}"))
            .replace("          provisioningRoleArn", "          enabled: false\n          provisioningRoleArn");
        project.write("serverless.yml", &changed);
        project.deploy(&cloud);
    }
    project.deploy(&cloud).says("nothing to do");
    project.on(&cloud, ["diff", "--exit-code"]).success();
    assert!(template()["templateBody"].as_str().unwrap().contains("Serial6"), "{}", template());
    assert_eq!(template()["enabled"], false);
    let versions = boto.call("iot", "list_provisioning_template_versions", json!({"templateName": name}));
    assert!(versions["versions"].as_array().unwrap().len() <= 5, "{versions}");
    send("farm/cow", "second-farm");
    send("field/cow", "second-field");
    send("barn/cow", "second-barn");
    assert!(boto.hears("things-dev-hears", "second-field") && boto.hears("things-dev-hears", "second-barn"));
    assert!(!boto.heard("things-dev-hears", "second-farm"), "the rule listens elsewhere now");

    project.write("serverless.yml", DEVICES.split("    events:").next().unwrap());
    project.deploy(&cloud);
    project.deploy(&cloud).says("nothing to do");
    send("field/cow", "last-field");
    let rules = boto.call("iot", "list_topic_rules", json!({}));
    let names: Vec<&Value> = rules["rules"].as_array().unwrap().iter().map(|rule| &rule["ruleName"]).collect();
    assert_eq!(names, ["strangers"]);
    let left = boto.call("iot", "list_provisioning_templates", json!({}));
    assert_eq!(left["templates"], json!([]));
    assert!(boto.try_call("lambda", "get_policy", json!({"FunctionName": "things-dev-hears"})).is_err());
    assert!(!boto.heard("things-dev-hears", "last-field"));
    project.on(&cloud, ["remove", "--yes"]).success();
}
