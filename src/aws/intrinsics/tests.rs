use serde_json::json;

use super::*;
use crate::aws::template::{TemplateResource, masked};
use crate::engine::value::{Expression, Secret};

/// A property tree from JSON.
pub(super) fn tree(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(flag) => Value::Bool(flag),
        serde_json::Value::Number(number) => Value::Number(number),
        serde_json::Value::String(text) => Value::String(text),
        serde_json::Value::Array(items) => Value::List(items.into_iter().map(tree).collect()),
        serde_json::Value::Object(map) => Value::Map(map.into_iter().map(|(key, value)| (key, tree(value))).collect()),
    }
}

fn context() -> Context {
    Context {
        partition: "aws".into(),
        region: "eu-west-1".into(),
        account_id: "123456789012".into(),
        url_suffix: "amazonaws.com".into(),
        stack_name: "shop-dev".into(),
        owner: Owner { service: "shop".into(), stage: "dev".into(), ..Owner::default() },
        ..Context::default()
    }
}

fn template() -> Template {
    let mut template = Template { service: "shop".into(), stage: "dev".into(), ..Template::default() };
    template.resources.insert(
        "HelloLambdaFunction".into(),
        TemplateResource::new("AWS::Lambda::Function", tree(json!({ "FunctionName": "shop-dev-hello" }))),
    );
    template.stacks.insert("shop-dev".into(), tree(json!({ "Resources": { "Table": {} } })));
    template.sections.insert(
        "Conditions".into(),
        tree(json!({
            "IsDev": { "Fn::Equals": [{ "Ref": "Stage" }, "dev"] },
            "IsNotDev": { "Fn::Not": [{ "Condition": "IsDev" }] },
            "Turning": { "Fn::Or": [{ "Condition": "Turning" }, { "Condition": "IsDev" }] },
        })),
    );
    template.sections.insert("Parameters".into(), tree(json!({ "Stage": { "Type": "String", "Default": "dev" } })));
    template.sections.insert("Mappings".into(), tree(json!({ "Sizes": { "dev": { "small": 128 } } })));
    template
}

fn desired<'a>(evaluation: &'a Evaluation, logical_id: &str) -> &'a crate::engine::resource::Desired {
    evaluation.desired.resources.iter().find(|one| one.address.logical_id == logical_id).unwrap()
}

/// What a tree evaluates to as a property of a log group, as masked JSON.
fn evaluated(value: serde_json::Value) -> (serde_json::Value, Evaluation) {
    let mut template = template();
    template
        .resources
        .insert("Probe".into(), TemplateResource::new("AWS::Lambda::Permission", tree(json!({ "P": value }))));
    let evaluation = evaluate(&template, &context());
    let probe = evaluation.desired.resources.iter().find(|one| one.address.logical_id == "Probe").unwrap();
    (probe.properties.get("P").map_or(json!("<absent>"), masked), evaluation)
}

