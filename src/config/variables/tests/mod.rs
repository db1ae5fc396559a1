//! Whole configurations, from files to values: a table for each source.

use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::remote::Remote;
use crate::config::load::{LoadOptions, Loaded, load, load_text};
use crate::config::node::{Data, Node};

mod recorded;
mod remote;

use remote::FakeAccount;

/// A service's directory with files, and how it is loaded.
struct Service {
    directory: tempfile::TempDir,
    options: LoadOptions,
    account: Option<FakeAccount>,
}

impl Service {
    fn new(config: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let options = LoadOptions { directory: directory.path().to_owned(), ..LoadOptions::default() };
        Self { directory, options, account: None }.file("serverless.yml", config)
    }

    fn file(self, path: &str, text: &str) -> Self {
        let path = self.directory.path().join(path);
        std::fs::create_dir_all(path.parent().expect("inside the directory")).expect("writable");
        std::fs::write(path, text).expect("writable");
        self
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.options.env.insert(name.into(), value.into());
        self
    }

    fn option(mut self, name: &str, value: &str) -> Self {
        self.options.options.insert(name.into(), value.into());
        self
    }

    fn param(mut self, name: &str, value: &str) -> Self {
        self.options.params.push((name.into(), value.into()));
        self
    }

    fn stage(mut self, stage: &str) -> Self {
        self.options.stage = Some(stage.into());
        self
    }

    fn account(mut self, account: FakeAccount) -> Self {
        self.account = Some(account);
        self
    }

    /// The path of the process, where `node` and `git` are found.
    fn with_programs(self) -> Self {
        let path = std::env::var("PATH").unwrap_or_default();
        self.env("PATH", &path)
    }

    async fn load(&self) -> Loaded {
        load(&self.options, self.account.as_ref().map(|account| account as &dyn Remote)).await
    }

    /// `custom`, which has to be without problems.
    async fn custom(&self) -> Value {
        let loaded = self.load().await;
        assert_eq!(loaded.diagnostics, []);
        plain(loaded.root.as_ref().and_then(|root| root.get("custom")).expect("custom"))
    }

    /// Each problem as `code path message`.
    async fn problems(&self) -> Vec<String> {
        let found = self.load().await.diagnostics;
        found.iter().map(|found| format!("{} {}", found.code, found.message)).collect()
    }
}

fn plain(node: &Node) -> Value {
    match &node.data {
        Data::Deferred(text) => json!({"deferred": text}),
        Data::List(items) => items.iter().map(plain).collect(),
        Data::Map(map) => map.iter().map(|(key, entry)| (key.clone(), plain(&entry.value))).collect(),
        _ => crate::config::json::in_the_clear(node),
    }
}

/// A service with `custom: {it: <value>}` and some things to refer to.
fn with(value: &str) -> Service {
    Service::new(&format!(
        "service: api\nprovider: {{name: aws, region: eu-west-1}}\ncustom:\n  text: hello\n  number: 5\n  flag: true\n  nothing: null\n  list: [a, {{b: c}}]\n  map: {{x: 1, y: '${{self:custom.text}}'}}\n  key: text\n  it: {value}\n"
    ))
}

async fn check(table: &[(&str, Value)], prepare: impl Fn(Service) -> Service) {
    for (value, expected) in table {
        let service = prepare(with(value));
        let loaded = service.load().await;
        assert_eq!(loaded.diagnostics, [], "{value}");
        let root = loaded.root.expect("no problems");
        let it = root.get("custom").and_then(|custom| custom.get("it")).expect("it");
        assert_eq!(plain(it), *expected, "{value}");
    }
}

