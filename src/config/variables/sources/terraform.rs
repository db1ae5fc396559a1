//! `${terraform:outputs:name}`: outputs of a Terraform state, in a file or in S3.

use super::{Request, Resolver, Source, Stop, Value, misused};
use crate::config::variables::remote::{Found, Lookup};

pub(super) struct Terraform;

impl Source for Terraform {
    fn name(&self) -> &'static str {
        "terraform"
    }

    fn about(&self) -> &'static str {
        "an output of a Terraform state: `${terraform:outputs:name.key}`, from `terraform.tfstate` or the backend (`local`, `s3`) of `stages.<stage>.resolvers`"
    }

    fn resolve(&self, request: &Request<'_>, resolver: &mut Resolver<'_>) -> Result<Value, Stop> {
        let address = request.address().unwrap_or_default();
        let name = address.strip_prefix("outputs:").or_else(|| address.strip_prefix("outputs.")).unwrap_or(&address);
        if name.is_empty() {
            let message = format!("`{}` names no output", request.variable.written);
            return Err(misused(request, resolver, &message, "write it as `${terraform:outputs:name}`"));
        }
        let state = state(request, resolver)?;
        let mut keys = name.split('.');
        let Some(output) = keys.next().and_then(|key| state.get("outputs")?.get(key)) else {
            return Err(Stop::Missing);
        };
        let secret = output.get("sensitive").and_then(serde_json::Value::as_bool).unwrap_or(false);
        let mut value = output.get("value").ok_or(Stop::Missing)?;
        for key in keys {
            let found = match value {
                serde_json::Value::Array(items) => key.parse::<usize>().ok().and_then(|index| items.get(index)),
                value => value.get(key),
            };
            value = found.ok_or(Stop::Missing)?;
        }
        Ok(resolver.json(request, value, secret))
    }

    fn explain_missing(&self, request: &Request<'_>, _: &mut Resolver<'_>) -> Option<String> {
        Some(format!("the state has no output for `{}`, or there is no state file", request.address()?))
    }
}

fn state(request: &Request<'_>, resolver: &mut Resolver<'_>) -> Result<serde_json::Value, Stop> {
    let mut setting = |key: &str| match request.settings.and_then(|settings| resolver.child(settings, key)) {
        Some(cell) => resolver.settle(cell).map(|value| resolver.scalar(value.cell)),
        None => Ok(None),
    };
    let backend = setting("backend")?.unwrap_or_else(|| String::from("local"));
    let (bucket, key) = (setting("bucket")?, setting("key")?);
    let path = setting("path")?.unwrap_or_else(|| String::from("terraform.tfstate"));
    let text = match (backend.as_str(), bucket, key) {
        ("local", ..) => {
            let path = resolver.inputs.directory.join(path);
            std::fs::read_to_string(path).map_err(|_| Stop::Missing)?
        }
        ("s3", Some(bucket), Some(key)) => {
            let account = resolver.account(request, None)?;
            match resolver.lookup(request, Lookup::Object { account, bucket, key })? {
                Found::Text(text) => text,
                _ => return Err(Stop::Missing),
            }
        }
        _ => {
            let message =
                format!("`{}` is read from a backend that is not supported or not complete", request.variable.written);
            let help = "the backends are `local` (with `path`) and `s3` (with `bucket`, `key`, `region`)";
            return Err(misused(request, resolver, &message, help));
        }
    };
    serde_json::from_str(&text).map_err(|_| {
        let message = format!("the state behind `{}` is not JSON", request.variable.written);
        misused(request, resolver, &message, "check the path or key of the state")
    })
}
