//! From places in the compiled resources back to lines of the file.

use super::prepare::Read;
use crate::aws::compile::from_node;
use crate::aws::naming;
use crate::aws::template::Template;
use crate::config::diagnostic::Diagnostic;
use crate::config::language::lambda::SecretSource;
use crate::config::node::{Data, Node, Place};
use crate::engine::value::Value;

/// What is wrong, where the file has it.
struct Found {
    /// `provider.secrets.TOKEN`, `functions.api.environment.URL`
    path: String,
    place: Place,
    help: Option<String>,
}

/// Problems with what a service compiles to, told where the file has it and not where the template has it. What the
/// provider says for all functions, or one line of the file leads to in several resources, is wrong once.
pub fn in_the_file(problems: Vec<Diagnostic>, template: &Template, read: &Read) -> Vec<Diagnostic> {
    let mut all: Vec<Diagnostic> = Vec::with_capacity(problems.len());
    for problem in problems {
        let found =
            problem.path.as_deref().and_then(|path| variable(path, read).or_else(|| written(path, template, read)));
        let told = match (found, problem.path.as_deref()) {
            (Some(found), Some(path)) => {
                let message = problem.message.replacen(path, &found.path, 1);
                let help = problem.help.iter().cloned().chain(found.help).collect();
                Diagnostic { message, path: Some(found.path), help, ..problem }.at(found.place)
            }
            _ => problem,
        };
        if !all.contains(&told) {
            all.push(told);
        }
    }
    all
}

/// The variable of a function that a path of the template stands for: `resources.ApiLambdaFunction.Properties.Environment.Variables.URL`.
fn variable(path: &str, read: &Read) -> Option<Found> {
    let (logical_id, rest) = path.strip_prefix("resources.")?.split_once('.')?;
    let name = rest.strip_prefix("Properties.Environment.Variables.")?.split('.').next()?;
    let mut functions = read.service.effective_functions(&read.target.stage);
    let function = functions.find(|function| naming::lambda(function.key) == logical_id)?;
    let path = |own: bool, section: &str| {
        let owner = if own { format!("functions.{}", function.key) } else { "provider".to_owned() };
        format!("{owner}.{section}.{name}")
    };
    if let Some(secret) = function.secrets().get(name) {
        let kept = format!("/{}/{}/", read.service.name(), read.target.stage);
        let help = match &secret.source {
            SecretSource::Ssm { name } => name.strip_prefix(&kept).map(|name| format!("`hoist secrets set {name}`")),
            SecretSource::SecretsManager { .. } => None,
        };
        let path = path(function.function.secrets.contains_key(name), "secrets");
        return Some(Found { path, place: secret.place, help });
    }
    let place = function.environment_variables().get(name)?.key_place;
    let path = path(function.function.environment.0.contains_key(name), "environment");
    Some(Found { path, place, help: None })
}

/// The first place in the file that has the function of the template (`!GetAtt Orders.Arn`) in which a path ends.
fn written(path: &str, template: &Template, read: &Read) -> Option<Found> {
    let (logical_id, rest) = path.strip_prefix("resources.")?.split_once(".Properties.")?;
    let properties = &template.resources.get(logical_id)?.properties;
    let (parent, _) = rest.rsplit_once('.')?;
    let function = parent.split('.').try_fold(properties, |value, key| match value {
        Value::Map(map) => map.get(key),
        Value::List(items) => items.get(key.parse::<usize>().ok()?),
        _ => None,
    })?;
    let (path, place) = find(&read.root, function, &mut Vec::new())?;
    Some(Found { path, place, help: None })
}

fn find(node: &Node, wanted: &Value, path: &mut Vec<String>) -> Option<(String, Place)> {
    let entries: Vec<(String, &Node)> = match &node.data {
        Data::Map(map) => {
            if matches!(wanted, Value::Map(function) if map.keys().eq(function.keys())) && from_node(node) == *wanted {
                return Some((path.join("."), node.place));
            }
            map.iter().map(|(key, entry)| (key.clone(), &entry.value)).collect()
        }
        Data::List(items) => items.iter().enumerate().map(|(number, item)| (number.to_string(), item)).collect(),
        _ => return None,
    };
    entries.into_iter().find_map(|(key, child)| {
        path.push(key);
        let found = find(child, wanted, path);
        path.pop();
        found
    })
}
