//! `${ssm:/path}`: parameters of the Systems Manager, and through them secrets of the Secrets Manager.

use super::{Request, Resolver, Source, Stop, Value, need_address};
use crate::config::node::Data;
use crate::config::variables::remote::{Found, Lookup, Parameter, ParameterKind};

pub(super) struct Ssm;

impl Source for Ssm {
    fn name(&self) -> &'static str {
        "ssm"
    }

    fn about(&self) -> &'static str {
        "an SSM parameter: `${ssm:/path}`, `${ssm(eu-west-1, raw, noDecrypt):/path}`; `/aws/reference/secretsmanager/<name>` is a secret of the Secrets Manager"
    }

    fn resolve(&self, request: &Request<'_>, resolver: &mut Resolver<'_>) -> Result<Value, Stop> {
        let address = need_address(request, resolver, "${ssm:/path/to/parameter}")?;
        let has = |word: &str| (0..request.params.len()).any(|index| request.param(index).as_deref() == Some(word));
        let mut raw = has("raw");
        let mut decrypt = !has("noDecrypt");
        // What v1 wrote behind the path: decrypt or not, and a list or not, which since then is told by the type.
        let name = match address.rsplit_once('~') {
            Some((name, "true" | "split")) => name.to_owned(),
            Some((name, "false")) => {
                decrypt = false;
                raw = true;
                name.to_owned()
            }
            _ => address,
        };
        let account = resolver.account(request, super::region_of(request))?;
        let Found::Parameter(parameter) = resolver.lookup(request, Lookup::Parameter { account, name, decrypt })?
        else {
            return Err(Stop::Missing);
        };
        Ok(shaped(request, resolver, parameter, raw))
    }

    fn explain_missing(&self, request: &Request<'_>, _: &mut Resolver<'_>) -> Option<String> {
        let name = request.address()?;
        Some(format!("there is no parameter `{name}` in this region and account"))
    }
}

fn shaped(request: &Request<'_>, resolver: &mut Resolver<'_>, parameter: Parameter, raw: bool) -> Value {
    let Parameter { kind, value } = parameter;
    match kind {
        ParameterKind::StringList if !raw => {
            let items = value.split(',').map(serde_json::Value::from).collect();
            resolver.json(request, &items, request.secret)
        }
        ParameterKind::String | ParameterKind::StringList => {
            resolver.value(request, Data::String(value), request.secret)
        }
        ParameterKind::SecureString => match serde_json::from_str(&value) {
            Ok(json @ serde_json::Value::Object(_)) if !raw => resolver.json(request, &json, true),
            _ => resolver.value(request, Data::String(value), true),
        },
    }
}
