//! API Gateway's PATCH operations.
//! <https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html>

use serde_json::{Value as Json, json};

use crate::aws::signed::Signed;

/// The operations of one PATCH request, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patch(Vec<Json>);

impl Patch {
    /// Sets a value; every value is a text.
    pub fn replace(&mut self, path: &str, value: &str) {
        self.0.push(json!({ "op": "replace", "path": path, "value": value }));
    }

    /// Adds a value to a list.
    pub fn add(&mut self, path: &str, value: &str) {
        self.0.push(json!({ "op": "add", "path": path, "value": value }));
    }

    /// Takes what is at the path away.
    pub fn remove(&mut self, path: &str) {
        self.0.push(json!({ "op": "remove", "path": path }));
    }

    /// Takes one value out of a list.
    pub fn remove_value(&mut self, path: &str, value: &str) {
        self.0.push(json!({ "op": "remove", "path": path, "value": value }));
    }

    /// Sets a value, or takes it away where there is none.
    pub fn set(&mut self, path: &str, value: Option<&str>) {
        match value {
            Some(value) => self.replace(path, value),
            None => self.remove(path),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The request that carries them.
    pub fn request(&self, path: &str) -> Signed {
        Signed::rest("PATCH", path).body(json!({ "patchOperations": self.0 }))
    }
}

/// A text as one part of a patch path (RFC 6901).
pub fn pointer(text: &str) -> String {
    text.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_keep_their_order() {
        let mut patch = Patch::default();
        patch.set("/description", Some("d"));
        patch.set("/policy", None);
        patch.add("/binaryMediaTypes/x", "");
        let ops: Vec<&str> = patch.0.iter().filter_map(|op| op["op"].as_str()).collect();
        assert_eq!(ops, ["replace", "remove", "add"]);
        assert_eq!(pointer("image/png"), "image~1png");
    }
}
