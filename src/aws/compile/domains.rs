//! Custom domains: what of the service is mapped to them, and the domains themselves with their records.

use super::output::Output;
use super::plan::Plan;
use super::tree::{self, Properties};
use crate::aws::kinds::domains::{domain_name, mapping, record_set};
use crate::aws::naming;
use crate::aws::template::TemplateResource;
use crate::config::diagnostic::Diagnostic;
use crate::config::language::custom::domains::{CustomDomain, DomainApi, RoutingPolicy};
use crate::config::language::provider::EndpointType;
use crate::engine::value::Value;

/// A domain whose settings say enough.
struct Wanted<'a> {
    name: &'a str,
    /// Without slashes at its ends; empty where the API is all of the domain.
    base_path: &'a str,
    api: DomainApi,
    edge: bool,
    settings: &'a CustomDomain,
}

impl<'a> Wanted<'a> {
    /// What is wrong with the settings goes to `output`.
    fn new(settings: &'a CustomDomain, output: &mut Output) -> Option<Self> {
        let mut refuse = |code, what: &str, help: &str| {
            output.problem(Diagnostic::error(code, what).at(settings.place).help(help));
        };
        let Some(name) = settings.domain_name.as_deref().filter(|name| !name.is_empty()) else {
            refuse("missing-key", "a custom domain needs its name", "add `domainName`");
            return None;
        };
        let api = settings.api_type.unwrap_or(DomainApi::Rest);
        let edge = match settings.endpoint_type {
            // Only REST APIs have domains at the edge.
            None => api == DomainApi::Rest,
            Some(kind) => kind == EndpointType::Edge,
        };
        if edge && api != DomainApi::Rest {
            refuse(
                "conflict",
                "only a REST API can have a custom domain of the type EDGE",
                "write `endpointType: REGIONAL`",
            );
            return None;
        }
        if settings.endpoint_type == Some(EndpointType::Private) {
            refuse("conflict", "hoist makes no private custom domains", "write `endpointType: REGIONAL`");
            return None;
        }
        let base_path = settings.base_path.as_deref().unwrap_or_default().trim_matches('/');
        let base_path = if base_path == "(none)" { "" } else { base_path };
        if api == DomainApi::Rest && base_path.contains('/') {
            refuse("conflict", "the base path of a REST API has one part", "write it without `/`");
            return None;
        }
        Some(Self { name, base_path, api, edge, settings })
    }

    fn logical_id(&self, what: &str) -> String {
        format!("{what}{}", naming::plain(self.name))
    }
}

/// The mappings of the service's APIs: a part of each deploy.
pub(super) fn mappings(plan: &Plan, output: &mut Output) {
    let settings = plan.service.domains();
    for wanted in settings.iter().filter_map(|one| Wanted::new(one, output)).collect::<Vec<_>>() {
        let (api, stage, kind, name) = match wanted.api {
            DomainApi::Rest => (naming::REST_API, naming::REST_STAGE, &mapping::BASE_PATH, "REST"),
            DomainApi::Http => (naming::HTTP_API, naming::HTTP_STAGE, &mapping::API, "HTTP"),
            DomainApi::Websocket => (naming::WEBSOCKET_API, naming::WEBSOCKET_STAGE, &mapping::API, "WebSocket"),
        };
        if !output.template.resources.contains_key(api) {
            let text = format!("the domain `{}` is for a {name} API, and the service has none", wanted.name);
            output.problem(
                Diagnostic::error("conflict", text)
                    .at(wanted.settings.place)
                    .help("give the domain the `apiType` of the API that it is for: rest, http or websocket"),
            );
            continue;
        }
        let stage_name = match &wanted.settings.stage {
            Some(name) => Value::string(name.as_str()),
            None => tree::reference(stage),
        };
        let rest = wanted.api == DomainApi::Rest;
        let (key, id) = if rest { ("BasePath", "RestApiId") } else { ("ApiMappingKey", "ApiId") };
        let properties = Properties::new()
            .with("DomainName", wanted.name)
            .maybe(key, Some(wanted.base_path).filter(|path| !path.is_empty()))
            .with(id, tree::reference(api))
            .with("Stage", stage_name);
        let logical_id = format!("{}{}", wanted.logical_id("ApiMapping"), naming::plain(wanted.base_path));
        output.add(logical_id, TemplateResource::new(kind.type_name, properties.into()).beneath(api).after([stage]));
    }
}

/// The domains with their records, each domain once however much is mapped to it.
pub(super) fn domains(plan: &Plan, only_automatic: bool, output: &mut Output) {
    let settings = plan.service.domains();
    let mut seen: Vec<&str> = Vec::new();
    for wanted in settings.iter().filter_map(|one| Wanted::new(one, output)).collect::<Vec<_>>() {
        let automatic = wanted.settings.auto_domain == Some(true);
        if seen.contains(&wanted.name) || (only_automatic && !automatic) {
            continue;
        }
        seen.push(wanted.name);
        domain(&wanted, output);
    }
}

