//! Custom domains: the domain, what is mapped to it, and its records in Route 53.

mod certificate;
pub mod domain_name;
mod hosted_zone;
pub mod mapping;
pub mod record_set;

use serde_json::Value as Json;

use super::super::client::Aws;
use super::super::signed::{Signed, segment};
use crate::engine::failure::Failure;

/// `/domainnames/api.example.com`
fn path(domain: &str) -> String {
    format!("/domainnames/{}", segment(domain))
}

/// A domain as API Gateway has it. Both of its APIs see the same domains.
///
/// # Errors
/// As every call.
pub async fn get(aws: &Aws, domain: &str) -> Result<Option<Json>, Failure> {
    aws.look_for("apigateway", "GetDomainName", &Signed::rest("GET", path(domain))).await
}

/// Every domain of the account and region, with its tags.
async fn all(aws: &Aws) -> Result<Vec<Json>, Failure> {
    let request = Signed::rest("GET", "/domainnames").query("limit", "500");
    aws.pages("apigateway", "GetDomainNames", request, ("position", "position"), "item").await
}
