//! Where variables come from: one file per source, listed once. To add one, write its file and its line in [`SOURCES`].

mod aws;
mod cf;
mod env;
mod file;
mod git;
mod opt;
mod own;
mod param;
mod s3;
mod sls;
mod ssm;
mod str_to_bool;
mod terraform;

pub(in crate::config) use file::is_script;

use super::resolver::{Inputs, Request, Resolver, Stop, Value};
use crate::config::suggest;

/// A source of variables: what stands before the colon in `${type:address}`.
pub(super) trait Source: Sync {
    /// The name in the file.
    fn name(&self) -> &'static str;

    /// What it gives, in one line, for people.
    fn about(&self) -> &'static str;

    /// The value, or why there is none (yet).
    fn resolve(&self, request: &Request<'_>, resolver: &mut Resolver<'_>) -> Result<Value, Stop>;

    /// Whether what it gives belongs to the machine that asks, and not to the file: it may well be a secret.
    fn is_private(&self, _: &Request<'_>, _: &Inputs) -> bool {
        false
    }

    /// What to do about a value that is missing.
    fn explain_missing(&self, _: &Request<'_>, _: &mut Resolver<'_>) -> Option<String> {
        None
    }
}

const SOURCES: &[&dyn Source] = &[
    &own::Own,
    &opt::Opt,
    &env::Env,
    &file::File,
    &param::Param,
    &sls::Sls,
    &aws::Aws,
    &ssm::Ssm,
    &cf::Cf,
    &s3::S3,
    &str_to_bool::StrToBool,
    &git::Git,
    &terraform::Terraform,
];

/// Sources that others have and hoist does not, with what to do instead.
const ELSEWHERE: &[(&str, &str)] = &[
    (
        "bref",
        "Bref's plugin gives the ARN of a layer: write the one of your region, as `vendor/bin/bref layers REGION` lists it",
    ),
    ("construct", "constructs of serverless-lift are not supported: declare what it makes under `resources`"),
    ("doppler", "read the value from the environment (`${env:NAME}`, with `doppler run -- hoist deploy`)"),
    ("output", "outputs of the dashboard are not available without it: read them with `${cf:stack.Output}`"),
    ("param_store", "read it with `${ssm:/path}`"),
    ("secrets", "read it with `${ssm:/aws/reference/secretsmanager/<name>}`"),
    ("state", "outputs of the dashboard are not available without it: read them with `${cf:stack.Output}`"),
    ("vault", "read the value from the environment (`${env:NAME}`)"),
];

/// The source of a name; `cf.us-east-1`, as v1 wrote regions, is `cf`.
pub(super) fn find(name: &str) -> Option<&'static dyn Source> {
    let plain = match name.split_once('.') {
        Some((plain @ ("cf" | "ssm" | "s3"), _)) => plain,
        _ => name,
    };
    SOURCES.iter().copied().find(|source| source.name() == plain)
}

/// Every source with what it gives, for the documentation.
pub fn table() -> impl Iterator<Item = (&'static str, &'static str)> {
    SOURCES.iter().map(|source| (source.name(), source.about()))
}

/// The message and the way out for a name that is no source.
pub(super) fn explain_unknown(name: &str, written: &str) -> (String, Vec<String>) {
    let message = format!("`{name}` in `{written}` is not a source of variables");
    let mut help = Vec::new();
    if let Some((_, advice)) = ELSEWHERE.iter().find(|(elsewhere, _)| *elsewhere == name) {
        help.push((*advice).to_owned());
    } else {
        let names = SOURCES.iter().map(|source| source.name());
        match suggest::nearest(name, names.clone()) {
            Some(near) => help.push(format!("did you mean `{near}`?")),
            None => {
                help.push(format!("the sources are {}", names.collect::<Vec<_>>().join(", ")));
                help.push("sources of plugins are not run: write the value that the plugin gives".to_owned());
            }
        }
        help.push(format!("write `\\{written}` if it is not a variable"));
    }
    (message, help)
}

/// Reports what is wrong with how a source is used.
fn misused(request: &Request<'_>, resolver: &mut Resolver<'_>, message: &str, help: &str) -> Stop {
    resolver.problem(request.cell, Some(request.variable), "variable-misused", message, &[help]);
    Stop::Failed
}

/// The address, which this source cannot do without.
fn need_address(request: &Request<'_>, resolver: &mut Resolver<'_>, form: &str) -> Result<String, Stop> {
    match request.address() {
        Some(address) if !address.is_empty() => Ok(address),
        _ => {
            let message = format!("`{}` does not say what to read", request.variable.written);
            Err(misused(request, resolver, &message, &format!("write it as `{form}`")))
        }
    }
}

/// The region that a source is read from, when the variable names one: `cf(us-east-1)`, or `cf.us-east-1` as in v1.
fn region_of(request: &Request<'_>) -> Option<String> {
    let legacy = || request.kind.split_once('.').map(|(_, region)| region.to_owned());
    let words = (0..request.params.len()).filter_map(|index| request.param(index));
    words.into_iter().find(|word| !matches!(word.as_str(), "raw" | "noDecrypt")).or_else(legacy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_of_a_plugin_is_no_text_to_keep() {
        let help = |name: &str| explain_unknown(name, "${x:y}").1;
        assert_eq!(help("bref").len(), 1);
        assert!(help("bref")[0].contains("ARN of a layer"));
        assert!(help("layerName").iter().any(|line| line.starts_with("sources of plugins are not run")));
        assert!(help("slef")[0].contains("did you mean `self`?"));
    }

    #[test]
    fn every_source_is_documented() {
        let documentation = include_str!("../../../../docs/variables.md");
        for (name, about) in table() {
            let row = format!("| `{name}` | {about} |");
            assert!(documentation.contains(&row), "docs/variables.md needs this row:\n{row}");
        }
    }
}