#[tokio::test]
async fn self_reads_the_file_itself() {
    let table = [
        ("${self:service}", json!("api")),
        ("${self:custom.text} world", json!("hello world")),
        ("${self:custom.number}", json!(5)),
        ("${self:custom.number}0", json!("50")),
        ("is ${self:custom.flag}", json!("is true")),
        ("${self:custom.list}", json!(["a", {"b": "c"}])),
        ("${self:custom.list.0}", json!("a")),
        ("${self:custom.list.1.b}", json!("c")),
        ("${self:custom.map}", json!({"x": 1, "y": "hello"})),
        ("${self:custom.map.y}", json!("hello")),
        ("${self:custom.${self:custom.key}}", json!("hello")),
        ("${self:custom.none, self:custom.text}", json!("hello")),
        ("${self:custom.nothing, 'other'}", json!("other")),
        ("${self:custom.none, ${self:custom.text}}", json!("hello")),
        ("${self:custom.none, null}", json!(null)),
        ("${self:custom.none, 5}", json!(5)),
        ("${self:provider.stage}", json!("dev")),
        ("['${self:custom.text}', {a: '${self:custom.number}'}]", json!(["hello", {"a": 5}])),
        ("'\\${self:custom.text}'", json!("${self:custom.text}")),
        ("'${AWS::Region}-${Table}-${self:custom.text}'", json!("${AWS::Region}-${Table}-hello")),
        ("!Sub '${AWS::Region}.${Foo${self:custom.text}}'", json!({"Fn::Sub": "${AWS::Region}.${Foohello}"})),
    ];
    check(&table, |service| service).await;
}

#[tokio::test]
async fn opt_env_param_and_sls_read_what_they_are_given() {
    let table = [
        ("${opt:name}", json!("value")),
        ("${opt:none, 'x'}", json!("x")),
        ("${opt:stage, 'dev'}", json!("prod")),
        ("${opt:}", json!({"name": "value", "stage": "prod"})),
        ("${env:NAME}", json!("from env")),
        ("${env:EMPTY}", json!("")),
        ("${env:NONE, env:NAME}", json!("from env")),
        ("${env:NESTED}", json!("hello")),
        ("${param:given}", json!("on the line")),
        ("${param:none, 'x'}", json!("x")),
        ("${sls:stage}", json!("prod")),
        ("${aws:region}", json!("eu-west-1")),
        ("${strToBool(${env:YES})}", json!(true)),
        ("${strToBool('0')}", json!(false)),
        ("${strToBool(false)}", json!(false)),
    ];
    check(&table, |service| {
        service
            .stage("prod")
            .option("name", "value")
            .param("given", "on the line")
            .env("NAME", "from env")
            .env("EMPTY", "")
            .env("YES", "TRUE")
            .env("NESTED", "${self:custom.text}")
    })
    .await;
}

#[tokio::test]
async fn parameters_come_from_the_line_then_the_stage_then_the_default() {
    let config = "
service: api
provider: {name: aws}
params:
  prod: {a: prod, url: 'https://${self:custom.domain}'}
  default: {a: default, b: default, nothing: null}
  other: {a: '${env:NOT_THERE}'}
stages:
  default: {params: {c: new}}
custom: {domain: x.org, a: '${param:a}', b: '${param:b}', c: '${param:c}', url: '${param:url, null}'}
";
    let all = |a: &str, url: Value| json!({"domain": "x.org", "a": a, "b": "default", "c": "new", "url": url});
    assert_eq!(Service::new(config).stage("prod").custom().await, all("prod", json!("https://x.org")));
    assert_eq!(Service::new(config).stage("dev").custom().await, all("default", json!(null)));
    assert_eq!(Service::new(config).param("a", "line").custom().await, all("line", json!(null)));
}

#[tokio::test]
async fn file_reads_yaml_json_and_text_and_what_is_in_them() {
    let table = [
        ("${file(./conf.yml)}", json!({"a": {"b": 1}, "own": "hello", "list": [{"Ref": "X"}]})),
        ("${file(conf.yml):a.b}", json!(1)),
        ("${file(conf.yml):own}", json!("hello")),
        ("${file(conf.yml):list.0}", json!({"Ref": "X"})),
        ("${file(conf.yml):none, 'x'}", json!("x")),
        ("${file(./none.yml), 'x'}", json!("x")),
        ("${file(./none.yml):a.b, 'x'}", json!("x")),
        ("${file(./${self:custom.text}.json):deep.0}", json!("json")),
        ("${file(./dir/../text.txt)}", json!("some hello text\n")),
        ("${file(./empty.yml), 'x'}", json!("x")),
        ("${file(../${self:custom.nothing, 'none'}.yml), 'x'}", json!("x")),
    ];
    check(&table, |service| {
        service
            .file("conf.yml", "a: {b: 1}\nown: ${self:custom.text}\nlist: [!Ref X]\n")
            .file("hello.json", "{\"deep\": [\"json\"]}")
            .file("text.txt", "some ${self:custom.text} text\n")
            .file("empty.yml", "")
    })
    .await;
}

