//! Files in a form of other times and other tools: what hoist would misread is said once, and clearly.

use super::diagnostic::Diagnostic;
use super::node::{Data, Node, Place};

/// Variables in a syntax of the file's own (`provider.variableSyntax`, until v1). Where it only leaves something out of
/// the usual `${..}`, hoist reads the file alike; where variables begin otherwise, their text would be deployed as it is.
/// One message instead of one for each value that they are a part of.
pub(super) fn other_variables(root: &Node) -> Option<Diagnostic> {
    let syntax = root.get("provider")?.get("variableSyntax")?;
    let opening = syntax.as_str().map(opening).filter(|opening| !opening.is_empty() && opening != "${")?;
    let place = first(root, &opening, syntax.place)?;
    let message = format!("provider.variableSyntax: hoist does not read variables that begin with `{opening}`");
    Some(
        Diagnostic::error("variable-syntax", message)
            .path("provider.variableSyntax")
            .at(place)
            .related("the syntax", syntax.place)
            .help("write variables as `${source:address}`; `\\${..}` is a text that is none"),
    )
}

/// How a variable begins, from the pattern that describes it: what stands before its first group.
fn opening(pattern: &str) -> String {
    pattern.split('(').next().unwrap_or_default().replace('\\', "")
}

/// The first text that holds another, but for the one at `except`.
fn first(node: &Node, wanted: &str, except: Place) -> Option<Place> {
    match &node.data {
        Data::String(text) => (text.contains(wanted) && node.place != except).then_some(node.place),
        Data::List(items) => items.iter().find_map(|item| first(item, wanted, except)),
        Data::Map(map) => map.values().find_map(|entry| first(&entry.value, wanted, except)),
        _ => None,
    }
}

/// A file of another tool that has the same name, or of another cloud: nothing in it is for hoist.
pub fn another_tool(root: &Node) -> Option<Diagnostic> {
    let Data::Map(map) = &root.data else { return None };
    let cloud = root
        .get("provider")
        .and_then(|provider| provider.get("name"))
        .filter(|name| name.as_str().is_some_and(|name| OTHER_CLOUDS.contains(&name)));
    if let Some(name) = cloud {
        let message = format!("provider.name: hoist deploys to AWS and not to `{}`", name.as_str().unwrap_or_default());
        return Some(Diagnostic::error("another-tool", message).path("provider.name").at(name.place));
    }
    if root.get("service").is_some() || root.get("provider").is_some() {
        return None;
    }
    let is_component = |node: &Node| node.get("component").is_some();
    let component = map.values().map(|entry| &entry.value).find(|node| is_component(node));
    if let Some(component) = component.or_else(|| is_component(root).then_some(root)) {
        let message = "the file is one of Serverless Components, which are another thing than services";
        return Some(
            Diagnostic::error("another-tool", message)
                .at(component.place)
                .help("hoist deploys files that have `service`, `provider` and `functions`"),
        );
    }
    if let Some(sign) = ["AWSTemplateFormatVersion", "Transform"].iter().find_map(|key| map.get(*key)) {
        let message = "the file is a template of CloudFormation or SAM, which is another thing than a service";
        return Some(
            Diagnostic::error("another-tool", message)
                .at(sign.key_place)
                .help("write its resources beneath `resources` of a file that has `service` and `provider`"),
        );
    }
    let services = map.get("services").filter(|entry| matches!(entry.value.data, Data::Map(_)))?;
    let message = "the file is one of Serverless Compose: it names services and is none itself";
    Some(
        Diagnostic::error("another-tool", message)
            .path("services")
            .at(services.key_place)
            .help("deploy each service from its own folder, in the order in which they need each other"),
    )
}

const OTHER_CLOUDS: &[&str] = &[
    "google",
    "azure",
    "tencent",
    "aliyun",
    "openwhisk",
    "kubeless",
    "knative",
    "fn",
    "spotinst",
    "cloudflare",
    "ovh",
];

#[cfg(test)]
mod tests {
    use super::super::decode::sample;
    use super::*;

    #[test]
    fn a_syntax_of_the_files_own_is_refused_where_it_is_used() {
        let found = |syntax: &str, text: &str| {
            let yaml =
                format!("service: shop\nprovider: {{name: aws, variableSyntax: '{syntax}'}}\ncustom: '{text}'\n");
            let found: Vec<Diagnostic> = other_variables(&sample::node(&yaml)).into_iter().collect();
            sample::summary(&found)
        };
        let own = r"\${{([ ~:a-zA-Z0-9._@,\-\/\(\)]+?)}}";
        assert_eq!(
            found(own, "${{self:service}}"),
            "3:9 error[variable-syntax] provider.variableSyntax: hoist does not read variables that begin with `${{`"
        );
        assert_eq!(found(own, "${self:service}"), "");
        assert_eq!(found(r"\${((?!AWS)[ ~:a-zA-Z0-9._@]+?)}", "${self:service}"), "");
        assert!(found("@{([a-z]+?)}", "@{self:service}").contains("`@{`"));
    }

    #[test]
    fn files_of_other_tools_are_known() {
        let found = |yaml: &str| another_tool(&sample::node(yaml)).map(|found| found.message).unwrap_or_default();
        assert!(found("site: {component: '@serverless/website'}").contains("Components"));
        assert!(found("name: x\ncomponent: express\n").contains("Components"));
        assert!(found("services: {api: {path: api}}").contains("Compose"));
        assert!(found("Transform: AWS::Serverless-2016-10-31\nResources: {}").contains("SAM"));
        assert!(found("service: x\nprovider: {name: google}").contains("not to `google`"));
        assert_eq!(found("service: x\nprovider: {name: aws}\ncomponents: {a: {component: b}}"), "");
    }
}