#[test]
fn functions_are_evaluated_as_far_as_they_can_be() {
    let table = [
        (json!({ "Ref": "AWS::Region" }), json!("eu-west-1")),
        (json!({ "Ref": "AWS::StackName" }), json!("shop-dev")),
        (json!({ "Fn::Sub": "${AWS::StackName}-x" }), json!("shop-dev-x")),
        (
            json!({ "Fn::Sub": "https://s3.${AWS::Region}.${AWS::URLSuffix}" }),
            json!("https://s3.eu-west-1.amazonaws.com"),
        ),
        (json!({ "Ref": "AWS::NoValue" }), json!("<absent>")),
        (json!(["a", { "Ref": "AWS::NoValue" }, "b"]), json!(["a", "b"])),
        (json!({ "Ref": "Stage" }), json!("dev")),
        (json!({ "Ref": "HelloLambdaFunction" }), json!({ "Ref": "HelloLambdaFunction" })),
        (json!({ "Fn::GetAtt": "HelloLambdaFunction.Arn" }), json!({ "Fn::GetAtt": ["HelloLambdaFunction", "Arn"] })),
        (json!({ "Fn::Join": ["-", ["a", { "Ref": "AWS::Region" }, 1]] }), json!("a-eu-west-1-1")),
        (
            json!({ "Fn::Join": [":", ["a", "b", { "Ref": "HelloLambdaFunction" }, "c", "d"]] }),
            json!({ "Fn::Join": [":", ["a:b", { "Ref": "HelloLambdaFunction" }, "c:d"]] }),
        ),
        (json!({ "Fn::Sub": "${AWS::Partition}/${!Literal}/$x" }), json!("aws/${Literal}/$x")),
        (json!({ "Fn::Sub": ["${a}-${Stage}", { "a": { "Ref": "AWS::AccountId" } }] }), json!("123456789012-dev")),
        (
            json!({ "Fn::Sub": "x/${HelloLambdaFunction.Arn}" }),
            json!({ "Fn::Join": ["", ["x/", { "Fn::GetAtt": ["HelloLambdaFunction", "Arn"] }]] }),
        ),
        (json!({ "Fn::Select": ["1", { "Fn::Split": [",", "a,b"] }] }), json!("b")),
        (
            json!({ "Fn::Select": [0, { "Fn::Split": [":", { "Ref": "HelloLambdaFunction" }] }] }),
            json!({ "Fn::Select": [0, { "Fn::Split": [":", { "Ref": "HelloLambdaFunction" }] }] }),
        ),
        (json!({ "Fn::If": ["IsDev", 1, 2] }), json!(1)),
        (json!({ "Fn::If": ["IsNotDev", 1, { "Ref": "AWS::NoValue" }] }), json!("<absent>")),
        (json!({ "Fn::FindInMap": ["Sizes", { "Ref": "Stage" }, "small"] }), json!(128)),
        (json!({ "Fn::Base64": "hi" }), json!("aGk=")),
        (json!({ "Fn::ToJsonString": { "a": [1, { "Ref": "AWS::Region" }] } }), json!("{\"a\":[1,\"eu-west-1\"]}")),
        (
            json!({ "Fn::ToJsonString": { "a": { "Ref": "HelloLambdaFunction" } } }),
            json!({ "Fn::Join": ["", ["{\"a\":\"", { "Ref": "HelloLambdaFunction" }, "\"}"]] }),
        ),
        // A statement's `Condition` is not a function.
        (json!({ "Condition": { "Bool": { "x": true } } }), json!({ "Condition": { "Bool": { "x": true } } })),
    ];
    for (from, want) in table {
        let (have, evaluation) = evaluated(from.clone());
        assert_eq!(have, want, "{from}");
        assert_eq!(evaluation.problems, [], "{from}");
    }
}

#[test]
fn what_only_the_account_knows_is_listed_once_and_put_in_on_the_second_round() {
    let mut template = template();
    template.resources.insert(
        "Probe".into(),
        TemplateResource::new(
            "AWS::Lambda::Permission",
            tree(json!({
                "Import": { "Fn::ImportValue": { "Fn::Sub": "net-${Stage}" } },
                "Secret": "pw={{resolve:secretsmanager:db:SecretString:password}}",
            })),
        ),
    );
    let first = evaluate(&template, &context());
    let password = Lookup::Dynamic(Dynamic::parse("secretsmanager:db:SecretString:password").unwrap());
    assert_eq!(first.problems, []);
    assert_eq!(first.needs, BTreeSet::from([Lookup::Export("net-dev".into()), password.clone()]));

    let found = BTreeMap::from([
        (Lookup::Export("net-dev".into()), Value::string("vpc-1")),
        (password, Value::Secret(Secret::new("hunter2"))),
    ]);
    let second = evaluate(&template, &Context { found, ..context() });
    let probe = &desired(&second, "Probe").properties;
    assert_eq!(second.needs, BTreeSet::new());
    assert_eq!(probe.get("Import"), Some(&Value::string("vpc-1")));
    assert_eq!(probe.get("Secret"), Some(&Value::Secret(Secret::new("pw=hunter2"))));
}