#[tokio::test]
async fn a_value_knows_where_it_came_from() {
    let service = with("${file(conf.yml):a}").file("conf.yml", "a: {b: 1}\n");
    let loaded = service.load().await;
    let root = loaded.root.expect("no problems");
    let it = root.get("custom").and_then(|custom| custom.get("it")).expect("it");
    let path = |file| loaded.sources.get(file).expect("known").path.clone();
    assert_eq!((path(it.place.file), it.place.line, it.place.column), (String::from("serverless.yml"), 11, 7));
    let origin = &it.origins[0];
    assert_eq!(origin.how, "value of `${file(conf.yml):a}`");
    assert_eq!((path(origin.place.file), origin.place.line, origin.place.column), (String::from("conf.yml"), 1, 4));
    assert_eq!(path(it.get("b").expect("b").place.file), "conf.yml");
}

#[tokio::test]
async fn scripts_are_run_by_node() {
    let table = [
        ("${file(value.js)}", json!({"a": 1, "f": {"called": "value"}})),
        ("${file(value.js):a}", json!(1)),
        ("${file(value.js):f.called}", json!("value")),
        ("${file(promise.cjs):x}", json!("promised")),
        ("${file(module.mjs):x}", json!("esm")),
        ("${file(function.js)}", json!({"stage": "prod", "text": "hello world", "property": 5})),
        ("${file(none.js), 'x'}", json!("x")),
        ("${file(value.js):none, 'x'}", json!("x")),
    ];
    check(&table, |service| {
        service
            .with_programs()
            .stage("prod")
            .option("name", "value")
            .file(
                "value.js",
                "console.log('noise'); module.exports = {a: 1, f: ({options}) => ({called: options.name})};\n\
                 module.exports.f.toJSON = () => ({called: 'value'});\n",
            )
            .file("promise.cjs", "module.exports = Promise.resolve({x: 'promised'});\n")
            .file("module.mjs", "export default {x: 'esm'};\n")
            .file(
                "function.js",
                "module.exports = async ({options, resolveVariable, resolveConfigurationProperty}) => ({\n\
                 stage: options.stage,\n\
                 text: await resolveVariable('self:custom.text') + ' world',\n\
                 property: await resolveConfigurationProperty(['custom', 'number']),\n});\n",
            )
    })
    .await;
    let failing = with("${file(./bad.js)}").with_programs().file("bad.js", "\nthrow new TypeError('oh no');\n");
    assert_eq!(
        failing.problems().await,
        ["variable-failed custom.it: `${file(./bad.js)}` could not be read: TypeError: oh no (line 2)"]
    );
    let hanging =
        with("${file(./never.js)}").with_programs().file("never.js", "module.exports = new Promise(() => {});");
    assert!(hanging.problems().await[0].contains("a promise was never resolved"));
    let without = with("${file(./a.js)}").file("a.js", "module.exports = 1").env("PATH", "/nowhere");
    assert_eq!(
        without.problems().await,
        ["variable-failed custom.it: `${file(./a.js)}` could not be read: there is no `node` to run it"]
    );
}

#[tokio::test]
async fn git_is_asked_about_the_directory() {
    let service = with("${git:branch, 'none'}").with_programs();
    assert!(service.problems().await[0].contains("git says: fatal: not a git repository"));
    let service = with("${git:brnch}");
    let found = service.load().await.diagnostics;
    assert_eq!(found[0].help, ["did you mean `${git:branch}`?"]);
}

#[tokio::test]
async fn terraform_outputs_come_from_a_state_file() {
    let state = r#"{"outputs": {"table": {"value": {"arn": "arn:x"}}, "key": {"value": "s3cret", "sensitive": true}}}"#;
    let service =
        with("['${terraform:outputs:table.arn}', '${terraform:outputs:key}']").file("terraform.tfstate", state);
    let loaded = service.load().await;
    let root = loaded.root.expect("no problems");
    let it = root.get("custom").and_then(|custom| custom.get("it")).expect("it");
    assert_eq!(plain(it), json!(["arn:x", "s3cret"]));
    let Data::List(items) = &it.data else { panic!("a list") };
    assert_eq!(items.iter().map(|item| item.secret).collect::<Vec<_>>(), [false, true]);
}

