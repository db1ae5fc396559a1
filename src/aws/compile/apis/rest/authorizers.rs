//! Who may call a route: everybody, signed callers, or those that an authorizer lets through.

use indexmap::IndexMap;

use super::super::super::output::Output;
use super::super::super::plan::{Plan, Triggered};
use super::super::super::tree::{self, Properties};
use super::super::{SIGNED, caller, foreign_permission, invocation, is_user_pool, permission, signed_scheme};
use super::integration;
use crate::aws::naming;
use crate::config::decode::intrinsic;
use crate::config::language::events::http::{Authorizer, AuthorizerKind, Http};
use crate::config::node::Data;
use crate::config::variables::grammar::has_variables;
use crate::engine::value::Value;

const IDENTITY_SOURCE: &str = "method.request.header.Authorization";
/// Seconds that an answer is kept by those that do not say.
const TTL: i64 = 300;

/// How one method is authorised.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Authorization {
    None,
    Signed,
    /// By an authorizer of the document.
    Scheme {
        name: String,
        is_user_pool: bool,
        scopes: Vec<Value>,
        claims: Vec<String>,
    },
    /// By an authorizer that is there, of an API that is there.
    Existing {
        id: Value,
        is_user_pool: bool,
        scopes: Vec<Value>,
    },
}

impl Authorization {
    /// `AuthorizationType` of `AWS::ApiGateway::Method`.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Signed => "AWS_IAM",
            Self::Scheme { is_user_pool: true, .. } | Self::Existing { is_user_pool: true, .. } => "COGNITO_USER_POOLS",
            Self::Scheme { .. } | Self::Existing { .. } => "CUSTOM",
        }
    }

    /// The claims that go into the event of the `lambda` integration, as entries of a JSON object.
    pub(super) fn claims(&self) -> String {
        let Self::Scheme { claims, .. } = self else { return String::new() };
        claims
            .iter()
            .map(|claim| match claim.split_once(':') {
                Some((_, name)) => format!("\"{name}\": \"$context.authorizer.claims['{claim}']\","),
                None => format!("\"{claim}\": \"$context.authorizer.claims.{claim}\","),
            })
            .collect()
    }
}

/// The authorizers of an API, each once.
#[derive(Default)]
pub(super) struct Schemes {
    /// Security schemes of the document by name.
    all: IndexMap<String, Properties>,
    /// `AWS::ApiGateway::Authorizer` by logical id, for an API that is there.
    pub resources: IndexMap<String, Properties>,
}

impl Schemes {
    /// The security schemes of the document.
    pub(super) fn security(&self, with_signed: bool, with_keys: bool) -> Properties {
        let mut schemes = self.all.iter().fold(Properties::new(), |all, (name, scheme)| all.with(name, scheme.clone()));
        if with_signed {
            schemes = schemes.with(SIGNED, signed_scheme());
        }
        if with_keys {
            let key = Properties::new().with("type", "apiKey").with("name", "x-api-key").with("in", "header");
            schemes = schemes.with("api_key", key);
        }
        schemes
    }

    /// How the route of an event is authorised; its authorizer is added on first need.
    pub(super) fn of(
        &mut self,
        plan: &Plan,
        event: &Triggered<Http>,
        api: &Value,
        output: &mut Output,
    ) -> Authorization {
        let Some(wanted) = event.settings.authorizer.as_deref() else { return Authorization::None };
        if wanted.kind == Some(AuthorizerKind::AwsIam) {
            if !wanted.scopes.is_empty() || !wanted.claims.is_empty() {
                output.problem(
                    event.problem("conflict", "`aws_iam` knows neither scopes nor claims").help(
                        "leave out `scopes` and `claims`, or add `type: COGNITO_USER_POOLS` with the ARN of a pool",
                    ),
                );
            }
            return Authorization::Signed;
        }
        if let Some(id) = &wanted.authorizer_id {
            return existing(plan, event, wanted, id.into(), output);
        }
        let scopes: Vec<Value> = wanted.scopes.iter().map(Value::from).collect();
        let (name, target, function) = match (&wanted.arn, &wanted.name) {
            (Some(arn), name) => {
                // The framework names an authorizer after the last part of the function's name.
                let Some(name) = name.clone().or_else(|| arn.last_in_arn(&[':', '-'])) else {
                    output.problem(
                        event
                            .problem("missing-key", "the authorizer has no name")
                            .help("add `name`: it is needed where `arn` is a CloudFormation function"),
                    );
                    return Authorization::None;
                };
                (name, Value::from(arn), None)
            }
            (None, Some(name)) => match plan.function(name) {
                Some(function) => (name.clone(), function.target(), Some(function)),
                // Only the account knows who may call: nobody whom AWS does not know stands in for that.
                None if has_variables(name) => {
                    output.problem(event.left_out(name));
                    return Authorization::Signed;
                }
                None => {
                    output.problem(
                        event
                            .problem("unknown-authorizer", format!("there is no function `{name}`"))
                            .help("name a function of the service, or give the `arn` of one"),
                    );
                    return Authorization::None;
                }
            },
            (None, None) => {
                output.problem(
                    event
                        .problem("missing-key", "the authorizer has neither a name nor an ARN")
                        .help("add `name` or `arn`"),
                );
                return Authorization::None;
            }
        };
        let is_pool = wanted.kind == Some(AuthorizerKind::CognitoUserPools)
            || wanted.arn.as_ref().and_then(|arn| arn.written_arn()).is_some_and(|arn| is_user_pool(&arn));
        check(event, wanted, is_pool, output);
        if !is_pool && wanted.managed_externally != Some(true) {
            let permission_id = naming::permission(&name, "ApiGateway");
            let source = caller(api.clone(), "/*/*");
            let allowed = match function {
                Some(function) => permission(function, source),
                None => foreign_permission(target.clone(), Some(source)),
            };
            output.add_once(permission_id, allowed);
        }
        self.add(event, wanted, &name, target, is_pool, api, output);
        Authorization::Scheme { name, is_user_pool: is_pool, scopes, claims: wanted.claims.clone() }
    }

