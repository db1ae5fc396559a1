//! How much a problem of the decoder weighs: `configValidationMode`, and keys that a plugin may read.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use super::super::codes;
use super::super::decode::nearest;
use super::super::diagnostic::{Diagnostic, Severity};
use super::super::node::{Data, Node, Place};
use super::plugins;
use super::service::{Service, ValidationMode};

/// Codes that are about the form of the file and not about what hoist could not read at all: `configValidationMode`
/// decides about them, as it does in the framework.
const ABOUT_FORM: [&str; 8] = [
    "unknown-key",
    "unknown-value",
    "out-of-range",
    "bad-format",
    "wrong-type",
    "event-without-settings",
    "runtime-unknown",
    "runtime-removed",
];

/// Takes away what is said about unknown keys that a `${self:..}` of the file asks for: they are the file's own. One that
/// is a near miss of a known key may still be meant for that, so it stays a warning.
pub fn asked_for(asked: &BTreeSet<String>, diagnostics: &mut Vec<Diagnostic>) {
    let is_asked = |path: &str| {
        let beneath = |whole: &str, part: &str| whole.strip_prefix(part).is_some_and(|rest| rest.starts_with('.'));
        // Who asks for a whole section has not thought of each of its keys.
        asked.iter().any(|asked| asked == path || beneath(asked, path) || (asked.contains('.') && beneath(path, asked)))
    };
    let asked_for = |found: &Diagnostic| found.code == "unknown-key" && found.path.as_deref().is_some_and(is_asked);
    diagnostics.retain(|found| found.label.is_some() || !asked_for(found));
    for found in diagnostics.iter_mut().filter(|found| asked_for(found)) {
        found.severity = found.severity.min(Severity::Warning);
    }
}

/// Takes away what is said about unknown keys of the top level that hold anchors for the rest of the file.
pub fn with_anchors(root: &Node, diagnostics: &mut Vec<Diagnostic>) {
    let Data::Map(map) = &root.data else { return };
    let holds = |key: &str| {
        let Some(entry) = map.get(key) else { return false };
        let span = entry.key_place.start..=end(&entry.value);
        let within = |place: Place| place.file == entry.key_place.file && span.contains(&place.start);
        map.iter().any(|(other, entry)| other != key && comes_from(&entry.value, &within))
    };
    diagnostics.retain(|found| {
        found.code != "unknown-key" || found.label.is_some() || !found.path.as_deref().is_some_and(holds)
    });
}

/// Whether a value, or any part of it, stands or came from where `within` says.
fn comes_from(node: &Node, within: &impl Fn(Place) -> bool) -> bool {
    within(node.place)
        || node.origins.iter().any(|origin| within(origin.place))
        || match &node.data {
            Data::List(items) => items.iter().any(|item| comes_from(item, within)),
            Data::Map(map) => map.values().any(|entry| comes_from(&entry.value, within)),
            _ => false,
        }
}

/// Where a value ends.
fn end(node: &Node) -> u32 {
    let parts: u32 = match &node.data {
        Data::List(items) => items.iter().map(end).max().unwrap_or_default(),
        Data::Map(map) => map.values().map(|entry| end(&entry.value)).max().unwrap_or_default(),
        _ => 0,
    };
    parts.max(node.place.end)
}