#[test]
fn every_problem_is_named_with_its_path() {
    let table = [
        (json!({ "Ref": "Nothing" }), "there is no resource and no parameter `Nothing`"),
        (json!({ "Fn::GetAtt": ["HelloLambdaFunction"] }), "expected a resource and one of its attributes"),
        (json!({ "Fn::Cidr": ["10.0.0.0/8", 1, 8] }), "`Fn::Cidr` can only be used in raw `resources:`"),
        (json!({ "Fn::GetAZs": "" }), "`Fn::GetAZs` can only be used in raw `resources:`"),
        (json!({ "Fn::Select": [0, { "Fn::GetAZs": { "Ref": "AWS::Region" } }] }), "`Fn::GetAZs` can only be used"),
        (json!({ "Fn::If": ["Unknown", 1, 2] }), "`resources.Conditions` has no `Unknown`"),
        (json!({ "Fn::If": ["Turning", 1, 2] }), "the condition `Turning` depends on itself"),
        (json!({ "Fn::Select": [5, ["a"]] }), "the list has no item 5"),
        (json!({ "Ref": "AWS::StackId" }), "`AWS::StackId` means nothing here"),
    ];
    let (_, evaluation) = evaluated(json!({ "Fn::Join": ["", ["a", { "Ref": "ServerlessDeploymentBucket" }]] }));
    let problem = evaluation.problems.first().unwrap();
    assert_eq!(problem.path.as_deref(), Some("resources.Probe.Properties.P.Fn::Join.1.1.Ref"));
    assert!(problem.help[0].contains("name a bucket of your own"), "{problem:?}");
    for (from, want) in table {
        let (_, evaluation) = evaluated(from.clone());
        let first = evaluation.problems.first().unwrap_or_else(|| panic!("{from}: no problem"));
        assert!(first.message.contains(want), "{}", first.message);
        assert!(first.message.starts_with("resources.Probe.Properties.P."), "{}", first.message);
    }
}

#[test]
fn a_function_that_only_cloudformation_evaluates_comes_with_a_way_out() {
    let (_, evaluation) = evaluated(json!({ "Fn::Join": [",", { "Fn::GetAZs": "" }] }));
    let problem = evaluation.problems.first().unwrap();
    assert!(problem.help.iter().any(|help| help.contains("!GetAtt Subnet.AvailabilityZone")), "{problem:?}");
}

#[test]
fn conditions_leave_out_a_resource_and_what_lives_beneath_it() {
    let mut template = template();
    template.resources["HelloLambdaFunction"].condition = Some("IsNotDev".into());
    template.resources.insert(
        "HelloLambdaFunctionUrl".into(),
        TemplateResource::new("AWS::Lambda::Url", tree(json!({}))).beneath("HelloLambdaFunction"),
    );
    template.stacks.clear();
    assert_eq!(evaluate(&template, &context()).desired.resources, []);
}

#[test]
fn marks_win_over_tags_and_tags_over_stack_tags() {
    let mut template = template();
    template.resources["HelloLambdaFunction"].properties =
        tree(json!({ "Tags": [{ "Key": "team", "Value": "own" }, { "Key": "hoist:stage", "Value": "forged" }] }));
    let mut context = context();
    context.owner.stack_tags =
        BTreeMap::from([("team".into(), Value::string("stack")), ("cost".into(), Value::string("7"))]);
    let evaluation = evaluate(&template, &context);
    let function = evaluation.desired.resources.first().unwrap();
    let applied = function.fingerprint.clone().unwrap();
    assert_eq!(
        masked(function.properties.get("Tags").unwrap()),
        json!([
            { "Key": "STAGE", "Value": "dev" },
            { "Key": "cost", "Value": "7" },
            { "Key": "hoist:applied", "Value": applied },
            { "Key": "hoist:id", "Value": "HelloLambdaFunction" },
            { "Key": "hoist:service", "Value": "shop" },
            { "Key": "hoist:stage", "Value": "dev" },
            { "Key": "team", "Value": "own" },
        ])
    );
}

#[test]
fn the_fingerprint_follows_what_lives_beneath_the_function() {
    let applied = |children: &[(&str, &str, serde_json::Value)]| {
        let mut template = template();
        for (logical_id, kind, properties) in children {
            let child = TemplateResource::new(*kind, tree(properties.clone())).beneath("HelloLambdaFunction");
            template.resources.insert((*logical_id).to_owned(), child);
        }
        evaluate(&template, &context()).desired.resources.first().unwrap().fingerprint.clone().unwrap()
    };
    let none = applied(&[]);
    let one = applied(&[("Url", "AWS::Lambda::Url", json!({ "AuthType": "NONE" }))]);
    assert_ne!(none, one);
    assert_ne!(one, applied(&[("Url", "AWS::Lambda::Url", json!({ "AuthType": "AWS_IAM" }))]));
    assert_eq!(none, applied(&[("Version", "AWS::Lambda::Version", json!({ "CodeSha256": "x" }))]));
}