#[tokio::test]
async fn env_files_are_loaded_by_the_rules_of_the_version() {
    let config = |head: &str| {
        let service = Service::new(&format!(
            "service: api\n{head}\nprovider: {{name: aws, stage: '${{opt:stage, \"test\"}}'}}\ncustom: {{a: '${{env:A, \"-\"}}', b: '${{env:B, \"-\"}}', c: '${{env:C, \"-\"}}'}}\n"
        ));
        service
            .file(".env", "A=plain\nB=plain\n")
            .file(".env.test", "A=stage\nC=$A\n")
            .file("x.env", "B=x\n")
            .env("C", "process")
    };
    let values = |a: &str, b: &str| json!({"a": a, "b": b, "c": "process"});
    assert_eq!(config("").custom().await, values("-", "-"));
    assert_eq!(config("useDotenv: true").custom().await, values("stage", "-"));
    assert_eq!(config("useDotenv: true").stage("other").custom().await, values("plain", "plain"));
    assert_eq!(config("frameworkVersion: '4'").custom().await, values("stage", "plain"));
    assert_eq!(config("frameworkVersion: '^4.2'\nuseDotenv: false").custom().await, values("-", "-"));
    assert_eq!(config("frameworkVersion: '4'\nuseDotenv: x.env").custom().await, values("-", "x"));
}

#[tokio::test]
async fn the_dotenv_plugin_gives_what_functions_get() {
    let service = Service::new(
        "service: api
provider: {name: aws, environment: {OWN: x, B: own}}
plugins: [serverless-dotenv-plugin]
custom: {dotenv: {exclude: [HIDDEN], required: {env: [MISSING, A]}}, a: '${env:A}'}
",
    )
    .file(".env", "A=1\nB=base\nHIDDEN=x\n")
    .file(".env.dev", "B=dev\n");
    let loaded = service.load().await;
    let expected = [("B", "dev"), ("A", "1")];
    assert_eq!(loaded.dotenv_plugin_env.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect::<Vec<_>>(), expected);
    let provider = plain(loaded.root.as_ref().and_then(|root| root.get("provider")).expect("there"));
    assert_eq!(provider["environment"], json!({"OWN": "x", "B": "dev", "A": "1"}));
    assert_eq!(
        loaded.diagnostics.iter().map(|d| d.message.as_str()).collect::<Vec<_>>(),
        ["custom.dotenv.required.env: MISSING is in no `.env` file and not in the environment"]
    );
}

#[tokio::test]
async fn the_service_is_named_in_both_forms_and_the_region_is_what_it_comes_to() {
    for service in ["shop", "{name: shop}"] {
        let text = format!(
            "service: {service}\nprovider: aws\ncustom: {{a: '${{self:service.name}}', b: '${{self:service}}-x', r: '${{self:provider.region}}', o: '${{opt:region, self:provider.region}}'}}\n"
        );
        let expected = json!({"a": "shop", "b": "shop-x", "r": "us-east-1", "o": "us-east-1"});
        let root = Service::new(&text).load().await.root.expect("a tree");
        assert_eq!(plain(root.get("custom").expect("it is there")), expected, "{service}");
    }
    let mut there = Service::new("service: shop\nprovider: {name: aws}\ncustom: {r: '${self:provider.region}'}\n");
    there.options.region = Some("eu-west-1".into());
    assert_eq!(there.custom().await, json!({"r": "eu-west-1"}));
    let text = "service: shop\nprovider: {name: aws, region: eu-west-3}\ncustom: {r: '${self:provider.region}'}\n";
    assert_eq!(Service::new(text).custom().await, json!({"r": "eu-west-3"}));
}

