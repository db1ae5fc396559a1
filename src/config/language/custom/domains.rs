//! Custom domains of the APIs: serverless-domain-manager's settings, and v4's `provider.domain` and `provider.domains`.

use indexmap::IndexMap;
use serde_json::Value;

use super::PluginSettings;
use crate::config::decode::{Cf, Decode, Decoder, Schemas, Short, Shorthand, keywords, mapping_at, object};
use crate::config::language::provider::EndpointType;
use crate::config::language::service::Service;
use crate::config::node::Node;

keywords! {
    /// The API behind a domain.
    pub enum DomainApi [ignore_case] {
        Rest = "rest",
        Http = "http",
        Websocket = "websocket",
    }
}

object! {
    /// A custom domain of an API.
    pub struct CustomDomain {
        /// The domain.
        domain_name "domainName" | "name": Option<String>,
        /// The path beneath which the API is.
        base_path "basePath": Option<String>,
        /// The stage of the API.
        stage "stage": Option<String>,
        /// The certificate.
        certificate_arn "certificateArn": Option<Cf>,
        /// The certificate by its domain.
        certificate_name "certificateName": Option<String>,
        /// Whether Route 53 gets a record.
        create_route53_record "createRoute53Record" = true: Option<bool>,
        /// Whether it gets one for IPv6.
        create_route53_ipv6_record "createRoute53IPv6Record" = true: Option<bool>,
        /// Where the domain is reached.
        endpoint_type "endpointType" = "EDGE": Option<EndpointType>,
        /// The API behind it.
        api_type "apiType" = "rest": Option<DomainApi>,
        /// The oldest TLS.
        security_policy "securityPolicy" = "TLS_1_2": Option<String>,
        /// The hosted zone.
        hosted_zone_id "hostedZoneId": Option<String>,
        /// Whether the hosted zone is private.
        hosted_zone_private "hostedZonePrivate": Option<bool>,
        /// Whether there are a public and a private zone. Refused where hoist would make the records: they go into one zone.
        split_horizon_dns "splitHorizonDns": Option<bool>,
        /// Whether a deploy makes the domain.
        auto_domain "autoDomain": Option<bool>,
        /// The trust store for mutual TLS.
        tls_truststore_uri "tlsTruststoreUri": Option<String>,
        /// Its version.
        tls_truststore_version "tlsTruststoreVersion": Option<String>,
        /// Settings of the record. `routingPolicy: simple` is what hoist makes; others are refused.
        route53_params "route53Params": Option<Route53Params>,
        /// The profile for Route 53.
        route53_profile "route53Profile": Option<String>,
        /// Whether the domain is handled at all.
        enabled "enabled" = true: Option<bool>,
        /// Settings by API.
        rest "rest": Option<Box<CustomDomain>>,
        /// Settings by API.
        http "http": Option<Box<CustomDomain>>,
        /// Settings by API.
        websocket "websocket": Option<Box<CustomDomain>>,
        /// How the mode of access is checked.
        access_mode "accessMode": Option<String>,
        /// Tags of the domain.
        tags "tags": IndexMap<String, Cf>,
    }
    ignored {
        "autoDomainWaitFor": "hoist waits for a domain as long as it takes",
        "allowPathMatching": "a mapping is always found by its domain and path",
        "preserveExternalPathMappings": "the mappings of others always stay",
        "route53Region": "Route 53 has one address for all regions"
    }
    unbuilt {
        "route53Profile": "Route 53 is called with the credentials of the deployment",
        "accessMode": "the domain has API Gateway's own mode of access"
    }
}

object! {
    /// Settings of a record.
    pub struct Route53Params {
        /// How one of several records of a name is chosen.
        routing_policy "routingPolicy" = "simple": Option<RoutingPolicy>,
        /// The record's share.
        weight "weight": Option<Node>,
        /// What tells records of one name apart.
        set_identifier "setIdentifier": Option<String>,
        /// What says that the target is well.
        health_check_id "healthCheckId": Option<Cf>,
    }
}

keywords! {
    /// How one of several records of a name is chosen.
    pub enum RoutingPolicy [ignore_case] {
        Simple = "simple",
        Latency = "latency",
        Weighted = "weighted",
    }
}

impl Short for CustomDomain {
    const SHORT: &'static str = "a domain such as `api.example.com`";