#[test]
fn the_fingerprint_follows_what_lives_deeper_too() {
    let applied = |share: f64| {
        let mut template = template();
        let target = TemplateResource::new("AWS::ApplicationAutoScaling::ScalableTarget", tree(json!({})));
        template.resources.insert("Target".into(), target.beneath("HelloLambdaFunction"));
        let policy =
            TemplateResource::new("AWS::ApplicationAutoScaling::ScalingPolicy", tree(json!({ "Share": share })));
        template.resources.insert("Policy".into(), policy.beneath("Target"));
        evaluate(&template, &context()).desired.resources.first().unwrap().fingerprint.clone().unwrap()
    };
    assert_ne!(applied(0.7), applied(0.8));
}

#[test]
fn hints_are_evaluated_like_properties() {
    let hinted = |context: &Context| {
        let mut template = template();
        let alarms = tree(json!({ "Alarms": ["plain", { "Ref": "Table" }, { "Ref": "AWS::Region" }] }));
        let alias = TemplateResource::new("AWS::Lambda::Alias", tree(json!({}))).hint("Shift", alarms);
        template.resources.insert("Alias".into(), alias);
        let evaluation = evaluate(&template, context);
        let alias = evaluation.desired.resources.iter().find(|one| one.address.logical_id == "Alias").unwrap();
        (masked(&alias.hints["Shift"]), evaluation.needs)
    };
    let (hint, needs) = hinted(&context());
    let table = json!({ "Fn::GetAtt": ["shop-dev", "Outputs.HoistTable"] });
    assert_eq!((hint, needs), (json!({ "Alarms": ["plain", table, "eu-west-1"] }), BTreeSet::new()));
}

#[test]
fn a_later_list_stays_to_be_joined() {
    let split = Value::Later(Expression::Split {
        separator: ",".into(),
        text: Box::new(Value::attribute("HelloLambdaFunction", "Arn")),
    });
    assert!(matches!(super::evaluator::joined("-", vec![split]), Value::Later(Expression::Join { .. })));
}

/// Without an account the variable stands where its value will be.
#[test]
fn variables_of_the_file_that_are_still_open_are_text() {
    for (tree, expected) in [
        (
            json!({ "Fn::Sub": "a-${ssm:/x/${opt:stage, 'dev'}}-${AWS::Region}-${!b}" }),
            json!("a-${ssm:/x/${opt:stage, 'dev'}}-eu-west-1-${b}"),
        ),
        (json!({ "Ref": "${ssm:/x}" }), json!("${ssm:/x}")),
        (json!({ "Fn::GetAtt": ["${cf:a.B}", "Arn"] }), json!("${cf:a.B}")),
        (json!({ "Fn::Select": [3, { "Fn::Split": [",", "${ssm:/x}"] }] }), json!("${ssm:/x}")),
        (json!({ "Fn::Select": ["${ssm:/x}", ["a"]] }), json!("${ssm:/x}")),
        (json!({ "Fn::FindInMap": ["Sizes", "${ssm:/x}", "small"] }), json!("${ssm:/x}")),
    ] {
        let (value, evaluation) = evaluated(tree.clone());
        assert_eq!((value, evaluation.problems.as_slice()), (expected, &[][..]), "{tree}");
    }
    let (_, evaluation) = evaluated(json!({ "Fn::Sub": "${lower.Arn}" }));
    assert_eq!(evaluation.problems[0].code, "unknown-resource");
    let (_, evaluation) = evaluated(json!({ "Ref": "PythonRequirementsLambdaLayer" }));
    assert!(evaluation.problems[0].help[0].contains("serverless-python-requirements"));
}

