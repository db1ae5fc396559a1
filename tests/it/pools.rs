//! Cognito user pools: one that the service makes, one that stands there with a stranger's trigger.

use serde_json::{Value, json};

use crate::support::{Boto, Cloud, Project};

const ANSWERS: &str =
    "import json\ndef handler(event, context):\n    print('heard', json.dumps(event))\n    return event\n";

const POOLS: &str = "
service: pool
provider: {name: aws, runtime: python3.13}
functions:
  greets:
    handler: handler.handler
    events:
      - cognitoUserPool: {pool: members, trigger: PreSignUp}
      - cognitoUserPool: {pool: guests, trigger: PreSignUp}
      - cognitoUserPool: {pool: outside, trigger: PreSignUp, existing: true}
";

fn pools(boto: &Boto) -> Vec<(String, Value)> {
    let found = boto.call("cognito-idp", "list_user_pools", json!({"MaxResults": 60}));
    let of = |pool: &Value| {
        let live = boto.call("cognito-idp", "describe_user_pool", json!({"UserPoolId": pool["Id"]}));
        (pool["Name"].as_str().unwrap().to_owned(), live["UserPool"].clone())
    };
    found["UserPools"].as_array().unwrap().iter().map(of).collect()
}

fn pool(boto: &Boto, name: &str) -> Value {
    let found = pools(boto).into_iter().find(|(known, _)| known == name);
    found.unwrap_or_else(|| panic!("there is no pool {name}")).1
}

/// Somebody signs up.
fn sign_up(boto: &Boto, pool: &Value, who: &str) {
    let client = json!({"UserPoolId": pool["Id"], "ClientName": who});
    let client = boto.call("cognito-idp", "create_user_pool_client", client);
    let person = json!({"ClientId": client["UserPoolClient"]["ClientId"], "Username": who, "Password": "Abcdef1!"});
    boto.call("cognito-idp", "sign_up", person);
}

#[test]
fn pools_are_made_changed_and_let_go() {
    let cloud = Cloud::with_apis();
    let boto = cloud.boto();
    let stranger = "arn:aws:lambda:us-east-1:123456789012:function:strangers";
    boto.call(
        "cognito-idp",
        "create_user_pool",
        json!({"PoolName": "outside", "EmailVerificationSubject": "Hi", "LambdaConfig": {"PostConfirmation": stranger}}),
    );
    // Another service's pool of the same name is its own business.
    let tags = json!({"hoist:service": "other", "hoist:stage": "dev", "hoist:id": "CognitoUserPoolMembers"});
    boto.call("cognito-idp", "create_user_pool", json!({"PoolName": "members", "UserPoolTags": tags}));
    let others = pool(&boto, "members")["Id"].clone();
    let ours = |name: &str| {
        let found = pools(&boto).into_iter().filter(|(known, pool)| known == name && pool["Id"] != others);
        found.map(|(_, pool)| pool).collect::<Vec<_>>()
    };

    let project = Project::new(POOLS).file("handler.py", ANSWERS);
    project.deploy(&cloud);
    project.deploy(&cloud).says("nothing to do");
    project.on(&cloud, ["diff", "--exit-code"]).success();
    assert_eq!((ours("members").len(), ours("guests").len()), (1, 1));
    sign_up(&boto, &ours("members")[0], "first-member");
    sign_up(&boto, &pool(&boto, "outside"), "first-outside");
    for who in ["first-member", "first-outside"] {
        assert!(boto.hears("pool-dev-greets", who), "{who} was not heard");
    }

    // Another trigger, in place: users stay. What the file lays over the pool is set and taken away again.
    let changed = POOLS.replace("pool: guests, trigger: PreSignUp", "pool: guests, trigger: CustomMessage");
    let laid_over = "
resources:
  extensions:
    CognitoUserPoolGuests:
      Properties:
        EmailVerificationSubject: Welcome
        Policies: {PasswordPolicy: {MinimumLength: 12}}
        UserPoolTags: {team: front}
        Schema: [{Name: plan, AttributeDataType: String, Mutable: true}]
";
    let before = ours("guests")[0]["Id"].clone();
    project.write("serverless.yml", &format!("{changed}{laid_over}"));
    project.deploy(&cloud);
    project.deploy(&cloud).says("nothing to do");
    let guests = ours("guests")[0].clone();
    let function = "arn:aws:lambda:us-east-1:123456789012:function:pool-dev-greets";
    assert_eq!(guests["Id"], before);
    assert_eq!(guests["LambdaConfig"], json!({"CustomMessage": function}));
    assert_eq!(guests["EmailVerificationSubject"], "Welcome");
    assert_eq!(guests["Policies"]["PasswordPolicy"]["MinimumLength"], 12);
    assert_eq!(guests["UserPoolTags"]["team"], "front");
    let attributes = guests["SchemaAttributes"].as_array().unwrap();
    assert!(attributes.iter().any(|one| one["Name"] == "custom:plan"), "{attributes:?}");

    project.write("serverless.yml", &changed);
    project.on(&cloud, ["diff", "--exit-code"]).code(2).says("EmailVerificationSubject");
    project.deploy(&cloud);
    project.deploy(&cloud).says("nothing to do");
    let guests = ours("guests")[0].clone();
    assert_eq!(guests.get("EmailVerificationSubject").and_then(Value::as_str).unwrap_or(""), "");
    assert_eq!(guests["Policies"]["PasswordPolicy"]["MinimumLength"], 8);
    assert_eq!(guests["UserPoolTags"]["team"], Value::Null);

    // The pool without users goes; the one with users stays, silent and nobody's; the stranger's trigger stays.
    project.write("serverless.yml", POOLS.split("    events:").next().unwrap());
    project.deploy(&cloud);
    project.deploy(&cloud).says("nothing to do");
    assert_eq!(ours("guests"), Vec::<Value>::new());
    let members = ours("members")[0].clone();
    assert!(members["LambdaConfig"].as_object().is_none_or(serde_json::Map::is_empty), "{members}");
    assert_eq!(members["UserPoolTags"]["hoist:service"], Value::Null);
    let outside = pool(&boto, "outside");
    assert_eq!(outside["LambdaConfig"], json!({"PostConfirmation": stranger}));
    assert_eq!(outside["EmailVerificationSubject"], "Hi");
    sign_up(&boto, &members, "last-member");
    sign_up(&boto, &outside, "last-outside");
    for who in ["last-member", "last-outside"] {
        assert!(!boto.heard("pool-dev-greets", who), "{who} was heard");
    }

    // It carries no marks any more: to use it again is the user's decision.
    project.write("serverless.yml", POOLS);
    project.on(&cloud, ["deploy", "--yes"]).code(1).says("--adopt");
    project.write("serverless.yml", POOLS.split("    events:").next().unwrap());
    project.on(&cloud, ["remove", "--yes"]).success();
    assert!(boto.function("pool-dev-greets").is_none());
    assert_eq!(pools(&boto).len(), 3, "{:?}", pools(&boto));
}
