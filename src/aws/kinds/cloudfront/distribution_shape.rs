//! The configuration of a distribution in one form: every value a text, what AWS assumes left out, lists whose order means
//! nothing sorted.
//! <https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_DistributionConfig.html>

use serde_json::{Map, Value as Json, json};

use crate::engine::value::Value;

use super::super::properties::{from_json, to_json};
use super::{texts, words};

/// What a distribution has where nothing is said.
fn usual() -> Json {
    json!({
        "Aliases": [], "CacheBehaviors": [], "Comment": "", "CustomErrorResponses": [], "DefaultRootObject": "",
        "HttpVersion": "http1.1", "IPV6Enabled": "false",
        "Logging": { "Enabled": "false", "IncludeCookies": "false", "Bucket": "", "Prefix": "" },
        "OriginGroups": { "Quantity": "0", "Items": [] }, "PriceClass": "PriceClass_All",
        "Restrictions": { "GeoRestriction": { "RestrictionType": "none", "Locations": [] } },
        "Staging": "false", "WebACLId": "",
        "ViewerCertificate": { "CloudFrontDefaultCertificate": "true" },
    })
}

/// What a behavior has where nothing is said.
fn usual_behavior() -> Json {
    json!({
        "AllowedMethods": ["GET", "HEAD"], "CachedMethods": ["GET", "HEAD"], "Compress": "false",
        "FieldLevelEncryptionId": "", "FunctionAssociations": [], "GrpcConfig": { "Enabled": "false" },
        "LambdaFunctionAssociations": [], "OriginRequestPolicyId": "", "RealtimeLogConfigArn": "",
        "ResponseHeadersPolicyId": "", "SmoothStreaming": "false", "TrustedKeyGroups": [], "TrustedSigners": [],
        "ForwardedValues": { "Cookies": { "Forward": "none", "WhitelistedNames": [] }, "Headers": [],
            "QueryStringCacheKeys": [] },
        "MinTTL": "0", "DefaultTTL": "86400", "MaxTTL": "31536000",
    })
}

/// What an origin has where nothing is said.
fn usual_origin() -> Json {
    json!({
        "ConnectionAttempts": "3", "ConnectionTimeout": "10", "OriginAccessControlId": "", "OriginCustomHeaders": [],
        "OriginPath": "", "OriginShield": { "Enabled": "false" },
        "CustomOriginConfig": { "HTTPPort": "80", "HTTPSPort": "443", "OriginKeepaliveTimeout": "5",
            "OriginReadTimeout": "30" },
        "S3OriginConfig": { "OriginAccessIdentity": "", "OriginReadTimeout": "30" },
    })
}

/// What is at each place of the tree where nothing is said; for the items of a list, what each of them has.
fn usual_of_items(list: &str) -> Json {
    match list {
        "CacheBehaviors" => usual_behavior(),
        "Origins" => usual_origin(),
        "LambdaFunctionAssociations" => json!({ "IncludeBody": "false" }),
        _ => Json::Null,
    }
}

/// Lists whose order means nothing, and by what of an item they are sorted.
const UNORDERED: &[(&str, &str)] = &[
    ("Aliases", ""),
    ("AllowedMethods", ""),
    ("CachedMethods", ""),
    ("CustomErrorResponses", "ErrorCode"),
    ("FunctionAssociations", "EventType"),
    ("Headers", ""),
    ("LambdaFunctionAssociations", "EventType"),
    ("Locations", ""),
    ("OriginCustomHeaders", "HeaderName"),
    ("OriginSSLProtocols", ""),
    ("Origins", "Id"),
    ("QueryStringCacheKeys", ""),
    ("TrustedKeyGroups", ""),
    ("TrustedSigners", ""),
    ("WhitelistedNames", ""),
];