/// Two stacks: the second one's resources refer to functions, and to the first.
fn stacks(first: serde_json::Value, second: serde_json::Value, uses: serde_json::Value) -> Evaluation {
    let mut template = template();
    template.stacks.insert("shop-dev".into(), tree(first));
    template.stacks.insert("shop-dev-after".into(), tree(second));
    template
        .resources
        .insert("Probe".into(), TemplateResource::new("AWS::Lambda::Permission", tree(json!({ "P": uses }))));
    evaluate(&template, &context())
}

#[test]
fn what_is_used_outside_of_a_stack_is_an_output_of_it() {
    let resources = json!({ "Resources": { "Table": { "Type": "T", "Condition": "IsDev" }, "Key": { "Type": "K" } } });
    let uses = json!([{ "Ref": "Table" }, { "Fn::GetAtt": ["Table", "Stream.Arn"] }]);
    let found = stacks(resources, json!({ "Resources": { "Late": { "Type": "L", "Of": { "Ref": "Key" } } } }), uses);
    assert_eq!(found.problems, []);
    let get = |output: &str| json!({ "Fn::GetAtt": ["shop-dev", format!("Outputs.{output}")] });
    let probe = masked(&desired(&found, "Probe").properties);
    assert_eq!(probe["P"], json!([get("HoistTable"), get("HoistTableStreamArn")]));
    let main = masked(&desired(&found, "shop-dev").properties);
    assert_eq!(
        main["TemplateBody"]["Outputs"],
        json!({
            "HoistKey": { "Value": { "Ref": "Key" } },
            "HoistTable": { "Value": { "Ref": "Table" }, "Condition": "IsDev" },
            "HoistTableStreamArn": { "Value": { "Fn::GetAtt": ["Table", "Stream.Arn"] }, "Condition": "IsDev" },
        })
    );
    assert_eq!(main["Tags"], json!({ "STAGE": "dev", "hoist:resources": "shop/dev" }));
    let after = masked(&desired(&found, "shop-dev-after").properties);
    assert_eq!(after["TemplateBody"]["Resources"]["Late"]["Of"], get("HoistKey"));
    assert_eq!(after["TemplateBody"]["Metadata"], json!({ "Hoist": { "After": "shop-dev" } }));
}

#[test]
fn a_template_is_cloudformations_but_for_what_is_outside_of_it() {
    let late = json!({
        "Type": "L", "DependsOn": ["Other", "Table", "HelloLambdaFunction"],
        "P": {
            "Own": { "Fn::Sub": ["${Other} of ${AWS::StackName} in ${AWS::Region}, ${!Kept}, ${Mine.a}: ${HelloLambdaFunction.Arn}",
                { "Mine.a": { "Ref": "Table" } }] },
            "Zones": { "Fn::GetAZs": { "Ref": "AWS::Region" } },
            "Kept": { "Fn::Sub": "${Other}-${Stage}" },
            "Size": { "Fn::FindInMap": ["Sizes", "dev", "small"] },
        },
    });
    let first = json!({ "Resources": { "Table": { "Type": "T", "Name": { "Ref": "AWS::StackName" } } } });
    let found = stacks(first, json!({ "Resources": { "Late": late, "Other": { "Type": "O" } } }), json!(null));
    assert_eq!(found.problems, []);
    let main = masked(&desired(&found, "shop-dev").properties);
    assert_eq!(main["TemplateBody"]["Resources"]["Table"]["Name"], json!({ "Ref": "AWS::StackName" }));
    let stack = desired(&found, "shop-dev-after");
    assert_eq!(stack.depends_on, ["HelloLambdaFunction", "shop-dev"]);
    let late = &masked(&stack.properties)["TemplateBody"]["Resources"]["Late"];
    assert_eq!(late["DependsOn"], json!(["Other"]));
    assert_eq!(
        late["P"]["Own"]["Fn::Sub"],
        json!([
            "${Other} of ${HoistAWSStackName} in ${AWS::Region}, ${!Kept}, ${Mine.a}: ${HoistHelloLambdaFunctionArn}",
            {
                "HoistAWSStackName": "shop-dev",
                "HoistHelloLambdaFunctionArn": { "Fn::GetAtt": ["HelloLambdaFunction", "Arn"] },
                "Mine.a": { "Fn::GetAtt": ["shop-dev", "Outputs.HoistTable"] },
            },
        ])
    );
    assert_eq!(late["P"]["Zones"], json!({ "Fn::GetAZs": { "Ref": "AWS::Region" } }));
    assert_eq!(late["P"]["Kept"], json!({ "Fn::Sub": "${Other}-${Stage}" }));
    assert_eq!(late["P"]["Size"], json!({ "Fn::FindInMap": ["Sizes", "dev", "small"] }));
}

