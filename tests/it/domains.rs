//! Custom domains: made, mapped, reached by name in Route 53, and taken away.

use serde_json::{Value, json};

use crate::support::{Boto, Cloud, Project};

const HANDLER: &str = "def handler(event, context):\n    return {'statusCode': 200, 'body': 'here'}\n";

/// A hosted zone, and an issued certificate for everything in it.
pub fn prepared(boto: &Boto, account: &str) -> String {
    let zone = json!({"Name": "example.com", "CallerReference": "one"});
    let zone =
        boto.call_in(account, "route53", "create_hosted_zone", zone)["HostedZone"]["Id"].as_str().unwrap().to_owned();
    let certificate = json!({"DomainName": "*.example.com", "ValidationMethod": "DNS"});
    boto.call_in(account, "acm", "request_certificate", certificate);
    zone
}

fn domains(boto: &Boto) -> Vec<Value> {
    boto.call("apigateway", "get_domain_names", json!({}))["items"].as_array().cloned().unwrap_or_default()
}

/// Names and types of the address records of a zone.
fn records(boto: &Boto, zone: &str) -> Vec<String> {
    let all = boto.call("route53", "list_resource_record_sets", json!({"HostedZoneId": zone}));
    let of = |record: &Value, key: &str| record[key].as_str().unwrap().to_owned();
    let all = all["ResourceRecordSets"].as_array().unwrap().iter();
    let mut found: Vec<String> = all
        .filter(|record| record["AliasTarget"].is_object())
        .map(|record| format!("{} {}", of(record, "Name"), of(record, "Type")))
        .collect();
    found.sort();
    found
}

const REST: &str = "
service: named
provider: {name: aws, runtime: python3.13, timeout: 10}
plugins: [serverless-domain-manager]
custom:
  customDomain: {domainName: api.example.com, basePath: v1, endpointType: regional}
functions:
  api: {handler: handler.handler, events: [{http: GET /hello}]}
";