/// A configuration without what AWS assumes anyway.
pub(super) fn normal(config: &Value) -> Value {
    let mut config = config.clone();
    texts(&mut config);
    let mut later = Vec::new();
    hide(&mut config, &mut later);
    let mut config = to_json(&config);
    if let Json::Object(map) = &mut config {
        map.retain(|key, _| key != "CallerReference");
        if let Some(Json::Object(logging)) = map.get_mut("Logging")
            && logging.get("Bucket").and_then(Json::as_str).is_some_and(|bucket| !bucket.is_empty())
        {
            // A bucket is all that CloudFormation needs to hear.
            logging.shift_remove("Enabled");
        }
        if let Some(Json::Object(viewer)) = map.get_mut("ViewerCertificate") {
            // Told twice, under names of old.
            viewer.retain(|key, _| !["Certificate", "CertificateSource"].contains(&key.as_str()));
            if viewer.get("CloudFrontDefaultCertificate") == Some(&json!("true")) {
                viewer.retain(|key, _| key == "CloudFrontDefaultCertificate");
            } else {
                viewer.shift_remove("CloudFrontDefaultCertificate");
            }
        }
    }
    sort(&mut config);
    let mut usual = usual();
    usual["DefaultCacheBehavior"] = usual_behavior();
    without(&mut config, &usual);
    let mut config = from_json(config);
    show(&mut config, &later);
    config
}

/// What stands for a value that is not known yet.
const LATER: &str = "\u{0}later ";

/// Puts a name in the place of each value that is not known yet, which JSON has no form for.
fn hide(value: &mut Value, later: &mut Vec<Value>) {
    match value {
        Value::List(items) => items.iter_mut().for_each(|item| hide(item, later)),
        Value::Map(map) => map.values_mut().for_each(|item| hide(item, later)),
        Value::Later(_) => {
            let name = Value::String(format!("{LATER}{}", later.len()));
            later.push(std::mem::replace(value, name));
        }
        _ => {}
    }
}

/// Puts the values that are not known yet back.
fn show(value: &mut Value, later: &[Value]) {
    match value {
        Value::List(items) => items.iter_mut().for_each(|item| show(item, later)),
        Value::Map(map) => map.values_mut().for_each(|item| show(item, later)),
        Value::String(text) => {
            let number = text.strip_prefix(LATER).and_then(|number| number.parse::<usize>().ok());
            if let Some(kept) = number.and_then(|number| later.get(number)) {
                *value = kept.clone();
            }
        }
        _ => {}
    }
}

fn sort(tree: &mut Json) {
    match tree {
        Json::Object(map) => {
            for (key, value) in map.iter_mut() {
                sort(value);
                if let (Some((_, by)), Json::Array(items)) = (UNORDERED.iter().find(|(name, _)| name == key), value) {
                    items.sort_by_key(|item| if by.is_empty() { item.to_string() } else { item[*by].to_string() });
                }
            }
        }
        Json::Array(items) => items.iter_mut().for_each(sort),
        _ => {}
    }
}

fn is_nothing(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(map) => map.is_empty(),
        _ => false,
    }
}

/// Takes away what is as usual. An object that has to be there though nothing in it is special stays, empty.
fn without(tree: &mut Json, usual: &Json) {
    const TELLING: &[&str] = &["ForwardedValues", "CustomOriginConfig", "S3OriginConfig"];
    let Json::Object(map) = tree else { return };
    map.retain(|key, value| {
        let expected = usual.get(key).unwrap_or(&Json::Null);
        if let Json::Array(items) = value {
            let of_items = usual_of_items(key);
            items.iter_mut().for_each(|item| without(item, &of_items));
        } else {
            without(value, expected);
        }
        TELLING.contains(&key.as_str()) || !(is_nothing(value) || value == expected)
    });
}

/// What is live, compared with what the file wants: members that hoist knows nothing about, and that the file does not
/// name, are AWS's choice.
pub(super) fn live(config: &Json, wanted: Option<&Value>) -> Value {
    let live = normal(&from_json(words::to_cfn(config)));
    let Some(wanted) = wanted else { return live };
    let mut usual = usual();
    usual["DefaultCacheBehavior"] = usual_behavior();
    let mut live = to_json(&live);
    choose(&mut live, &to_json(&normal(wanted)), &usual);
    from_json(live)
}