fn domain(wanted: &Wanted, output: &mut Output) {
    let settings = wanted.settings;
    let certificate = settings.certificate_arn.as_ref().map(Value::from);
    let policy = settings.security_policy.as_deref().map(|policy| match policy.to_ascii_lowercase().as_str() {
        "tls_1_0" => "TLS_1_0",
        "tls_1_2" => "TLS_1_2",
        _ => policy,
    });
    let store = Properties::new()
        .maybe("TruststoreUri", settings.tls_truststore_uri.as_deref())
        .maybe("TruststoreVersion", settings.tls_truststore_version.as_deref());
    let properties = Properties::new()
        .with("DomainName", wanted.name)
        .with(
            "EndpointConfiguration",
            Properties::new().with("Types", vec![if wanted.edge { "EDGE" } else { "REGIONAL" }]),
        )
        .maybe(if wanted.edge { "CertificateArn" } else { "RegionalCertificateArn" }, certificate.clone())
        .maybe("SecurityPolicy", policy)
        .maybe("MutualTlsAuthentication", store.some())
        .list("Tags", tree::tag_list(&settings.tags));
    let logical_id = wanted.logical_id("DomainName");
    let mut resource = TemplateResource::new(domain_name::TYPE, properties.into());
    if certificate.is_none() {
        let name = settings.certificate_name.clone().unwrap_or_default();
        resource = resource.hint(domain_name::CERTIFICATE_NAME, Value::String(name));
    }
    output.add(logical_id.clone(), resource);
    if settings.create_route53_record == Some(false) {
        return;
    }
    for (key, what) in unmade(settings) {
        output.problem(
            Diagnostic::error("conflict", format!("`{key}` of the domain `{}`: {what}", wanted.name))
                .at(settings.place_of(key))
                .help("make the records yourself, with `createRoute53Record: false` here, or leave the setting out"),
        );
    }
    let target = |what: &str| {
        let side = if wanted.edge { "Distribution" } else { "Regional" };
        tree::attribute(logical_id.clone(), &format!("{side}{what}"))
    };
    let mut kinds = vec!["A"];
    if settings.create_route53_ipv6_record != Some(false) {
        kinds.push("AAAA");
    }
    for kind in kinds {
        let alias =
            Properties::new().with("DNSName", target("DomainName")).with("HostedZoneId", target("HostedZoneId"));
        let properties = Properties::new().with("Name", wanted.name).with("Type", kind).with("AliasTarget", alias);
        let mut record = TemplateResource::new(record_set::TYPE, properties.into()).beneath(logical_id.clone());
        if let Some(zone) = &settings.hosted_zone_id {
            record = record.hint(record_set::ZONE, Value::string(zone.as_str()));
        }
        if settings.hosted_zone_private == Some(true) {
            record = record.hint(record_set::PRIVATE, Value::Bool(true));
        }
        output.add(format!("{logical_id}Record{kind}"), record);
    }
}

