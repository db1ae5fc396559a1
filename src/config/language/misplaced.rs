//! Says where a key belongs that stands at the wrong level, as wrong indentation puts it.

use super::super::diagnostic::Diagnostic;
use super::function::Function;
use super::provider::Provider;
use super::service::Service;

/// Adds to unknown keys and wrong types where the key would be known.
pub fn explain(diagnostics: &mut [Diagnostic]) {
    for found in diagnostics.iter_mut() {
        let steps: Vec<&str> = found.path.as_deref().unwrap_or_default().split('.').collect();
        let help = match (found.code, steps.as_slice()) {
            ("unknown-key", [key]) if SECTIONS.contains(key) => format!("`{key}` belongs beneath `resources`"),
            ("unknown-key", [key]) if knows(&Provider::SHAPE, key) => format!("`{key}` belongs beneath `provider`"),
            ("unknown-key", [key]) if knows(&Function::SHAPE, key) => {
                format!("`{key}` belongs beneath a function, in `functions`")
            }
            ("unknown-key", ["provider", key]) if knows(&Service::SHAPE, key) => {
                format!("`{key}` belongs to the top level: indent it less")
            }
            ("unknown-key", ["functions", function, key]) if knows(&Provider::SHAPE, key) => {
                format!("`{key}` belongs beneath `provider`, not beneath the function `{function}`")
            }
            ("wrong-type", ["functions", key]) if knows(&Function::SHAPE, key) => {
                format!("`{key}` stands where a function's key is expected: indent it beneath one")
            }
            _ => continue,
        };
        // A near miss of another word is the lesser guess.
        found.label = None;
        found.help = vec![help];
    }
}

/// Sections of a CloudFormation template.
const SECTIONS: &[&str] = &["Resources", "Outputs", "Conditions", "Parameters", "Mappings", "Metadata", "Transform"];

fn knows(shape: &super::super::decode::Shape, key: &str) -> bool {
    shape.fields.iter().any(|field| field.keys.contains(&key))
}

#[cfg(test)]
mod tests {
    use super::super::super::decode::sample;
    use super::super::decode_service;

    #[test]
    fn says_where_a_key_belongs() {
        let (_, found) = decode_service(&sample::node(
            "service: shop
runtime: nodejs24.x
Resources: {}
provider:
  name: aws
  plugins: []
functions:
  handler: a.b
  f: {handler: a.b, stage: dev}
",
        ));
        let help: Vec<_> =
            found.iter().map(|found| (found.path.as_deref().unwrap_or_default(), found.help[0].as_str())).collect();
        assert_eq!(
            help,
            [
                ("runtime", "`runtime` belongs beneath `provider`"),
                ("Resources", "`Resources` belongs beneath `resources`"),
                ("provider.plugins", "`plugins` belongs to the top level: indent it less"),
                ("functions.handler", "`handler` stands where a function's key is expected: indent it beneath one"),
                ("functions.f.stage", "`stage` belongs beneath `provider`, not beneath the function `f`"),
            ]
        );
    }
}