/// Weighs the decoder's problems.
pub fn weigh(service: &Service, diagnostics: &mut Vec<Diagnostic>) {
    // Keys of the top level that are nobody's on purpose, as Compose files have them: anchors stand there.
    let is_extension = |path: &str| path.starts_with("x-") && !path.contains('.');
    diagnostics.retain(|found| found.code != "unknown-key" || !found.path.as_deref().is_some_and(is_extension));
    if let Some(first) = plugins::with_keys(service).next() {
        for diagnostic in diagnostics.iter_mut() {
            // A near miss of a known key is a slip of the finger whoever else reads the file.
            if diagnostic.code == "unknown-key" && diagnostic.label.is_none() && is_extensible(diagnostic) {
                diagnostic.severity = Severity::Warning;
                diagnostic.help = vec![format!("the plugin `{}` may read it; hoist does not", first.name)];
            }
        }
    }
    match service.config_validation_mode.unwrap_or(ValidationMode::Error) {
        ValidationMode::Error => {}
        ValidationMode::Warn => {
            for diagnostic in diagnostics.iter_mut().filter(|found| ABOUT_FORM.contains(&found.code)) {
                diagnostic.severity = diagnostic.severity.min(Severity::Warning);
            }
        }
        ValidationMode::Off => {
            // Values that could not be read are still said: nothing is dropped in silence.
            for diagnostic in diagnostics.iter_mut().filter(|found| ABOUT_FORM.contains(&found.code)) {
                diagnostic.severity = diagnostic.severity.min(Severity::Warning);
            }
            diagnostics.retain(|found| !matches!(found.code, "unknown-key" | "out-of-range" | "bad-format"));
        }
    }
}

/// Says each key that is not built in once, with how often it is there; `strict` makes errors of them.
pub fn gather_unbuilt(diagnostics: &mut Vec<Diagnostic>, strict: bool) {
    let key = |found: &Diagnostic| -> Option<String> {
        (found.code == "unbuilt-key").then(|| found.path.as_deref()?.rsplit('.').next().map(str::to_owned)).flatten()
    };
    let mut counts: IndexMap<String, usize> = IndexMap::new();
    diagnostics.retain(|found| match key(found) {
        Some(key) => {
            let count = counts.entry(key).or_default();
            *count += 1;
            *count == 1
        }
        None => true,
    });
    for found in diagnostics.iter_mut() {
        let Some(count) = key(found).and_then(|key| counts.get(&key).copied()) else { continue };
        if count > 1 {
            found.message.push_str(&format!(" (and in {} other places)", count - 1));
        }
        if strict {
            found.severity = Severity::Error;
        }
    }
}

/// Takes away what `deploy.allow` names. Errors cannot be allowed.
pub fn allow(service: &Service, diagnostics: &mut Vec<Diagnostic>) {
    let Some(deploy) = &service.deploy else { return };
    for code in &deploy.allow {
        let before = diagnostics.len();
        diagnostics.retain(|found| found.code != code || found.severity == Severity::Error);
        if before == diagnostics.len() && !codes::CODES.iter().any(|known| known.code == code) {
            let known = codes::CODES.iter().map(|known| known.code);
            let diagnostic =
                Diagnostic::warning("unknown-code", format!("deploy.allow: `{code}` is not a code of hoist"))
                    .path("deploy.allow")
                    .at(deploy.place_of("allow"));
            diagnostics.push(match nearest(code, known) {
                Some(near) => diagnostic.label(format!("did you mean `{near}`?")),
                None => diagnostic.help("`docs/error-codes.md` lists them"),
            });
        }
    }
}