/// Settings that ask for other records than those that are made: a name that leads elsewhere than the file says would be
/// noticed late.
fn unmade(settings: &CustomDomain) -> Vec<(&'static str, &'static str)> {
    let params = settings.route53_params.as_ref();
    let routed = params.and_then(|params| params.routing_policy).is_some_and(|policy| policy != RoutingPolicy::Simple);
    let watched = params.is_some_and(|params| params.health_check_id.is_some());
    [
        (settings.split_horizon_dns == Some(true), "splitHorizonDns", "hoist writes records into one zone"),
        (
            routed || watched,
            "route53Params",
            "hoist writes simple alias records, without weights, regions or health checks",
        ),
    ]
    .into_iter()
    .filter_map(|(is_asked_for, key, what)| is_asked_for.then_some((key, what)))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{problems, resources};
    use super::super::{Target, compile_domains};
    use crate::config::decode::sample;
    use crate::config::language::decode_service;
    use serde_json::{Value as Json, json};

    fn service(domain: &str, event: &str) -> String {
        format!(
            "{{service: shop, provider: {{name: aws, domain: {domain}}}, functions: {{work: {{handler: a.b, events: [{event}]}}}}}}"
        )
    }

    #[test]
    fn an_api_of_each_kind_is_mapped() {
        let all = resources(&service("{name: api.example.com, basePath: /v1/}", "{http: GET /a}"));
        assert_eq!(
            all["ApiMappingApiexamplecomV1"]["Properties"],
            json!({
                "BasePath": "v1", "DomainName": "api.example.com", "RestApiId": { "Ref": "ApiGatewayRestApi" },
                "Stage": { "Ref": "ApiGatewayStage" },
            })
        );
        let all = resources(&service("{name: api.example.com, apiType: http}", "{httpApi: GET /a}"));
        assert_eq!(all["ApiMappingApiexamplecom"]["Type"], "AWS::ApiGatewayV2::ApiMapping");
        assert_eq!(all["ApiMappingApiexamplecom"]["Properties"]["ApiId"], json!({ "Ref": "HttpApi" }));
        let all = resources(&service("{name: api.example.com, apiType: websocket}", "{websocket: $connect}"));
        assert_eq!(all["ApiMappingApiexamplecom"]["Properties"]["ApiId"], json!({ "Ref": "WebsocketsApi" }));
    }

    fn domains(yaml: &str, only_automatic: bool) -> Json {
        let (service, _) = decode_service(&sample::node(yaml));
        let target = Target { stage: "dev".into(), region: "us-east-1".into(), commit: None, pace: None };
        let compiled = compile_domains(&service.expect("a service"), &target, only_automatic);
        assert_eq!(compiled.problems, []);
        compiled.template.to_json()["resources"].take()
    }

    #[test]
    fn a_domain_has_its_records() {
        let yaml = service("{name: api.example.com, certificateArn: 'arn:c', tags: {team: x}}", "{http: GET /a}");
        let all = domains(&yaml, false);
        assert_eq!(
            all["DomainNameApiexamplecom"]["Properties"],
            json!({
                "CertificateArn": "arn:c", "DomainName": "api.example.com",
                "EndpointConfiguration": { "Types": ["EDGE"] }, "Tags": [{ "Key": "team", "Value": "x" }],
            })
        );
        let target = |what: &str| json!({ "Fn::GetAtt": ["DomainNameApiexamplecom", what] });
        assert_eq!(
            all["DomainNameApiexamplecomRecordAAAA"]["Properties"],
            json!({
                "AliasTarget": {
                    "DNSName": target("DistributionDomainName"), "HostedZoneId": target("DistributionHostedZoneId"),
                },
                "Name": "api.example.com", "Type": "AAAA",
            })
        );
        assert_eq!(domains(&yaml, true), json!({}), "a deploy makes only those that it is told to");
        let yaml = service(
            "{name: a.b, endpointType: regional, createRoute53Record: false, autoDomain: true}",
            "{http: GET /a}",
        );
        let all = domains(&yaml, true);
        assert_eq!(all.as_object().map(|all| all.len()), Some(1));
        assert_eq!(all["DomainNameAb"]["Properties"]["EndpointConfiguration"]["Types"], json!(["REGIONAL"]));
    }

    #[test]
    fn records_that_hoist_does_not_make_are_refused_where_it_would_make_them() {
        let said = |more: &str| {
            let yaml = service(&format!("{{name: a.b, {more}}}"), "{http: GET /a}");
            let (service, found) = decode_service(&sample::node(&yaml));
            assert_eq!(sample::messages(&found), Vec::<&str>::new());
            let target = Target { stage: "dev".into(), region: "us-east-1".into(), commit: None, pace: None };
            let problems = compile_domains(&service.expect("a service"), &target, false).problems;
            problems.into_iter().map(|problem| problem.message).collect::<Vec<_>>()
        };
        for (more, text) in [
            ("splitHorizonDns: true", "into one zone"),
            ("route53Params: {routingPolicy: weighted, weight: 10}", "simple alias records"),
            ("route53Params: {healthCheckId: abc}", "simple alias records"),
        ] {
            let found = said(more);
            assert!(found.len() == 1 && found[0].contains(text), "{more}: {found:?}");
            assert_eq!(said(&format!("{more}, createRoute53Record: false")), Vec::<String>::new(), "{more}");
        }
        assert_eq!(said("splitHorizonDns: false, route53Params: {routingPolicy: simple}"), Vec::<String>::new());
    }

    #[test]
    fn settings_that_cannot_be_are_refused() {
        for (domain, event, text) in [
            ("{basePath: a}", "{http: GET /a}", "needs its name"),
            ("{name: a.b, apiType: http}", "{http: GET /a}", "is for a HTTP API, and the service has none"),
            ("{name: a.b, apiType: http, endpointType: EDGE}", "{httpApi: GET /a}", "only a REST API"),
            ("{name: a.b, endpointType: PRIVATE}", "{http: GET /a}", "private"),
            ("{name: a.b, basePath: a/b}", "{http: GET /a}", "one part"),
        ] {
            let found = problems(&service(domain, event));
            assert!(found.iter().any(|problem| problem.contains(text)), "{domain}: {found:?}");
        }
    }
}
