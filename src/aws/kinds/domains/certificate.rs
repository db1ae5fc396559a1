//! The certificate of a domain, looked for in ACM by name.
//! <https://docs.aws.amazon.com/acm/latest/APIReference/API_ListCertificates.html>

use serde_json::{Value as Json, json};

use crate::aws::client::Aws;
use crate::aws::kinds::json::{member, members};
use crate::aws::signed::Signed;
use crate::engine::failure::{Failure, Reason};

/// Where certificates of edge endpoints have to be.
pub(super) const EDGE: &str = "us-east-1";

/// Without this filter ACM lists RSA keys of 2048 bits only.
const KEYS: &[&str] = &["RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1"];

/// The ARN of an issued certificate: that of the name, or else the one that fits the domain best.
///
/// # Errors
/// `Invalid` where there is none; else as every call.
pub(super) async fn find(
    aws: &Aws,
    domain: &str,
    name: Option<&str>,
    region: Option<&'static str>,
) -> Result<String, Failure> {
    let filter = json!({ "CertificateStatuses": ["ISSUED"], "Includes": { "keyTypes": KEYS }, "MaxItems": 1000 });
    let mut request = Signed::action("ListCertificates", filter);
    if let Some(region) = region {
        request = request.in_region(region);
    }
    let token = ("NextToken", "NextToken");
    let all = aws.pages("acm", "ListCertificates", request, token, "CertificateSummaryList").await?;
    let found = best(&all, domain, name).and_then(|certificate| member(certificate, "CertificateArn"));
    found.map(str::to_owned).ok_or_else(|| {
        let region = region.unwrap_or(aws.region());
        let text = format!("no issued certificate for {} in ACM in {region}", name.unwrap_or(domain));
        Failure::new(Reason::Invalid, text).help("request one there, or name one with `certificateArn`")
    })
}

/// The names that a certificate is for.
fn names(certificate: &Json) -> impl Iterator<Item = &str> {
    let others = members(certificate, "SubjectAlternativeNameSummaries").iter().filter_map(Json::as_str);
    member(certificate, "DomainName").into_iter().chain(others)
}

/// The certificate with the longest name that fits: the domain itself before a wildcard.
fn best<'a>(all: &'a [Json], domain: &str, name: Option<&str>) -> Option<&'a Json> {
    let fits = |candidate: &str| match (name, candidate.strip_prefix("*.")) {
        (Some(name), _) => candidate == name,
        (None, Some(parent)) => domain.split_once('.').is_some_and(|(_, rest)| rest == parent),
        (None, None) => candidate == domain,
    };
    let rank = |certificate: &Json| names(certificate).filter(|name| fits(name)).map(str::len).max();
    all.iter().filter_map(|one| Some((rank(one)?, one))).max_by_key(|(length, _)| *length).map(|(_, one)| one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_certificate_that_fits_best_is_taken() {
        let one = |arn: &str, name: &str, more: &[&str]| json!({ "CertificateArn": arn, "DomainName": name, "SubjectAlternativeNameSummaries": more });
        let all = [
            one("wild", "*.example.com", &[]),
            one("deep", "*.b.example.com", &[]),
            one("other", "example.com", &["example.com", "www.example.com"]),
            one("exact", "api.example.com", &[]),
        ];
        let arn =
            |domain: &str, name: Option<&str>| best(&all, domain, name).and_then(|one| member(one, "CertificateArn"));
        assert_eq!(arn("api.example.com", None), Some("exact"));
        assert_eq!(arn("shop.example.com", None), Some("wild"));
        assert_eq!(arn("www.example.com", None), Some("other"));
        assert_eq!(arn("a.b.example.com", None), Some("deep"));
        assert_eq!(arn("a.c.example.com", None), None, "a wildcard stands for one label");
        assert_eq!(arn("api.example.com", Some("*.example.com")), Some("wild"));
        assert_eq!(arn("api.example.com", Some("none.example.com")), None);
    }
}
