//! What is there of an API's paths and methods, and what of it is ours.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::marks::Marks;
use super::method_shape;
use crate::aws::kinds::json::member;
use crate::aws::kinds::properties::to_json;
use crate::engine::fingerprint::short_digest;
use crate::engine::value::Value;

/// An API's resources, and the methods that carry our mark.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    pub resources: Vec<Json>,
    pub methods: Vec<OurMethod>,
}

/// A method of ours.
#[derive(Clone, Debug, PartialEq)]
pub struct OurMethod {
    pub resource: String,
    pub path: String,
    /// `GET`, `ANY`
    pub verb: String,
    pub logical_id: String,
    /// How many resources at the end of its path the service made.
    pub made: usize,
    pub properties: Value,
}

/// Reads an answer of GetResources with embedded methods.
pub fn routes(api: &str, resources: &[Json], marks: &Marks) -> Routes {
    let mut methods = Vec::new();
    for resource in resources {
        let (Some(id), Some(path)) = (member(resource, "id"), member(resource, "path")) else { continue };
        for (verb, method) in resource.get("resourceMethods").and_then(Json::as_object).into_iter().flatten() {
            let mark = method.pointer("/methodIntegration/cacheNamespace").and_then(Json::as_str);
            let Some((made, logical_id)) = mark.and_then(|mark| marks.read_method(mark)) else { continue };
            methods.push(OurMethod {
                resource: id.to_owned(),
                path: path.to_owned(),
                verb: verb.clone(),
                logical_id: logical_id.to_owned(),
                made,
                properties: method_shape::decode(api, id, verb, method),
            });
        }
    }
    methods.sort_by(|one, other| one.logical_id.cmp(&other.logical_id));
    Routes { resources: resources.to_vec(), methods }
}

impl Routes {
    pub fn resource(&self, id: &str) -> Option<&Json> {
        self.resources.iter().find(|resource| member(resource, "id") == Some(id))
    }

    /// The resource of a part of a path beneath another.
    pub fn child(&self, parent: &str, part: &str) -> Option<&Json> {
        let is_it = |one: &&Json| member(one, "parentId") == Some(parent) && member(one, "pathPart") == Some(part);
        self.resources.iter().find(is_it)
    }

    pub fn children<'a>(&'a self, parent: &'a str) -> impl Iterator<Item = &'a Json> {
        self.resources.iter().filter(move |resource| member(resource, "parentId") == Some(parent))
    }

    /// Whether the service made a resource: a method of ours at or beneath it says so, or nothing answers there and it lies
    /// beneath one that we made, where a deploy was cut off.
    pub fn is_ours(&self, resource: &Json, noted: &dyn Fn(&Json) -> bool) -> bool {
        let path = member(resource, "path").unwrap_or_default();
        if path == "/" {
            return false;
        }
        let depth = depth(path);
        let claimed = self.methods.iter().any(|method| {
            let is_above = method.path == path || method.path.starts_with(&format!("{path}/"));
            is_above && self::depth(&method.path).saturating_sub(method.made) < depth
        });
        let is_empty = !has_methods(resource);
        let parent = || member(resource, "parentId").and_then(|id| self.resource(id));
        claimed || noted(resource) || is_empty && parent().is_some_and(|parent| self.is_ours(parent, noted))
    }

    /// Our methods by logical id, each with a digest of what it is.
    pub fn states(&self) -> Vec<String> {
        let all: BTreeMap<&str, String> =
            self.methods.iter().map(|method| (method.logical_id.as_str(), state(&method.properties))).collect();
        all.into_iter().map(|(logical_id, state)| format!("{logical_id}={state}")).collect()
    }
}

/// Whether a resource has a method that could be deployed. One without an integration is what a deploy left that was cut
/// off between the two.
pub fn has_methods(resource: &Json) -> bool {
    let mut methods = resource.get("resourceMethods").and_then(Json::as_object).into_iter().flatten();
    methods.any(|(_, method)| method.get("methodIntegration").is_some_and(Json::is_object))
}

fn depth(path: &str) -> usize {
    path.split('/').filter(|part| !part.is_empty()).count()
}

/// A digest of properties in their one form: those of a method, or a schema.
pub fn state(properties: &Value) -> String {
    digest(&to_json(properties).to_string())
}

/// Twelve hexadecimal digits.
pub fn digest(text: &str) -> String {
    short_digest(text, 6)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_resource_is_ours_where_a_method_of_ours_says_so() {
        let marks = Marks::of("shop", "dev");
        let method =
            |mark: &str| json!({ "GET": { "methodIntegration": { "type": "AWS_PROXY", "cacheNamespace": mark } } });
        let resources = [
            json!({ "id": "r", "path": "/" }),
            json!({ "id": "v", "path": "/v1", "parentId": "r", "pathPart": "v1" }),
            json!({ "id": "o", "path": "/v1/orders", "parentId": "v", "pathPart": "orders" }),
            json!({ "id": "i", "path": "/v1/orders/{id}", "parentId": "o", "pathPart": "{id}",
                    "resourceMethods": method(&marks.method(2, "ApiGatewayMethodOrdersIdVarGet")) }),
            json!({ "id": "e", "path": "/v1/orders/empty", "parentId": "o", "pathPart": "empty" }),
            json!({ "id": "h", "path": "/v1/orders/half", "parentId": "o", "pathPart": "half",
                    "resourceMethods": { "GET": { "httpMethod": "GET" } } }),
            json!({ "id": "f", "path": "/v1/orders/full", "parentId": "o", "pathPart": "full", "resourceMethods": method("f") }),
            json!({ "id": "x", "path": "/v1/other", "parentId": "v", "pathPart": "other" }),
        ];
        let routes = routes("a", &resources, &marks);
        let ours = |noted: &dyn Fn(&Json) -> bool| -> Vec<&str> {
            resources.iter().filter(|one| routes.is_ours(one, noted)).filter_map(|one| member(one, "id")).collect()
        };
        assert_eq!(ours(&|_| false), ["o", "i", "e", "h"]);
        assert_eq!(ours(&|one| one["id"] == "x"), ["o", "i", "e", "h", "x"], "the notes of a deploy say so too");
        assert_eq!(routes.methods[0].logical_id, "ApiGatewayMethodOrdersIdVarGet");
        assert_eq!(routes.child("o", "{id}").and_then(|one| member(one, "id")), Some("i"));
    }
}