fn choose(live: &mut Json, wanted: &Json, usual: &Json) {
    let Json::Object(map) = live else { return };
    map.retain(|key, value| {
        let (wish, expected) = (wanted.get(key), usual.get(key));
        if let Json::Array(items) = value {
            let of_items = usual_of_items(key);
            for (position, item) in items.iter_mut().enumerate() {
                if let Some(wish) = wish.and_then(|wish| wish.get(position)) {
                    choose(item, wish, &of_items);
                }
            }
        } else if let Some(wish) = wish {
            choose(value, wish, expected.unwrap_or(&Json::Null));
        }
        wish.is_some() || expected.is_some()
    });
}

/// The whole configuration as CloudFront takes it: what is live where hoist knows nothing about it, what the file says, and
/// what is usual where it says nothing.
pub(super) fn request(wanted: &Value, reference: &str, live: &Json) -> Json {
    let wanted = to_json(&normal(wanted));
    let mut config = live.as_object().cloned().unwrap_or_default();
    config.shift_remove("ETag");
    let mut all = filled(&wanted, &usual(), &["ForwardedValues"]);
    if let Some(Json::Object(logging)) = all.get_mut("Logging") {
        let is_on = logging.get("Bucket").and_then(Json::as_str).is_some_and(|bucket| !bucket.is_empty());
        logging.insert("Enabled".to_owned(), is_on.to_string().into());
    }
    let viewer = wanted.get("ViewerCertificate");
    if let Some(viewer) = viewer {
        // Not both the usual certificate and another one.
        all.insert("ViewerCertificate".to_owned(), viewer.clone());
    }
    if let Some(behavior) = wanted.get("DefaultCacheBehavior") {
        all.insert("DefaultCacheBehavior".to_owned(), Json::Object(filled_behavior(behavior)));
    }
    if let Some(Json::Array(behaviors)) = all.get_mut("CacheBehaviors") {
        behaviors.iter_mut().for_each(|behavior| *behavior = Json::Object(filled_behavior(behavior)));
    }
    if let Some(Json::Array(origins)) = all.get_mut("Origins") {
        for origin in origins {
            *origin = Json::Object(filled(origin, &usual_origin(), &["CustomOriginConfig", "S3OriginConfig"]));
        }
    }
    all.insert("CallerReference".to_owned(), reference.into());
    if let Json::Object(all) = words::to_api(&Json::Object(all)) {
        config.extend(all);
    }
    Json::Object(config)
}

fn filled_behavior(behavior: &Json) -> Map<String, Json> {
    let mut all = filled(behavior, &usual_behavior(), &["ForwardedValues"]);
    // A policy says for itself how long and by what is cached, and what is not there has no id.
    if all.contains_key("CachePolicyId") {
        ["MinTTL", "DefaultTTL", "MaxTTL"].iter().for_each(|key| drop(all.shift_remove(*key)));
    }
    all.retain(|key, value| {
        !(key.ends_with("Id") || key.ends_with("Arn")) || !is_nothing(value) || key == "FieldLevelEncryptionId"
    });
    all
}