#[test]
fn a_domain_is_made_mapped_and_taken_away() {
    let cloud = Cloud::shared().another();
    let boto = cloud.boto();
    let zone = prepared(&boto, &cloud.account);
    let project = Project::new(REST).file("handler.py", HANDLER);

    let early = project.on(&cloud, ["deploy", "--yes"]).code(1);
    assert!(early.stderr.contains("hoist domain create"), "{}", early.stderr);
    assert_eq!(boto.call("lambda", "list_functions", json!({}))["Functions"], json!([]), "nothing may be made");

    project.on(&cloud, ["domain", "create", "--yes"]).success();
    project.on(&cloud, ["domain", "create", "--yes"]).success().says("nothing to do");
    let domain = domains(&boto).remove(0);
    assert_eq!(domain["domainName"], "api.example.com");
    assert!(domain["regionalCertificateArn"].as_str().unwrap().contains(":certificate/"), "{domain}");
    assert_eq!(records(&boto, &zone), ["api.example.com. A", "api.example.com. AAAA"]);

    project.deploy(&cloud).says("https://api.example.com/v1/hello");
    project.deploy(&cloud).says("nothing to do");
    project.on(&cloud, ["diff", "--exit-code"]).success().says("nothing to do");
    let mappings = || {
        let found = boto.call("apigateway", "get_base_path_mappings", json!({"domainName": "api.example.com"}));
        let found = found["items"].as_array().cloned().unwrap_or_default();
        found.iter().map(|one| one["basePath"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(mappings(), ["v1"]);

    project.write("serverless.yml", &REST.replace("basePath: v1, ", ""));
    project.deploy(&cloud);
    project.deploy(&cloud).says("nothing to do");
    assert_eq!(mappings(), ["(none)"]);
    let tags = || boto.call("apigateway", "get_rest_apis", json!({}))["items"][0]["tags"].clone();
    assert_eq!(tags()["hoist:domain:api.example.com"], "api.example.com");

    let without = REST.lines().filter(|line| !line.contains("omain")).collect::<Vec<_>>().join("\n");
    project.write("serverless.yml", &without.replace("custom:\n", ""));
    project.deploy(&cloud);
    assert_eq!((mappings(), tags()["hoist:domain:api.example.com"].clone()), (vec![], Value::Null));
    let before = cloud.own_calls().len();
    project.deploy(&cloud).says("nothing to do");
    let asked: Vec<String> = cloud.own_calls()[before..].iter().map(|call| call["operation"].to_string()).collect();
    assert!(
        !asked.is_empty() && !asked.iter().any(|call| call.contains("Domain") || call.contains("Mapping")),
        "{asked:?}"
    );
    project.write("serverless.yml", REST);
    project.deploy(&cloud);

    project.on(&cloud, ["remove", "--yes"]).success();
    assert_eq!(mappings(), Vec::<String>::new());
    assert_eq!(domains(&boto).len(), 1, "a domain outlives what is mapped to it");
    project.on(&cloud, ["domain", "delete", "--yes"]).success();
    assert_eq!((domains(&boto), records(&boto, &zone)), (vec![], vec![]));
}

const OTHERS: &str = "
service: light
provider:
  name: aws
  runtime: python3.13
  timeout: 10
  domains:
    - {name: http.example.com, apiType: http, autoDomain: true}
    - {name: socket.example.com, apiType: websocket, basePath: chat, autoDomain: true, createRoute53IPv6Record: false}
functions:
  api: {handler: handler.handler, events: [{httpApi: GET /hello}, {websocket: $connect}]}
";

#[test]
fn a_deploy_makes_the_domains_that_it_is_told_to() {
    let cloud = Cloud::shared().another();
    let boto = cloud.boto();
    let zone = prepared(&boto, &cloud.account);
    let project = Project::new(OTHERS).file("handler.py", HANDLER);
    project.deploy(&cloud);
    project.deploy(&cloud).says("nothing to do");
    let mapping = |domain: &str| {
        let found = boto.call("apigatewayv2", "get_api_mappings", json!({"DomainName": domain}));
        let one = &found["Items"][0];
        (one["ApiMappingKey"].as_str().unwrap_or_default().to_owned(), one["Stage"].as_str().unwrap().to_owned())
    };
    assert_eq!(mapping("http.example.com"), (String::new(), "$default".to_owned()));
    assert_eq!(mapping("socket.example.com"), ("chat".to_owned(), "dev".to_owned()));
    assert_eq!(records(&boto, &zone), ["http.example.com. A", "http.example.com. AAAA", "socket.example.com. A"]);
    // What leaves the file leaves the domain, and the domain stays until somebody says otherwise.
    let (head, rest) = OTHERS.split_once("    - {name: socket").unwrap();
    let rest = rest.split_once('\n').unwrap().1;
    project.write("serverless.yml", &format!("{head}{rest}"));
    project.deploy(&cloud);
    let left = boto.call("apigatewayv2", "get_api_mappings", json!({"DomainName": "socket.example.com"}));
    assert_eq!(left["Items"], json!([]));
    assert_eq!(domains(&boto).len(), 2);
    project.on(&cloud, ["remove", "--yes"]).success();
    project.on(&cloud, ["domain", "delete", "--yes"]).success();
    assert_eq!((domains(&boto), records(&boto, &zone)), (vec![], vec![]));
}

const AT_THE_EDGE: &str = "
service: edge
provider: {name: aws, runtime: python3.13, timeout: 10}
plugins: [serverless-domain-manager]
custom:
  customDomain: {domainName: www.example.com, certificateName: '*.example.com', endpointType: edge, autoDomain: true}
functions:
  api: {handler: handler.handler, events: [{http: GET /hello}]}
";

/// CloudFront takes certificates of us-east-1 only, wherever the API is.
#[test]
fn a_domain_at_the_edge_has_the_certificate_that_is_named_of_us_east_1() {
    let cloud = Cloud::shared().another();
    let boto = cloud.boto();
    let zone = prepared(&boto, &cloud.account);
    let named = |name: &str| {
        let asked = json!({"DomainName": name, "ValidationMethod": "DNS"});
        boto.call("acm", "request_certificate", asked)["CertificateArn"].clone()
    };
    // This one fits better, and is not the one that is asked for.
    let exact = named("www.example.com");
    let project = Project::new(AT_THE_EDGE).file("handler.py", HANDLER);
    project.deploy(&cloud).says("https://www.example.com/hello");
    project.deploy(&cloud).says("nothing to do");
    project.on(&cloud, ["diff", "--exit-code"]).success();
    assert_eq!(records(&boto, &zone), ["www.example.com. A", "www.example.com. AAAA"]);
    let found = domains(&boto).remove(0);
    assert_eq!(found["endpointConfiguration"]["types"], json!(["EDGE"]));
    assert!(found["certificateArn"].is_string() && found["certificateArn"] != exact, "{found}");
    assert!(found["regionalCertificateArn"].as_str().is_none_or(str::is_empty), "{found}");
    project.on(&cloud, ["remove", "--yes"]).success();
    project.on(&cloud, ["domain", "delete", "--yes"]).success();
    assert_eq!((domains(&boto), records(&boto, &zone)), (vec![], vec![]));

    cloud.forget_calls();
    project.on(&cloud, ["domain", "create", "--yes", "--region", "eu-west-1"]).success();
    let region = |operation: &str| {
        let own = cloud.own_calls();
        own.iter().find(|call| call["operation"] == operation).map(|call| call["region"].clone())
    };
    assert_eq!(
        (region("ListCertificates"), region("CreateDomainName")),
        (Some(json!("us-east-1")), Some(json!("eu-west-1")))
    );
}

#[test]
fn a_certificate_that_is_named_and_is_not_there_is_said_before_anything_is_made() {
    let cloud = Cloud::shared().another();
    let boto = cloud.boto();
    prepared(&boto, &cloud.account);
    let config = REST.replace("endpointType: regional", "endpointType: regional, certificateName: none.example.com");
    let project = Project::new(&config).file("handler.py", HANDLER);
    project.on(&cloud, ["domain", "create", "--yes"]).code(1).says("none.example.com");
    assert_eq!(domains(&boto), Vec::<Value>::new());
}
