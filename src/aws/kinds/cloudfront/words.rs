//! CloudFormation's words for CloudFront, and CloudFront's own: the same tree, where a list is
//! `{"Quantity": 1, "Items": {"Origin": [..]}}`, some names are spelt otherwise, and every value is a text.

use serde_json::{Map, Value as Json, json};

use crate::aws::signed::each;

/// A list: CloudFormation's name, CloudFront's name, and what each item is called.
struct List {
    cfn: &'static str,
    api: &'static str,
    item: &'static str,
}

const fn list(cfn: &'static str, api: &'static str, item: &'static str) -> List {
    List { cfn, api, item }
}

const LISTS: &[List] = &[
    list("Aliases", "Aliases", "CNAME"),
    list("AllowedMethods", "AllowedMethods", "Method"),
    list("CacheBehaviors", "CacheBehaviors", "CacheBehavior"),
    list("CachedMethods", "CachedMethods", "Method"),
    list("Cookies", "Cookies", "Name"),
    list("CustomErrorResponses", "CustomErrorResponses", "CustomErrorResponse"),
    list("FunctionAssociations", "FunctionAssociations", "FunctionAssociation"),
    list("Headers", "Headers", "Name"),
    list("KeyValueStoreAssociations", "KeyValueStoreAssociations", "KeyValueStoreAssociation"),
    list("LambdaFunctionAssociations", "LambdaFunctionAssociations", "LambdaFunctionAssociation"),
    list("OriginCustomHeaders", "CustomHeaders", "OriginCustomHeader"),
    list("OriginSSLProtocols", "OriginSslProtocols", "SslProtocol"),
    list("Origins", "Origins", "Origin"),
    list("QueryStringCacheKeys", "QueryStringCacheKeys", "Name"),
    list("QueryStrings", "QueryStrings", "Name"),
    list("TrustedKeyGroups", "TrustedKeyGroups", "KeyGroup"),
    list("TrustedSigners", "TrustedSigners", "AwsAccountNumber"),
    list("WhitelistedNames", "WhitelistedNames", "Name"),
];

/// Lists that CloudFormation writes as CloudFront does, `{"Quantity": 1, "Items": [..]}`: name, and what each item is
/// called.
const COUNTED: &[(&str, &str)] =
    &[("Members", "OriginGroupMember"), ("OriginGroups", "OriginGroup"), ("StatusCodes", "StatusCode")];

/// Names that are spelt otherwise: CloudFormation's, CloudFront's.
const NAMES: &[(&str, &str)] = &[
    ("AcmCertificateArn", "ACMCertificateArn"),
    ("IPV6Enabled", "IsIPV6Enabled"),
    ("IamCertificateId", "IAMCertificateId"),
    ("SslSupportMethod", "SSLSupportMethod"),
];

/// A tree in CloudFormation's words as the content of a request.
pub(super) fn to_api(tree: &Json) -> Json {
    match tree {
        Json::Object(map) => {
            let mut out: Map<String, Json> = map.iter().map(|(key, value)| member_to_api(key, value)).collect();
            // The methods that are cached are a part of those that are allowed.
            if let Some(cached) = out.shift_remove("CachedMethods")
                && let Some(Json::Object(allowed)) = out.get_mut("AllowedMethods")
            {
                allowed.insert("CachedMethods".to_owned(), cached);
            }
            if let Some(places) = out.shift_remove("Locations") {
                let many = places.as_array().map_or(0, Vec::len);
                out.insert("Quantity".to_owned(), many.into());
                if many > 0 {
                    out.insert("Items".to_owned(), json!({ "Location": places }));
                }
            } else if out.contains_key("RestrictionType") {
                out.insert("Quantity".to_owned(), 0.into());
            }
            Json::Object(out)
        }
        Json::Array(items) => items.iter().map(to_api).collect(),
        leaf => leaf.clone(),
    }
}

fn member_to_api(key: &str, value: &Json) -> (String, Json) {
    if let (Some(known), Json::Array(items)) = (LISTS.iter().find(|list| list.cfn == key), value) {
        let mut counted = counted(known.item, items);
        if key.starts_with("Trusted")
            && let Json::Object(map) = &mut counted
        {
            map.insert("Enabled".to_owned(), (!items.is_empty()).into());
        }
        return (known.api.to_owned(), counted);
    }
    if let Some((_, item)) = COUNTED.iter().find(|(name, _)| *name == key) {
        let items = value.get("Items").and_then(Json::as_array).cloned().unwrap_or_default();
        return (key.to_owned(), counted(item, &items));
    }
    let name = NAMES.iter().find(|(cfn, _)| *cfn == key).map_or(key, |(_, api)| api);
    (name.to_owned(), to_api(value))
}