#[test]
fn a_stack_of_outputs_is_made_only_where_somebody_else_may_read_them() {
    let output = |more: serde_json::Value| {
        let mut output = json!({ "Value": { "Fn::GetAtt": ["HelloLambdaFunction", "Arn"] } });
        output.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let found = stacks(json!({}), json!({ "Outputs": { "Arn": output } }), json!(null));
        let ids: Vec<String> = found.desired.resources.iter().map(|one| one.address.logical_id.clone()).collect();
        ids.iter().any(|id| id == "shop-dev-after").then(|| masked(&desired(&found, "shop-dev-after").properties))
    };
    assert_eq!(output(json!({})), None);
    let made = output(json!({ "Export": { "Name": "hello" } })).unwrap();
    assert_eq!(
        made["TemplateBody"]["Resources"],
        json!({ "Nothing": { "Type": "AWS::CloudFormation::WaitConditionHandle" } })
    );
}

#[test]
fn tags_of_everything_may_be_functions() {
    let mut context = context();
    context.owner.stack_tags = BTreeMap::from([("where".to_owned(), tree(json!({ "Ref": "AWS::Region" })))]);
    let found = evaluate(&template(), &context);
    assert_eq!(masked(&desired(&found, "shop-dev").properties)["Tags"]["where"], "eu-west-1");
    let function = masked(&desired(&found, "HelloLambdaFunction").properties);
    assert!(function["Tags"].as_array().unwrap().contains(&json!({ "Key": "where", "Value": "eu-west-1" })));
}

#[test]
fn what_is_null_in_a_template_is_nothing() {
    let first = json!({ "Resources": { "Table": { "Type": "T", "Properties": { "A": null, "B": 1 } } } });
    let found = stacks(first, json!({}), json!(null));
    let main = masked(&desired(&found, "shop-dev").properties);
    assert_eq!(main["TemplateBody"]["Resources"]["Table"]["Properties"], json!({ "B": 1 }));
}

#[test]
fn what_a_condition_leaves_out_cannot_be_used() {
    let first = json!({ "Resources": { "Table": { "Type": "T", "Condition": "IsNotDev" } } });
    let found = stacks(first, json!({}), json!({ "Ref": "Table" }));
    let problems: Vec<_> = found.problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(problems, ["resources.Probe.Properties.P.Ref: `Table` is left out by its condition"]);
}

#[test]
fn parameters_are_those_of_the_file_and_of_its_type() {
    let mut template = template();
    template.sections.insert(
        "Parameters".into(),
        tree(json!({
            "Given": { "Type": "String", "Default": "dev" },
            "Zones": { "Type": "CommaDelimitedList", "Default": "a, b" },
            "Kept": { "Type": "AWS::SSM::Parameter::Value<String>", "Default": "/shop/url" },
        })),
    );
    template.stack_properties.insert("Parameters".into(), tree(json!({ "Given": "prod" })));
    let uses = tree(json!({ "P": [{ "Ref": "Given" }, { "Fn::Join": ["+", { "Ref": "Zones" }] }, { "Ref": "Kept" }] }));
    template.resources.insert("Probe".into(), TemplateResource::new("AWS::Lambda::Permission", uses));
    let kept = Lookup::Dynamic(Dynamic::parse("ssm:/shop/url").unwrap());
    assert_eq!(evaluate(&template, &context()).needs, BTreeSet::from([kept.clone()]));
    let found = BTreeMap::from([(kept, Value::string("https://shop"))]);
    let found = evaluate(&template, &Context { found, ..context() });
    assert_eq!(masked(&desired(&found, "Probe").properties)["P"], json!(["prod", "a+b", "https://shop"]));
    let stack = masked(&desired(&found, "shop-dev").properties);
    assert_eq!(stack["Parameters"], json!({ "Given": "prod" }));
}