/// Whether plugins add keys where this problem is: the top level, the provider, a function, an event.
fn is_extensible(diagnostic: &Diagnostic) -> bool {
    let Some(path) = &diagnostic.path else { return false };
    let mut steps = path.split('.');
    match (steps.next(), steps.next(), steps.next(), steps.next(), steps.next(), steps.next()) {
        (Some(_), None, ..) => true,
        (Some("provider"), Some(_), None, ..) => true,
        (Some("functions"), Some(_), Some(_), None, ..) => true,
        (Some("functions"), Some(_), Some(events), Some(_), None, _)
        | (Some("functions"), Some(_), Some(events), Some(_), Some(_), None) => events.starts_with("events["),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::decode::sample;
    use super::super::super::diagnostic::Severity;
    use super::super::decode_service;

    fn severities(yaml: &str) -> Vec<(Severity, String)> {
        let (_, diagnostics) = decode_service(&sample::node(yaml));
        diagnostics.into_iter().map(|found| (found.severity, found.message)).collect()
    }

    #[test]
    fn the_mode_decides_about_unknown_keys() {
        let file = "service: shop\nprovider: {name: aws, colour: red}\n";
        assert_eq!(severities(file), [(Severity::Error, "provider.colour: unknown key".to_owned())]);
        let warn = format!("{file}configValidationMode: warn\n");
        assert_eq!(severities(&warn)[0].0, Severity::Warning);
        let off = format!("{file}configValidationMode: off\n");
        assert!(severities(&off).is_empty());
    }

    #[test]
    fn warnings_can_be_allowed_and_errors_cannot() {
        let file = "service: shop\nprovider: {name: aws, runtime: nodejs20.x}\ndeploy: {allow: [runtime-deprecated, missing-key, no-timeuot]}\nfunctions: {f: {timeout: 3}}\n";
        let context = super::super::Context {
            stage: "dev",
            region: "eu-central-1",
            strict: false,
            today: jiff::civil::date(2026, 11, 20),
        };
        let (_, found) = super::super::validate(&sample::node(file), &context);
        insta::assert_snapshot!(sample::summary(&found), @r"
        3:17 warning[unknown-code] deploy.allow: `no-timeuot` is not a code of hoist
        4:13 error[missing-key] functions.f: `handler` is missing
        ");
    }

    #[test]
    fn keys_that_the_file_itself_reads_are_its_own() {
        let file = "service: shop\nx-common: &c {a: 1}\nprovider: {name: aws, accountId: 1, regoin: x, deep: {a: {b: 1}}, lost: 1}\n";
        let asked = ["provider.accountId", "provider.regoin", "provider.deep.a.b"].map(str::to_owned).into();
        let (_, mut found) = decode_service(&sample::node(file));
        super::asked_for(&asked, &mut found);
        assert_eq!(
            sample::summary(&found),
            "3:37 warning[unknown-key] provider.regoin: unknown key\n3:67 error[unknown-key] provider.lost: unknown key"
        );
    }

    #[test]
    fn keys_that_hold_anchors_are_the_files_own() {
        let file = "service: shop
responseMappings: &mappings
  statusCodes: {'200': {pattern: ''}}
functionDefaults: &defaults
  timeout: 5
schedulesEvery: &every rate(1 hour)
leftBehind: &nobody {a: 1}
provider: aws
functions:
  f:
    <<: *defaults
    handler: a.b
    events:
      - http: {path: a, method: get, integration: lambda, response: *mappings}
      - schedule: *every
";
        let (_, found) = decode_service(&sample::node(file));
        assert_eq!(sample::summary(&found), "7:1 error[unknown-key] leftBehind: unknown key");
    }

    #[test]
    fn keys_of_older_versions_have_their_reason() {
        let file = "service: shop\nexcludeDevDependencies: false\nprovider: {name: aws, cfLogs: true, deploymentBucket: {name: abc, createBucket: true}}\n";
        let found = severities(file);
        assert!(found.iter().all(|(_, message)| !message.contains("unknown key")), "{found:?}");
    }

    #[test]
    fn keys_of_an_event_of_a_plugin_are_warnings() {
        let file = |plugin: &str| {
            format!(
                "service: shop\nprovider: aws\nplugins: [{plugin}]\nfunctions: {{f: {{handler: a.b, events: [{{preExistingCloudFront: {{eventType: x}}}}]}}}}\n"
            )
        };
        assert_eq!(severities(&file("serverless-lambda-edge-pre-existing-cloudfront"))[0].0, Severity::Warning);
        assert_eq!(severities(&file("serverless-offline"))[0].0, Severity::Error);
    }

    #[test]
    fn keys_that_an_unknown_plugin_may_read_are_warnings() {
        let found = severities(
            "service: shop\nprovider: aws\nplugins: [mine]\nextra: 1\nfunctions: {f: {handler: a.b, hadnler: x, colour: red}}\n",
        );
        assert_eq!(
            found,
            [
                (Severity::Warning, "extra: unknown key".to_owned()),
                (Severity::Error, "functions.f.hadnler: unknown key".to_owned()),
                (Severity::Warning, "functions.f.colour: unknown key".to_owned()),
            ]
        );
    }
}
