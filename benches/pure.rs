//! How fast the parts are that call nobody: `cargo bench` (add `--no-default-features` to build without the AWS crates).

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::thread;
use std::time::Duration;

use divan::Bencher;
use hoist::config::language::{Context, decode_service, validate};
use hoist::config::load::{LoadOptions, load_text};
use hoist::config::node::Sources;
use hoist::config::yaml::compose;
use hoist::engine::diff::{difference, from_json};
use hoist::engine::kind::Trait;
use hoist::engine::value::Value;
use hoist::package::rules::Written;
use hoist::package::{Packaging, Request, build};
use serde_json::json;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

fn main() {
    divan::main();
}

/// A thousand files of four kilobytes that compress as source code does.
fn project() -> (TempDir, Packaging) {
    let dir = TempDir::new().expect("a temporary directory");
    for nth in 0..1_000 {
        let path = dir.path().join(format!("src/{:02}/file{nth}.js", nth / 50));
        fs::create_dir_all(path.parent().expect("a directory")).expect("create directories");
        let line = |line: usize| {
            format!("export const value{nth}_{line} = async () => {};\n", (nth * 7919 + line * 104_729) % 99_991)
        };
        fs::write(path, (0..80).map(line).collect::<String>()).expect("write");
    }
    let packaging = packaging(dir.path(), 1);
    (dir, packaging)
}

fn packaging(root: &Path, functions: usize) -> Packaging {
    let mut packaging = Packaging::new(root);
    for nth in 0..functions {
        let written = Written {
            service_patterns: vec!["!**/*.md".into(), "!docs/**".into()],
            own_patterns: vec![format!("!src/{nth:02}/**")],
            ..Written::default()
        };
        packaging.requests.push(Request::files(format!("f{nth}"), format!("functions.f{nth}"), root, written));
    }
    packaging
}

fn run(packaging: &Packaging) -> usize {
    let built = build(packaging, &CancellationToken::new());
    assert!(!built.has_errors(), "{:?}", built.problems);
    built.reused
}

#[divan::bench(sample_count = 20)]
fn package_1000_files(bencher: Bencher) {
    let (dir, packaging) = project();
    bencher
        .with_inputs(|| drop(fs::remove_dir_all(dir.path().join(".hoist"))))
        .bench_local_values(|()| run(&packaging));
}

#[divan::bench(sample_count = 20)]
fn package_1000_unchanged_files(bencher: Bencher) {
    let (_dir, packaging) = project();
    // The cache trusts no file that changed within the last two seconds.
    thread::sleep(Duration::from_millis(2_100));
    run(&packaging);
    bencher.bench_local(|| assert_eq!(run(&packaging), 1));
}

#[divan::bench(sample_count = 20)]
fn choose_from_1000_files_for_20_functions(bencher: Bencher) {
    let (dir, _) = project();
    let packaging = packaging(dir.path(), 20);
    thread::sleep(Duration::from_millis(2_100));
    run(&packaging);
    bencher.bench_local(|| assert_eq!(run(&packaging), 20));
}

/// A service of 5,000 lines: 357 functions of 14 lines.
fn yaml() -> String {
    let mut text = String::from("service: large\nprovider:\n  name: aws\n  runtime: nodejs22.x\nfunctions:\n");
    for nth in 0..357 {
        text.push_str(&format!(
            "  function{nth}:\n    handler: src/function{nth}.handler\n    memorySize: 256 # MB\n    timeout: 29\n    \
             environment:\n      TABLE: table-{nth}\n      URL: 'https://example.com/{nth}'\n      LEVEL: \"info\"\n    \
             tags:\n      team: shop\n    events:\n      - httpApi:\n          method: get\n          path: /things/{nth}\n"
        ));
    }
    text
}

#[divan::bench(sample_count = 20)]
fn read_yaml_of_5000_lines(bencher: Bencher) {
    let text = yaml();
    let file = Sources::default().add("serverless.yml", text.as_str());
    bencher.bench_local(|| {
        let composed = compose(black_box(&text), file);
        assert!(composed.diagnostics.is_empty());
        composed
    });
}

#[divan::bench(sample_count = 20)]
fn type_a_service_of_357_functions(bencher: Bencher) {
    let text = yaml();
    let file = Sources::default().add("serverless.yml", text.as_str());
    let root = compose(&text, file).root.expect("a tree");
    bencher.bench_local(|| {
        let (service, problems) = decode_service(black_box(&root));
        assert!(problems.is_empty(), "{problems:?}");
        service
    });
}

/// The whole way of `hoist validate`: read, resolve a variable in each function, type and check.
#[divan::bench(sample_count = 20)]
fn load_and_check_5000_lines(bencher: Bencher) {
    let text = yaml().replace("LEVEL: \"info\"", "LEVEL: ${self:provider.runtime}-${sls:stage}");
    let options = LoadOptions { directory: "/nowhere".into(), ..LoadOptions::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let context = Context { stage: "dev", region: "us-east-1", strict: false, today: jiff::civil::date(2026, 6, 1) };
    bencher.bench_local(|| {
        let loaded = runtime.block_on(load_text(black_box(&text), &options, None));
        let (service, _) = validate(&loaded.root.expect("a tree"), &context);
        assert_eq!(service.expect("a service").functions.len(), 357);
    });
}

fn function(nth: usize, memory: usize) -> Value {
    from_json(json!({
        "FunctionName": format!("large-dev-function{nth}"),
        "Handler": format!("src/function{nth}.handler"),
        "Runtime": "nodejs22.x",
        "MemorySize": memory,
        "Timeout": 29,
        "Role": "arn:aws:iam::123456789012:role/large-dev-us-east-1-lambdaRole",
        "Environment": {"Variables": (0..20).map(|key| (format!("KEY_{key}"), json!(format!("value {nth}")))).collect::<serde_json::Map<_, _>>()},
        "Layers": ["arn:aws:lambda:us-east-1:123456789012:layer:common:7"],
        "Tags": {"STAGE": "dev", "hoist:service": "large", "hoist:stage": "dev"},
        "Code": {"Sha256": "2jmj7l5rSw0yVb/vlWAYkK/YBwk="},
    }))
}

#[divan::bench]
fn compare_300_functions(bencher: Bencher) {
    let live: Vec<Value> = (0..300).map(|nth| function(nth, 1_024)).collect();
    // Every tenth differs.
    let desired: Vec<Value> = (0..300).map(|nth| function(nth, if nth % 10 == 0 { 2_048 } else { 1_024 })).collect();
    bencher.bench_local(|| {
        let changed = live
            .iter()
            .zip(&desired)
            .filter(|(live, desired)| {
                !difference(live, black_box(desired), &[("FunctionName", Trait::Immutable)]).fields.is_empty()
            })
            .count();
        assert_eq!(changed, 30);
    });
}