#[tokio::test]
async fn a_stage_is_decided_before_env_files_are_read_and_once() {
    let service = Service::new(
        "service: shop\nuseDotenv: true\nprovider: {name: aws, stage: \"${env:STG, 'dev'}\"}\ncustom: {a: '${self:provider.stage}', b: '${sls:stage}', c: '${env:STG}'}\n",
    )
    .file(".env", "STG=prod\n");
    let loaded = service.load().await;
    assert_eq!(loaded.stage, "dev");
    assert_eq!(service.custom().await, json!({"a": "dev", "b": "dev", "c": "prod"}));
    assert_eq!(service.env("STG", "qa").custom().await, json!({"a": "qa", "b": "qa", "c": "qa"}));
}

#[tokio::test]
async fn variables_that_nearly_are_say_how_to_write_them() {
    for (text, message, help) in [
        ("${opt:stage, dev}", "text goes in quotes", "write `${opt:stage, 'dev'}`"),
        ("${opt.stage, 'dev'}", "a dot where the colon", "did you mean `${opt:stage, 'dev'}`?"),
        ("${opt:mine}", "has no value", "hoist has no option --mine: write `${param:mine}`"),
        ("${opt:region}", "has no value", "give it on the command line: --region VALUE"),
    ] {
        let loaded = with(text).load().await;
        let found = loaded.diagnostics.first().expect("it is wrong");
        assert!(found.message.contains(message) && found.help[0].contains(help), "{text}: {found:?}");
    }
    assert!(with("${opt.stage}").load().await.diagnostics.is_empty());
}

#[tokio::test]
async fn the_stage_is_found_out_first() {
    let stage = async |provider: &str| {
        let service =
            Service::new(&format!("service: a\nprovider: {provider}\ncustom: {{it: '${{sls:stage}}', s: test}}\n"));
        service.file("provider.yml", "{name: aws, stage: from file}").env("STAGE", "env").load().await.stage
    };
    assert_eq!(stage("aws").await, "dev");
    assert_eq!(stage("{name: aws, stage: prod}").await, "prod");
    assert_eq!(stage("${file(provider.yml)}").await, "from file");
    assert_eq!(stage("{name: aws, stage: '${env:STAGE}'}").await, "env");
    assert_eq!(stage("{name: aws, stage: '${opt:stage, self:custom.s}'}").await, "test");
    let problems = async |stage: &str| {
        Service::new(&format!("service: a\nprovider: {{name: aws, stage: '{stage}'}}\n")).problems().await
    };
    assert!(problems("${ssm:/stage}").await[0].starts_with("stage-unknown"));
    let missing = problems("${env:NONE}").await;
    assert!(missing.len() == 1 && missing[0].starts_with("variable-missing"), "{missing:?}");
    let own = problems("${sls:stage}").await;
    assert!(own.len() == 1 && own[0].starts_with("variable-misused"), "{own:?}");
}

#[tokio::test]
async fn circles_and_bombs_end() {
    let table = [
        ("${self:custom.it}", "variable-cycle custom.it: `custom.it` refers to itself"),
        ("${self:custom}", "variable-cycle variables go in a circle: `custom` contains itself"),
        ("{deep: '${self:custom.it}'}", "variable-cycle variables go in a circle: `custom.it` contains itself"),
        ("${env:LOOP}", "variable-too-deep"),
    ];
    for (value, expected) in table {
        let problems = with(value).env("LOOP", "${env:LOOP}").problems().await;
        let expected = expected.replace("custom.it: `custom.it`", "`custom.it`");
        assert!(problems[0].starts_with(&expected), "{value}: {problems:?}");
        assert_eq!(problems.len(), 1, "{value}: {problems:?}");
    }

    let mut config =
        String::from("service: a\nprovider: aws\ncustom:\n  a0: [x, x, x, x, x, x, x, x, x, x]\n  s0: xxxxxxxxxx\n");
    for level in 1..12 {
        let before = format!("'${{self:custom.a{}}}'", level - 1);
        config += &format!("  a{level}: [{}]\n", [before.as_str(); 10].join(", "));
        config += &format!("  s{level}: {}\n", format!("${{self:custom.s{}}}", level - 1).repeat(10));
    }
    let problems = Service::new(&config).problems().await;
    assert!(problems.iter().all(|problem| problem.contains("too-large")), "{problems:?}");

    // Each link finds the one before it resolved: only a chain that is met at its end is deep.
    let mut config = String::from("service: a\nprovider: aws\ncustom:\n  c0: x\n");
    for level in 1..2000 {
        config += &format!("  c{level}: ${{self:custom.c{}}}\n", level - 1);
    }
    assert_eq!(Service::new(&config).problems().await, [] as [&str; 0]);

    // The deepest recursion there can be: variables inside variables that lead to more of the same.
    let mut config = String::from("service: a\nprovider: aws\ncustom:\n");
    for level in 0..200 {
        let (open, close) = ("${strToBool(x".repeat(14), ")}".repeat(14));
        config += &format!("  c{level}: '{open}${{self:custom.c{}}}{close}'\n", level + 1);
    }
    let problems = Service::new(&config).problems().await;
    assert!(problems[0].contains("more than 64 variables lead to each other"), "{problems:?}");
}