    fn expand(node: &Node, _: &mut Decoder) -> Option<Node> {
        node.as_str()?;
        Some(mapping_at(node, [("domainName", node.clone())]))
    }

    fn short_schema(_: &mut Schemas) -> Value {
        serde_json::json!({ "type": "string" })
    }
}

/// A domain of v4: its name alone, or with settings.
pub type DomainForm = Shorthand<CustomDomain>;

impl PluginSettings for CustomDomain {
    const PLUGIN: &'static str = "serverless-domain-manager";
    const KEY: &'static str = "customDomain";
}

/// Several custom domains.
#[derive(Clone, Debug)]
pub struct CustomDomains(pub Vec<CustomDomain>);

impl Decode for CustomDomains {
    fn decode(node: &Node, cx: &mut Decoder) -> Option<Self> {
        Vec::decode(node, cx).map(Self)
    }

    fn fits(node: &Node) -> bool {
        Vec::<CustomDomain>::fits(node)
    }

    fn expects() -> String {
        Vec::<CustomDomain>::expects()
    }

    fn schema(schemas: &mut Schemas) -> Value {
        Vec::<CustomDomain>::schema(schemas)
    }
}

impl PluginSettings for CustomDomains {
    const PLUGIN: &'static str = "serverless-domain-manager";
    const KEY: &'static str = "customDomains";
}

impl Service {
    /// Every custom domain that the file asks for, in the order of the plugin's settings and then the provider's. Those
    /// that are switched off are left out; settings by API are domains of their own.
    pub fn domains(&self) -> Vec<CustomDomain> {
        let one = self.settings::<CustomDomain>().into_iter();
        let several = self.settings::<CustomDomains>().into_iter().flat_map(|all| all.0);
        let provider = &self.provider;
        let own = provider.domain.iter().chain(provider.domains.iter().flatten()).map(|form| form.0.clone());
        one.chain(several).chain(own).flat_map(by_api).filter(|domain| domain.enabled != Some(false)).collect()
    }
}

fn by_api(mut domain: CustomDomain) -> Vec<CustomDomain> {
    let parts = [
        (DomainApi::Rest, domain.rest.take()),
        (DomainApi::Http, domain.http.take()),
        (DomainApi::Websocket, domain.websocket.take()),
    ];
    let parts: Vec<CustomDomain> =
        parts.into_iter().filter_map(|(api, part)| Some(CustomDomain { api_type: Some(api), ..*part? })).collect();
    // Beside settings by API there is no domain of all.
    if parts.is_empty() { vec![domain] } else { parts }
}

#[cfg(test)]
mod tests {
    use super::super::super::super::decode::sample;
    use super::super::super::decode_service;

    fn domains(yaml: &str) -> Vec<(String, Option<String>)> {
        let (service, found) = decode_service(&sample::node(&format!("service: shop\n{yaml}")));
        assert!(found.is_empty(), "{}", sample::summary(&found));
        let all = service.expect("a service").domains();
        all.into_iter().map(|one| (one.domain_name.unwrap_or_default(), one.base_path)).collect()
    }

    #[test]
    fn domains_are_gathered_from_every_place() {
        let plugin = "provider: aws\nplugins: [serverless-domain-manager]\ncustom:\n";
        let one = |name: &str| (name.to_owned(), None);
        assert_eq!(
            domains(&format!("{plugin}  customDomain: {{domainName: a.b, basePath: v1}}\n")),
            [("a.b".to_owned(), Some("v1".to_owned()))]
        );
        let by_api = "  customDomain: {rest: {domainName: r.b}, websocket: {domainName: w.b, enabled: false}}\n";
        assert_eq!(domains(&format!("{plugin}{by_api}")), [one("r.b")]);
        assert_eq!(
            domains(&format!("{plugin}  customDomains: [{{domainName: c.b}}, {{domainName: d.b}}]\n")),
            [one("c.b"), one("d.b")]
        );
        assert_eq!(domains("provider: {name: aws, domain: e.b}\n"), [one("e.b")]);
        assert_eq!(domains("provider: {name: aws, domains: [f.b, {name: g.b}]}\n"), [one("f.b"), one("g.b")]);
        assert_eq!(
            domains("provider: aws\ncustom: {customDomain: {domainName: h.b}}\n"),
            [],
            "without the plugin it is the user's own"
        );
    }
}