    #[expect(clippy::too_many_arguments, reason = "one call; a struct would only rename its parts")]
    fn add(
        &mut self,
        event: &Triggered<Http>,
        wanted: &Authorizer,
        name: &str,
        target: Value,
        is_pool: bool,
        api: &Value,
        output: &mut Output,
    ) {
        let is_request = wanted.kind == Some(AuthorizerKind::Request);
        let ttl = wanted.result_ttl_in_seconds.map(|seconds| seconds.get());
        let source = match (&wanted.identity_source, is_request && ttl == Some(0)) {
            (Some(source), _) => Some(source.as_str()),
            (None, true) => None,
            (None, false) => Some(IDENTITY_SOURCE),
        };
        let (kind, resource_kind) = match (is_pool, is_request) {
            (true, _) => ("cognito_user_pools", "COGNITO_USER_POOLS"),
            (false, true) => ("request", "REQUEST"),
            (false, false) => ("token", "TOKEN"),
        };
        let mut extension = Properties::new()
            .with("type", kind)
            .with("authorizerResultTtlInSeconds", ttl.unwrap_or(TTL))
            .maybe("identityValidationExpression", wanted.identity_validation_expression.as_deref());
        let mut resource = Properties::new()
            .with("RestApiId", api.clone())
            .with("Name", name)
            .with("Type", resource_kind)
            .with("AuthorizerResultTtlInSeconds", ttl.unwrap_or(TTL))
            .maybe("IdentitySource", source)
            .maybe("IdentityValidationExpression", wanted.identity_validation_expression.as_deref());
        if is_pool {
            extension = extension.with("providerARNs", Value::List(vec![target.clone()]));
            resource = resource.with("ProviderARNs", Value::List(vec![target]));
        } else {
            let uri = invocation(target);
            extension = extension.with("authorizerUri", uri.clone());
            resource = resource.with("AuthorizerUri", uri);
        }
        if is_request {
            extension = extension.maybe("identitySource", source);
        }
        // A token or user pool authorizer reads the header that the scheme itself names.
        let named = source.and_then(|source| source.strip_prefix("method.request.header."));
        let named = named.filter(|name| !name.contains([',', ' ']));
        match source {
            Some(open) if !is_request && has_variables(open) => output.problem(event.left_out(open)),
            Some(other) if !is_request && named.is_none() => output.problem(
                event
                    .problem("conflict", format!("the authorizer `{name}` reads one header, and cannot read `{other}`"))
                    .help("write `identitySource: method.request.header.NAME`, or add `type: request`, which reads other things too"),
            ),
            _ => {}
        }
        let header = named.unwrap_or("Authorization");
        let scheme = Properties::new()
            .with("type", "apiKey")
            .with("name", header)
            .with("in", "header")
            .with("x-amazon-apigateway-authtype", if is_pool { "cognito_user_pools" } else { "custom" })
            .with("x-amazon-apigateway-authorizer", extension);
        if let Some(known) = self.all.get(name)
            && Value::from(known.clone()) != Value::from(scheme.clone())
        {
            output.problem(
                event
                    .problem("conflict", format!("the authorizer `{name}` has other settings elsewhere"))
                    .help("give all routes of an authorizer the same settings, or the second one another `name`"),
            );
            return;
        }
        self.all.insert(name.to_owned(), scheme);
        self.resources.insert(naming::rest_authorizer(name), resource);
    }
}