#[tokio::test]
async fn many_forms_are_one_in_the_end() {
    let service = Service::new(
        "service: {name: api, awsKmsKeyArn: arn:kms}
provider: aws
functions:
  - {a: {handler: a.b}, gone: null}
  - ${file(more.yml)}
resources:
  - {Resources: {T: {Type: X, Properties: {L: [1, 2]}}}}
  - {Resources: {T: {Properties: {L: [3]}}, U: {Type: Y}}}
",
    )
    .file("more.yml", "b: {handler: c.d}\n");
    let loaded = service.load().await;
    let root = plain(loaded.root.as_ref().expect("a root"));
    assert_eq!(root["service"], json!("api"));
    assert_eq!(root["provider"], json!({"name": "aws", "kmsKeyArn": "arn:kms"}));
    assert_eq!(root["functions"], json!({"a": {"handler": "a.b"}, "b": {"handler": "c.d"}}));
    assert_eq!(
        root["resources"]["Resources"],
        json!({"T": {"Type": "X", "Properties": {"L": [3, 2]}}, "U": {"Type": "Y"}})
    );
    assert_eq!(loaded.diagnostics.iter().map(|d| d.code).collect::<Vec<_>>(), ["legacy-service-object"]);
}

#[tokio::test]
async fn pseudo_parameters_become_sub_where_the_plugin_is_listed() {
    let config = |plugins: &str| {
        Service::new(&format!(
            "service: a\nprovider: aws\nplugins: [{plugins}]\nfunctions: {{f: {{role: 'arn:#{{AWS::AccountId}}:${{x}}', d: {{Fn::Sub: '#{{AWS::Region}}'}}}}}}\n"
        ))
    };
    let read = async |plugins: &str| {
        plain(config(plugins).load().await.root.as_ref().expect("a root").get("functions").expect("there"))
    };
    assert_eq!(
        read("serverless-pseudo-parameters").await["f"],
        json!({"role": {"Fn::Sub": "arn:${AWS::AccountId}:${!x}"}, "d": {"Fn::Sub": "${AWS::Region}"}})
    );
    assert_eq!(read("").await["f"]["role"], json!("arn:#{AWS::AccountId}:${x}"));
}

#[tokio::test]
async fn configurations_in_javascript_are_run() {
    for (name, text) in [
        ("serverless.js", "module.exports = {service: 'js', custom: {x: '${self:service}'}};"),
        ("serverless.cjs", "module.exports = async () => ({service: 'js', custom: {x: '${self:service}'}});"),
        ("serverless.mjs", "export default Promise.resolve({service: 'js', custom: {x: '${self:service}'}});"),
        ("serverless.json", "{\"service\": \"js\", \"custom\": {\"x\": \"${self:service}\"}}"),
        ("serverless.ts", "const x: unknown = {service: 'js', custom: {x: '${self:service}'}};\nmodule.exports = x;"),
    ] {
        let service = Service::new("").file(name, text).with_programs();
        std::fs::remove_file(service.directory.path().join("serverless.yml")).expect("there");
        // TypeScript as the project compiles it: a stand-in for the `typescript` package of a project.
        let service = service.file(
            "node_modules/typescript/index.js",
            "exports.ModuleKind = {CommonJS: 1}; exports.ScriptTarget = {ES2020: 7};\n\
             exports.transpileModule = (text) => ({outputText: text.replace(': unknown', '')});\n",
        );
        assert_eq!(service.custom().await, json!({"x": "js"}), "{name}");
    }
}