fn counted(item: &str, items: &[Json]) -> Json {
    let content: Json = items.iter().map(to_api).collect();
    if items.is_empty() {
        json!({ "Quantity": 0 })
    } else {
        json!({ "Quantity": items.len(), "Items": { item: content } })
    }
}

/// The content of an answer in CloudFormation's words. Every leaf is a text, as XML has it.
pub(super) fn to_cfn(answer: &Json) -> Json {
    match answer {
        Json::Object(map) => {
            let mut out = Map::new();
            for (key, value) in map {
                let (name, value) = member_to_cfn(key, value);
                if key == "AllowedMethods"
                    && let Some(cached) = map.get(key).and_then(|allowed| allowed.get("CachedMethods"))
                {
                    out.insert("CachedMethods".to_owned(), items_of(cached, "Method"));
                }
                out.insert(name, value);
            }
            if out.contains_key("RestrictionType") {
                out.shift_remove("Quantity");
                out.shift_remove("Items");
                let places = each(answer, "Items/Location").iter().cloned().collect();
                out.insert("Locations".to_owned(), places);
            }
            Json::Object(out)
        }
        Json::Array(items) => items.iter().map(to_cfn).collect(),
        leaf => leaf.clone(),
    }
}

fn member_to_cfn(key: &str, value: &Json) -> (String, Json) {
    let is_list = value.get("Quantity").is_some();
    if let Some(known) = LISTS.iter().find(|list| list.api == key && is_list) {
        return (known.cfn.to_owned(), items_of(value, known.item));
    }
    if let Some((name, item)) = COUNTED.iter().find(|(name, _)| *name == key) {
        let items = items_of(value, item);
        let many = items.as_array().map_or(0, Vec::len).to_string();
        return ((*name).to_owned(), json!({ "Quantity": many, "Items": items }));
    }
    let name = NAMES.iter().find(|(_, api)| *api == key).map_or(key, |(cfn, _)| cfn);
    (name.to_owned(), to_cfn(value))
}

fn items_of(counted: &Json, item: &str) -> Json {
    each(counted, &format!("Items/{item}")).iter().map(to_cfn).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_words_say_the_same() {
        let cfn = json!({
            "Aliases": ["a.example"], "IPV6Enabled": "true",
            "Origins": [{ "Id": "o", "OriginCustomHeaders": [], "CustomOriginConfig": { "OriginSSLProtocols": ["TLSv1.2"] } }],
            "DefaultCacheBehavior": {
                "AllowedMethods": ["GET", "HEAD"], "CachedMethods": ["GET"], "TrustedSigners": [],
                "ForwardedValues": { "QueryString": "true", "Cookies": { "Forward": "whitelist", "WhitelistedNames": ["c"] } },
            },
            "OriginGroups": { "Quantity": "1", "Items": [{ "Id": "g",
                "Members": { "Quantity": "1", "Items": [{ "OriginId": "o" }] },
                "FailoverCriteria": { "StatusCodes": { "Quantity": "1", "Items": ["500"] } } }] },
            "Restrictions": { "GeoRestriction": { "RestrictionType": "whitelist", "Locations": ["DE"] } },
        });
        let api = to_api(&cfn);
        assert_eq!(api["Aliases"], json!({ "Quantity": 1, "Items": { "CNAME": ["a.example"] } }));
        assert_eq!(api["IsIPV6Enabled"], "true");
        let methods = &api["DefaultCacheBehavior"]["AllowedMethods"];
        assert_eq!(methods["CachedMethods"], json!({ "Quantity": 1, "Items": { "Method": ["GET"] } }));
        assert_eq!(api["DefaultCacheBehavior"]["TrustedSigners"], json!({ "Quantity": 0, "Enabled": false }));
        assert_eq!(api["Origins"]["Items"]["Origin"][0]["CustomHeaders"], json!({ "Quantity": 0 }));
        let geo = &api["Restrictions"]["GeoRestriction"];
        assert_eq!((&geo["Quantity"], &geo["Items"]), (&json!(1), &json!({ "Location": ["DE"] })));
        assert_eq!(to_cfn(&api), cfn);
    }

    #[test]
    fn what_stands_alone_in_xml_is_a_list_too() {
        let answer = json!({ "Aliases": { "Quantity": "1", "Items": { "CNAME": "a.example" } }, "Origins": {
            "Quantity": "1", "Items": { "Origin": { "Id": "o" } } } });
        assert_eq!(to_cfn(&answer), json!({ "Aliases": ["a.example"], "Origins": [{ "Id": "o" }] }));
    }
}