fn check(event: &Triggered<Http>, wanted: &Authorizer, is_pool: bool, output: &mut Output) {
    let is_known = !wanted.arn.as_ref().is_some_and(|arn| arn.is_deferred());
    if !wanted.scopes.is_empty() && !is_pool && is_known {
        output.problem(
            event
                .problem("conflict", "scopes are for user pools only")
                .help("add `type: COGNITO_USER_POOLS` with the ARN of the pool, or leave out `scopes`"),
        );
    }
    if is_pool && !wanted.claims.is_empty() && integration::kind(event.settings) == "AWS_PROXY" {
        let problem = event
            .problem("conflict", "claims can only be chosen for the integration `lambda`")
            .help("leave out `claims`: the proxy event has them all");
        // The framework, too, only looks where the ARN is written out.
        let is_written = wanted.arn.as_ref().is_some_and(|arn| arn.as_str().is_some());
        output.problem(if is_written { problem } else { problem.as_warning() });
    }
}

/// An authorizer by its id: one of the raw resources, which becomes a part of the document, or one of an API that is
/// there.
fn existing(
    plan: &Plan,
    event: &Triggered<Http>,
    wanted: &Authorizer,
    id: Value,
    output: &mut Output,
) -> Authorization {
    let is_pool = wanted.kind == Some(AuthorizerKind::CognitoUserPools);
    let scopes: Vec<Value> = wanted.scopes.iter().map(Value::from).collect();
    let external = plan.service.provider.api_gateway.as_ref().is_some_and(|settings| settings.rest_api_id.is_some());
    if external {
        return Authorization::Existing { id, is_user_pool: is_pool, scopes };
    }
    match id.get("Ref").and_then(|target| target.text()) {
        Some(name) if is_raw_authorizer(plan, name) => Authorization::Scheme {
            name: name.to_owned(),
            is_user_pool: is_pool,
            scopes,
            claims: wanted.claims.clone(),
        },
        _ => {
            output.problem(
                event
                    .problem("unknown-authorizer", "`authorizerId` names no authorizer of this API")
                    .help("refer to an `AWS::ApiGateway::Authorizer` of `resources`, or give its `arn` and `type`"),
            );
            Authorization::None
        }
    }
}

fn is_raw_authorizer(plan: &Plan, logical_id: &str) -> bool {
    let Some(resources) = &plan.service.resources else { return false };
    let documents = match &resources.data {
        Data::List(items) => items.iter().collect(),
        _ => vec![resources],
    };
    documents.iter().any(|document| {
        let resource = document.get("Resources").and_then(|all| all.get(logical_id));
        let kind = resource.and_then(|resource| resource.get("Type")).filter(|kind| intrinsic(kind).is_none());
        kind.and_then(|kind| kind.as_str()) == Some("AWS::ApiGateway::Authorizer")
    })
}

/// The security scheme of an `AWS::ApiGateway::Authorizer`.
pub(super) fn scheme_of_resource(properties: &Value) -> Properties {
    let text = |key: &str| properties.get(key).and_then(|value| value.text()).map(str::to_owned);
    let kind = text("Type").unwrap_or_else(|| "TOKEN".to_owned()).to_lowercase();
    let source = text("IdentitySource");
    let header =
        source.as_deref().and_then(|source| source.strip_prefix("method.request.header.")).unwrap_or("Authorization");
    let extension = Properties::new()
        .with("type", kind.as_str())
        .maybe("authorizerUri", properties.get("AuthorizerUri").cloned())
        .maybe("authorizerCredentials", properties.get("AuthorizerCredentials").cloned())
        .maybe("authorizerResultTtlInSeconds", properties.get("AuthorizerResultTtlInSeconds").cloned())
        .maybe("identityValidationExpression", properties.get("IdentityValidationExpression").cloned())
        .maybe("providerARNs", properties.get("ProviderARNs").cloned())
        .maybe("identitySource", source.clone().filter(|_| kind == "request"));
    let is_pool = kind == "cognito_user_pools";
    Properties::new()
        .with("type", "apiKey")
        .with("name", header)
        .with("in", "header")
        .with("x-amazon-apigateway-authtype", if is_pool { "cognito_user_pools" } else { "custom" })
        .with("x-amazon-apigateway-authorizer", extension)
}

/// The id of an authorizer of an API that is there.
pub(super) fn authorizer_id(authorization: &Authorization) -> Option<Value> {
    match authorization {
        Authorization::Scheme { name, .. } => Some(tree::reference(naming::rest_authorizer(name))),
        Authorization::Existing { id, .. } => Some(id.clone()),
        Authorization::None | Authorization::Signed => None,
    }
}
