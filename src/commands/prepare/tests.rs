//! What is said about values that only an account knows, and about secrets, wherever they stand.

use std::cell::Cell;
use std::collections::BTreeSet;

use super::*;
use crate::config::node::Data;
use crate::config::secrets::Secrets;
use crate::screen::diagnostics::{self, Look};

/// Every object of the language in the forms that the framework accepts.
const EVERYTHING: &str = include_str!("../../config/language/samples/everything.yml");

async fn loaded(text: &str) -> Loaded {
    let options = LoadOptions { directory: std::env::temp_dir(), ..LoadOptions::default() };
    config::load::load_text(text, &options, None).await
}

/// Everything that is said about a tree, without its code.
fn said(text: &Loaded, root: Node) -> Vec<Diagnostic> {
    let loaded = Loaded {
        root: Some(root),
        sources: text.sources.clone(),
        diagnostics: Vec::new(),
        stage: text.stage.clone(),
        region: text.region.clone(),
        profile: None,
        directory: text.directory.clone(),
        config_path: None,
        asked: text.asked.clone(),
        dotenv_plugin_env: IndexMap::new(),
    };
    let Examined { read, mut diagnostics, .. } = examine(false, loaded);
    if let Some(read) = read {
        let Compiled { template, problems } = compile(&read.service, &read.target);
        diagnostics.extend(problems);
        diagnostics.extend(desired::problems(&read, &template));
    }
    diagnostics
}

/// The paths of all texts of a tree.
fn texts(node: &Node, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    match &node.data {
        Data::String(_) => found.push(path.clone()),
        Data::List(items) => items.iter().enumerate().for_each(|(index, item)| {
            path.push(index.to_string());
            texts(item, path, found);
            path.pop();
        }),
        Data::Map(map) => map.iter().for_each(|(key, entry)| {
            path.push(key.clone());
            texts(&entry.value, path, found);
            path.pop();
        }),
        _ => {}
    }
}

fn at<'n>(root: &'n mut Node, path: &[String]) -> &'n mut Node {
    path.iter().fold(root, |node, step| match &mut node.data {
        Data::Map(map) => &mut map[step.as_str()].value,
        Data::List(items) => &mut items[step.parse::<usize>().expect("an index")],
        _ => panic!("{path:?} leads nowhere"),
    })
}

/// A tree for every text of the sample, with another value in its place.
fn changed(root: &Node, change: impl Fn(&mut Node)) -> Vec<(String, Node)> {
    let mut paths = Vec::new();
    texts(root, &mut Vec::new(), &mut paths);
    assert!(paths.len() > 200, "the sample has texts");
    let mut all = Vec::new();
    for path in paths {
        let mut tree = root.clone();
        change(at(&mut tree, &path));
        all.push((path.join("."), tree));
    }
    all
}

fn errors(found: &[Diagnostic]) -> BTreeSet<String> {
    // The sample refers to resources that it does not have, each told where it is met first.
    let of_the_sample = |one: &&Diagnostic| one.code == "unknown-resource" && !one.message.contains("${");
    let errors = found.iter().filter(|one| one.severity == Severity::Error && !of_the_sample(one));
    errors.map(|one| format!("[{}] {}", one.code, one.message)).collect()
}

/// Words that decide what stands beside them: without them the rest is read as if they were not there.
const MUST_BE_KNOWN: &[&str] = &["provider.name", ".type", "schedule.method"];