/// `wanted` with everything usual that it does not say, but for members that are there only when it has them.
fn filled(wanted: &Json, usual: &Json, optional: &[&str]) -> Map<String, Json> {
    let mut all = wanted.as_object().cloned().unwrap_or_default();
    for (key, expected) in usual.as_object().into_iter().flatten() {
        match all.get(key) {
            Some(Json::Object(_)) => {
                let inner = filled(&all[key], expected, &[]);
                all.insert(key.clone(), Json::Object(inner));
            }
            Some(_) => {}
            None if optional.contains(&key.as_str()) => {}
            None => {
                all.insert(key.clone(), expected.clone());
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::super::properties::tests::tree_of;
    use super::*;

    fn file() -> Value {
        tree_of(json!({
            "Enabled": true, "Comment": "shop dev",
            "DefaultCacheBehavior": {
                "TargetOriginId": "custom/a.example", "ViewerProtocolPolicy": "allow-all", "CachePolicyId": "p",
                "LambdaFunctionAssociations": [{ "EventType": "viewer-request", "LambdaFunctionARN": "f:1" }],
            },
            "CacheBehaviors": [{ "PathPattern": "/x", "TargetOriginId": "s3/b", "ViewerProtocolPolicy": "allow-all",
                "ForwardedValues": { "QueryString": true }, "MaxTTL": 5 }],
            "Origins": [
                { "Id": "s3/b", "DomainName": "b.s3.amazonaws.com", "S3OriginConfig": {} },
                { "Id": "custom/a.example", "DomainName": "a.example",
                    "CustomOriginConfig": { "OriginProtocolPolicy": "match-viewer" } },
            ],
        }))
    }

    #[test]
    fn a_distribution_comes_back_as_the_file_has_it() {
        let mut sent = request(&file(), "ref", &Json::Null);
        assert_eq!(sent["CallerReference"], "ref");
        assert_eq!(sent["Aliases"], json!({ "Quantity": 0 }));
        let behavior = &sent["DefaultCacheBehavior"];
        assert_eq!((behavior.get("MinTTL"), behavior.get("OriginRequestPolicyId")), (None, None));
        let other = &sent["CacheBehaviors"]["Items"]["CacheBehavior"][0];
        assert_eq!(other["ForwardedValues"]["Cookies"]["Forward"], "none");
        assert_eq!((&other["MinTTL"], &other["MaxTTL"]), (&json!("0"), &json!("5")));
        let origins = &sent["Origins"]["Items"]["Origin"];
        assert_eq!(origins[0]["CustomOriginConfig"]["HTTPSPort"], "443");
        // AWS adds what it chooses.
        sent["HttpVersion"] = "http1.1".into();
        sent["AnycastIpListId"] = "".into();
        sent["ViewerCertificate"]["MinimumProtocolVersion"] = "TLSv1".into();
        sent["Origins"]["Items"]["Origin"][0]["CustomOriginConfig"]["OriginSslProtocols"] =
            json!({ "Quantity": "2", "Items": { "SslProtocol": ["SSLv3", "TLSv1"] } });
        assert_eq!(live(&sent, Some(&file())), normal(&file()));
        assert_eq!(normal(&normal(&file())), normal(&file()));
    }

    #[test]
    fn what_is_not_known_yet_stays_so() {
        let association = BTreeMap::from([("LambdaFunctionARN".to_owned(), Value::attribute("V", "Ref"))]);
        let list = Value::List(vec![Value::Map(association)]);
        let behavior = Value::Map(BTreeMap::from([("LambdaFunctionAssociations".to_owned(), list)]));
        let config = Value::Map(BTreeMap::from([("DefaultCacheBehavior".to_owned(), behavior)]));
        assert_eq!(normal(&config), config);
    }

    #[test]
    fn what_left_the_file_shows_and_goes_back_to_what_is_usual() {
        let mut before = to_json(&file());
        before["PriceClass"] = "PriceClass_100".into();
        before["Aliases"] = json!(["b", "a"]);
        let live_config = request(&from_json(before), "ref", &Json::Null);
        let shown = live(&live_config, Some(&file()));
        assert_eq!(shown.at(&["PriceClass"]).and_then(Value::text), Some("PriceClass_100"));
        let mut with_more = live_config;
        with_more["SomethingNew"] = json!({ "Of": "next year" });
        let sent = request(&file(), "ref", &with_more);
        assert_eq!((&sent["PriceClass"], &sent["Aliases"]), (&json!("PriceClass_All"), &json!({ "Quantity": 0 })));
        assert_eq!(sent["SomethingNew"], json!({ "Of": "next year" }));
    }
}
