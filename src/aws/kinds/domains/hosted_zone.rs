//! Hosted zones of Route 53, found by a domain's name.
//! <https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListHostedZones.html>

use serde_json::Value as Json;

use crate::aws::client::Aws;
use crate::aws::kinds::json::member;
use crate::aws::signed::Signed;
use crate::engine::failure::Failure;

/// A hosted zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Zone {
    /// `Z123`
    pub id: String,
    /// Without the dot at its end.
    name: String,
    private: bool,
}

/// The zones that a domain lies in, the closest first.
///
/// # Errors
/// As every call.
pub(super) async fn around(aws: &Aws, domain: &str) -> Result<Vec<Zone>, Failure> {
    let request = Signed::rest("GET", "/2013-04-01/hostedzone");
    let token = ("NextMarker", "marker");
    let all = aws.pages("route53", "ListHostedZones", request, token, "HostedZones/HostedZone").await?;
    let mut zones: Vec<Zone> = all.iter().filter_map(zone).filter(|zone| zone.holds(domain)).collect();
    zones.sort_by_key(|zone| std::cmp::Reverse(zone.name.len()));
    Ok(zones)
}

/// The zone for a domain's record.
pub(super) fn choose(zones: &[Zone], private: bool) -> Option<&Zone> {
    zones.iter().find(|zone| zone.private == private)
}

impl Zone {
    fn holds(&self, domain: &str) -> bool {
        domain.strip_suffix(self.name.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }
}

fn zone(answer: &Json) -> Option<Zone> {
    Some(Zone {
        id: member(answer, "Id")?.rsplit('/').next()?.to_owned(),
        name: member(answer, "Name")?.trim_end_matches('.').to_owned(),
        private: answer.pointer("/Config/PrivateZone").and_then(Json::as_str) == Some("true"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_zone_holds_what_ends_in_its_name() {
        let answer = json!({ "Id": "/hostedzone/Z1", "Name": "example.com.", "Config": { "PrivateZone": "true" } });
        let zone = zone(&answer).unwrap();
        assert_eq!(zone, Zone { id: "Z1".into(), name: "example.com".into(), private: true });
        assert!(zone.holds("example.com") && zone.holds("a.b.example.com"));
        assert!(!zone.holds("badexample.com"));
        assert_eq!(
            (choose(std::slice::from_ref(&zone), false), choose(std::slice::from_ref(&zone), true)),
            (None, Some(&zone))
        );
    }
}