#[tokio::test]
async fn a_value_that_only_an_account_knows_is_not_wrong() {
    let sample = loaded(EVERYTHING).await;
    let root = sample.root.clone().expect("the sample is a configuration");
    let before = errors(&said(&sample, root.clone()));
    let mut wrong = Vec::new();
    for variable in ["${ssm:/x}", "arn:aws:sns:us-east-1:${aws:accountId}:${cf:st.Name}"] {
        for (path, tree) in changed(&root, |node| node.data = Data::Deferred(variable.to_owned())) {
            if MUST_BE_KNOWN.iter().any(|word| path.ends_with(word)) {
                continue;
            }
            for error in errors(&said(&sample, tree)).difference(&before) {
                wrong.push(format!("{path}: {variable}: {error}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} values\n{}", wrong.len(), wrong.join("\n"));
}

/// What cannot be compiled without an account is said: each with the path of what is left out.
#[tokio::test]
async fn what_is_left_out_for_want_of_an_account_is_said() {
    let listener =
        "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/a/0123456789abcdef/0123456789abcdef";
    let alb = |more: &str| format!("alb: {{listenerArn: '{listener}', priority: 1, conditions: {{path: /a}}, {more}}}");
    let table = [
        ("events[0].schedule.method", "schedule: {rate: rate(1 day), method: '${ssm:/x}'}".to_owned()),
        ("events[0].schedule.enabled", "schedule: {rate: rate(1 day), enabled: '${ssm:/x}'}".to_owned()),
        (
            "events[0].stream.type",
            "stream: {arn: 'arn:aws:kinesis:eu-west-1:123456789012:stream/s', type: '${ssm:/x}'}".to_owned(),
        ),
        (
            "events[0].sqs.batchSize",
            "sqs: {arn: 'arn:aws:sqs:eu-west-1:123456789012:q', batchSize: '${ssm:/x}'}".to_owned(),
        ),
        ("events[0].http", "http: '${ssm:/x}'".to_owned()),
        ("events[0].http.cors", "http: {path: a, method: get, cors: '${ssm:/x}'}".to_owned()),
        ("events[0].http", "http: {path: a, method: get, authorizer: {name: '${ssm:/x}'}}".to_owned()),
        (
            "events[0].http",
            "http: {path: a, method: post, request: {schemas: {application/json: '${ssm:/x}'}}}".to_owned(),
        ),
        (
            "events[0].http",
            "http: {path: a, method: get, authorizer: {name: f, identitySource: '${ssm:/x}'}}".to_owned(),
        ),
        (
            "events[0].cloudFront",
            "cloudFront: {eventType: viewer-request, origin: 'https://a.example', behavior: '${ssm:/x}'}".to_owned(),
        ),
        ("events[0].httpApi", "httpApi: '${ssm:/x}'".to_owned()),
        ("events[0].httpApi", "httpApi: {path: /a, method: get, authorizer: '${ssm:/x}'}".to_owned()),
        ("events[0].alb", alb("authorizer: '${ssm:/x}'")),
        ("events[0].alb.healthCheck", alb("healthCheck: '${ssm:/x}'")),
        ("events[0].kafka", "kafka: '${ssm:/x}'".to_owned()),
    ];
    for (path, event) in table {
        // CloudFront takes functions of one region only.
        let region = if event.starts_with("cloudFront") { "us-east-1" } else { "eu-west-1" };
        let text = format!(
            "service: shop\nprovider: {{name: aws, runtime: nodejs24.x, region: {region}}}\nfunctions:\n  f: {{handler: a.b, timeout: 5, events: [{{{event}}}]}}\n"
        );
        let sample = loaded(&text).await;
        let found = said(&sample, sample.root.clone().expect("a tree"));
        let left_out: Vec<&str> = found
            .iter()
            .filter(|one| one.code == "needs-account" && one.severity == Severity::Warning && one.place.is_some())
            .filter_map(|one| one.path.as_deref())
            .collect();
        assert_eq!(left_out, [format!("functions.f.{path}")], "{event}: {found:?}");
        assert_eq!(errors(&found), BTreeSet::new(), "{event}");
    }
}

#[tokio::test]
async fn a_secret_is_in_no_problem_wherever_it_stands() {
    let sample = loaded(EVERYTHING).await;
    let root = sample.root.clone().expect("the sample is a configuration");
    let mut told = 0;
    // By turns: each place is tried with one of the two.
    let forms = ["/a/hunter2-is-it b", "arn:aws:sns:us-east-1:123456789012:hunter2-is-it"];
    let turn = Cell::new(0);
    for (path, tree) in changed(&root, |node| {
        node.data = Data::String(forms[turn.replace(turn.get() + 1) % forms.len()].to_owned());
        node.secret = true;
    }) {
        let mut sources = sample.sources.clone();
        sources.secrets = Secrets::of(&tree);
        for one in said(&sample, tree) {
            told += 1;
            for shown in [
                diagnostics::text(&one, &sources, Look::default()),
                diagnostics::json(&one, &sources).to_string(),
                diagnostics::github(&one, &sources),
            ] {
                assert!(!shown.contains("hunter2"), "{path}: {shown}");
            }
        }
    }
    assert!(told > 200, "secrets in wrong places are said to be wrong");
}

#[tokio::test]
async fn a_mapping_that_only_an_account_knows_counts_as_absent() {
    let base = "service: shop\nprovider: {name: aws, runtime: nodejs24.x}\nfunctions: {f: {handler: a.b}}\n";
    for (key, value) in [
        ("environment", "provider"),
        ("tags", "provider"),
        ("stackTags", "provider"),
        ("secrets", "provider"),
        ("httpApi", "provider"),
        ("layers", ""),
        ("package", ""),
    ] {
        let text = match value {
            "" => format!("{base}{key}: ${{ssm:/all}}\n"),
            _ => base.replace("runtime:", &format!("{key}: '${{ssm:/all}}', runtime:")),
        };
        let sample = loaded(&text).await;
        let root = sample.root.clone().expect("a tree");
        assert_eq!(errors(&said(&sample, root)), BTreeSet::new(), "{key}");
    }
    let sample = loaded(&base.replace("{f: {handler: a.b}}", "${ssm:/functions}")).await;
    assert_eq!(errors(&said(&sample, sample.root.clone().expect("a tree"))), BTreeSet::new());

    // Without these there is nothing to read, which is said at its place.
    let sample = loaded("service: shop\nprovider: ${ssm:/provider}\n").await;
    let found = said(&sample, sample.root.clone().expect("a tree"));
    assert_eq!(errors(&found).len(), 1, "{found:?}");
    assert!(found.iter().all(|one| one.place.is_some()), "{found:?}");
}
