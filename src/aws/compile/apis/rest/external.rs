//! Routes of a REST API that is there: it is not ours, so its document is not touched, and what is added to it is marked.

use std::collections::BTreeMap;

use super::super::super::output::Output;
use super::super::super::plan::{Plan, Triggered};
use super::super::super::tree::{self, Properties};
use super::authorizers::{Authorization, Schemes, authorizer_id};
use super::method::Method;
use super::models::Models;
use crate::aws::kinds::rest_routes::marks::Marks;
use crate::aws::kinds::rest_routes::state;
use crate::aws::naming;
use crate::aws::template::TemplateResource;
use crate::config::decode::Cf;
use crate::config::diagnostic::Diagnostic;
use crate::config::language::api::RestApiResources;
use crate::config::language::events::http::Http;
use crate::engine::value::Value;

pub(super) fn attach(
    plan: &Plan,
    api: &Value,
    methods: &[Method],
    schemes: &Schemes,
    models: &Models,
    events: &[Triggered<Http>],
    output: &mut Output,
) {
    let Some(settings) = plan.service.provider.api_gateway.as_ref() else { return };
    let Some(root) = settings.rest_api_root_resource_id.as_ref() else {
        output.problem(
            Diagnostic::error(
                "missing-key",
                "provider.apiGateway: `restApiId` needs `restApiRootResourceId`, the resource that paths begin at",
            )
            .path("provider.apiGateway")
            .at(settings.place)
            .help("add `restApiRootResourceId`"),
        );
        return;
    };
    for event in events.iter().filter(|event| event.settings.throttling.is_some()) {
        output.problem(
            event
                .problem("conflict", "the stage of an API that is there is not changed")
                .help("leave out `throttling`, or `provider.apiGateway.restApiId`"),
        );
    }
    let marks = Marks::of(&plan.names.service, &plan.names.stage);
    for (logical_id, properties) in &schemes.resources {
        let properties = properties.clone().with("AuthType", marks.part(logical_id));
        let resource = TemplateResource::new("AWS::ApiGateway::Authorizer", properties.into());
        output.add(logical_id.clone(), resource);
    }
    let names = checks(api, methods, models, &marks, output);
    let mut places = Places::new(root, settings.rest_api_resources.as_ref());
    for method in methods {
        let (place, made) = places.of(&method.path, api, output);
        let mark = marks.method(made, &method.logical_id);
        let parameters =
            method.parameters.iter().fold(Properties::new(), |all, (name, required)| all.with(name, *required));
        let responses = method.responses.iter().map(|(code, headers)| {
            let headers = headers
                .iter()
                .fold(Properties::new(), |all, name| all.with(&format!("method.response.header.{name}"), true));
            Properties::new().with("StatusCode", code.as_str()).with("ResponseParameters", headers).into()
        });
        let request_models = method.models.iter().fold(Properties::new(), |all, (content_type, name)| {
            all.with(content_type, tree::reference(names.get(name).unwrap_or(name)))
        });
        let scopes = match &method.authorization {
            Authorization::Scheme { scopes, .. } | Authorization::Existing { scopes, .. } => scopes.clone(),
            Authorization::None | Authorization::Signed => Vec::new(),
        };
        let properties = Properties::new()
            .with("RestApiId", api.clone())
            .with("ResourceId", place)
            .with("HttpMethod", method.verb)
            .with("ApiKeyRequired", method.needs_key)
            .with("AuthorizationType", method.authorization.kind())
            .maybe("AuthorizerId", authorizer_id(&method.authorization))
            .list("AuthorizationScopes", scopes)
            .with("RequestParameters", parameters)
            .maybe("RequestModels", request_models.some())
            .maybe("RequestValidatorId", method.validator.as_ref().map(|_| tree::reference(VALIDATOR)))
            .with("Integration", method.integration.clone().with("CacheNamespace", mark))
            .with("MethodResponses", Value::List(responses.collect()))
            .maybe("OperationName", method.operation.as_deref());
        let mut resource =
            TemplateResource::new("AWS::ApiGateway::Method", properties.into()).beneath(&method.function);
        resource.condition = method.condition.clone();
        output.add(method.logical_id.clone(), resource.after(method.after.clone()));
    }
}

/// What requests are checked with: the models of the service's routes, and one validator. Gives the logical id of each model.
fn checks(
    api: &Value,
    methods: &[Method],
    models: &Models,
    marks: &Marks,
    output: &mut Output,
) -> BTreeMap<String, String> {
    let mut ids = BTreeMap::new();
    for (name, schema) in &models.all {
        let used = methods.iter().flat_map(|method| &method.models).find(|(_, used)| used == name);
        // Another schema is another model: a method that goes on naming the same one would not be deployed again.
        let unique = format!("{name}{}", state(schema));
        let logical_id = format!("ApiGateway{}", naming::upper_first(name).trim_start_matches("ApiGateway"));
        let properties = Properties::new()
            .with("RestApiId", api.clone())
            .with("Name", unique)
            .with("ContentType", used.map_or("application/json", |(content_type, _)| content_type.as_str()))
            .with("Description", marks.part(&logical_id))
            .with("Schema", schema.clone());
        output.add(logical_id.clone(), TemplateResource::new("AWS::ApiGateway::Model", properties.into()));
        ids.insert(name.clone(), logical_id);
    }
    if methods.iter().any(|method| method.validator.is_some()) {
        let properties = Properties::new()
            .with("RestApiId", api.clone())
            .with("Name", marks.part(VALIDATOR))
            .with("ValidateRequestBody", true)
            .with("ValidateRequestParameters", true);
        output.add(VALIDATOR, TemplateResource::new("AWS::ApiGateway::RequestValidator", properties.into()));
    }
    ids
}

/// The validator of the service's routes.
const VALIDATOR: &str = "ApiGatewayRequestValidator";

/// The resources that paths hang from: those that are there, and those that are made.
struct Places {
    /// Their ids, and how many of the path's last parts are made.
    known: BTreeMap<String, (Value, usize)>,
}

impl Places {
    fn new(root: &Cf, given: Option<&RestApiResources>) -> Self {
        let mut known = BTreeMap::from([("/".to_owned(), (tree::as_text(root), 0))]);
        let path = |path: &str| format!("/{}", path.trim_matches('/'));
        match given {
            Some(RestApiResources::ByPath(all)) => {
                known.extend(all.iter().map(|(name, id)| (path(name), (tree::as_text(id), 0))));
            }
            Some(RestApiResources::List(all)) => {
                known.extend(all.iter().map(|one| (path(&one.path), (tree::as_text(&one.resource_id), 0))));
            }
            None => {}
        }
        Self { known }
    }

    /// The resource of a path, and how many of its last parts are made; each is made on first need.
    fn of(&mut self, path: &str, api: &Value, output: &mut Output) -> (Value, usize) {
        if let Some((id, made)) = self.known.get(path) {
            return (id.clone(), *made);
        }
        let (parent, part) = match path.rsplit_once('/') {
            Some(("", part)) => ("/", part),
            Some((parent, part)) => (parent, part),
            None => ("/", path),
        };
        let (parent, made) = self.of(parent, api, output);
        let logical_id = format!("ApiGatewayResource{}", naming::path(path));
        let properties =
            Properties::new().with("RestApiId", api.clone()).with("ParentId", parent).with("PathPart", part);
        output.add(logical_id.clone(), TemplateResource::new("AWS::ApiGateway::Resource", properties.into()));
        let id = tree::reference(logical_id);
        self.known.insert(path.to_owned(), (id.clone(), made + 1));
        (id, made + 1)
    }
}