#[tokio::test]
async fn a_missing_file_says_what_was_looked_for() {
    let empty = tempfile::tempdir().expect("a temporary directory");
    let options = LoadOptions { directory: empty.path().to_owned(), ..LoadOptions::default() };
    let found = load(&options, None).await.diagnostics;
    assert_eq!(found[0].code, "no-configuration");
    assert!(found[0].help[0].contains("serverless.yml, serverless.yaml, serverless.json"));
    std::fs::write(
        empty.path().join("serverless-compose.yml"),
        "services: {web: {path: web, dependsOn: api}, api: {path: services/api}}",
    )
    .expect("written");
    let found = load(&options, None).await.diagnostics;
    assert!(found[0].message.ends_with(", but serverless-compose.yml"), "{}", found[0].message);
    assert_eq!(found[0].help[1], "run it in each folder, in this order: services/api, web");
    let options = LoadOptions { config: Some(Path::new("other.yml").to_owned()), ..options };
    assert!(load(&options, None).await.diagnostics[0].message.contains("other.yml"));
}

#[test]
fn a_load_can_be_a_task_of_its_own() {
    fn sendable<T: Send>(_: T) {}
    sendable(load(&LoadOptions::default(), None));
}

#[tokio::test]
async fn resolvers_of_v4_give_names_to_sources() {
    let service = Service::new(
        "service: a
provider: aws
stages: ${file(stages.yml)}
custom:
  a: ${state:outputs:x}
  b: ${here:NAME}
",
    )
    .file("stages.yml", "default: {resolvers: {state: {type: terraform, path: my.tfstate}, here: {type: env}}}\n")
    .file("my.tfstate", "{\"outputs\": {\"x\": {\"value\": 1}}}")
    .env("NAME", "me");
    assert_eq!(service.custom().await, json!({"a": 1, "b": "me"}));
}

/// What a configuration is made of, for random ones.
const PIECES: &[&str] = &[
    "a",
    "b",
    "c: ",
    "- ",
    "\n",
    "\n  ",
    "\n    ",
    "${",
    "}",
    "self:",
    "custom",
    ".a",
    ".b",
    "opt:x",
    "env:E",
    "file(x)",
    ", ",
    "'y'",
    "(",
    ")",
    ":",
    "\"",
    "'",
    "&n ",
    "*n",
    "<<: ",
    "!Sub ",
    "aws:accountId",
    "ssm:/p",
    "param:q",
    "null",
    "1",
    "\\",
    "\u{e9}",
    "{",
    "[",
    "]",
    ",",
    "git:sha",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_configuration_makes_it_panic(parts in proptest::collection::vec(prop::sample::select(PIECES), 0..80)) {
        let text = format!("service: a\nprovider: aws\ncustom:\n  {}\n", parts.concat());
        let options = LoadOptions { directory: "/nowhere".into(), ..LoadOptions::default() };
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let loaded = runtime.block_on(load_text(&text, &options, None));
        for found in &loaded.diagnostics {
            if let Some(place) = found.place {
                let file = loaded.sources.get(place.file).expect("a file of this load");
                prop_assert!(place.start <= place.end && place.end as usize <= file.text.len(), "{found:?}");
            }
        }
    }

    #[test]
    fn no_circle_of_variables_goes_on_forever(
        values in proptest::collection::vec((0..6usize, 0..6usize, 0..4usize), 6)
    ) {
        let mut text = String::from("service: a\nprovider: aws\ncustom:\n");
        for (index, (one, other, form)) in values.iter().enumerate() {
            let value = match form {
                0 => format!("${{self:custom.v{one}}}"),
                1 => format!("x${{self:custom.v{one}}}y${{self:custom.v{other}}}"),
                2 => format!("{{k: '${{self:custom.v{one}}}', l: ['${{self:custom.v{other}.k, null}}']}}"),
                _ => format!("${{self:custom.v{one}.l.0, self:custom.v${{self:custom.v{other}, 1}}, 'z'}}"),
            };
            text += &format!("  v{index}: {value}\n");
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(load_text(&text, &LoadOptions::default(), None));
    }
}
