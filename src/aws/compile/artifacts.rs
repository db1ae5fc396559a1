//! What packaging made, put into a template: digests of code, and the logical ids that follow from them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use indexmap::IndexMap;
use sha2::{Digest, Sha256};

use crate::aws::naming;
use crate::aws::template::{Template, TemplateResource};
use crate::engine::fingerprint;
use crate::engine::value::Value;

/// A zip that packaging made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// `None` for code that was deployed before: it is kept by its digest.
    pub path: Option<PathBuf>,
    /// SHA-256 of the zip in base64, as Lambda's `CodeSha256` has it.
    pub sha256: String,
}

/// Everything that packaging made for a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Artifacts {
    /// Zips by function key.
    pub functions: BTreeMap<String, Artifact>,
    /// Zips by layer key.
    pub layers: BTreeMap<String, Artifact>,
    /// Sources of CloudFront Functions by function key.
    pub edge: BTreeMap<String, Artifact>,
    /// Addresses of built images, with their digest, by the name that they have in `provider.ecr.images`.
    pub images: BTreeMap<String, String>,
}

impl Template {
    /// Puts in what packaging made: the digest of every zip as `Code.Sha256` (a layer's as `Content.Sha256`) with its
    /// path as the hint `Artifact`, the address of every image, and the digest in the logical id of every version and
    /// of every retained layer, with all that refers to them.
    pub fn seal(&mut self, artifacts: &Artifacts) {
        for resource in self.resources.values_mut() {
            let (code, made) = match resource.kind.as_str() {
                "AWS::Lambda::Function" => ("Code", &artifacts.functions),
                "AWS::Lambda::LayerVersion" => ("Content", &artifacts.layers),
                "AWS::CloudFront::Function" => ("FunctionCode", &artifacts.edge),
                _ => continue,
            };
            let Value::Map(properties) = &mut resource.properties else { continue };
            let artifact = resource.hints.get("Artifact").and_then(|key| made.get(key.text()?));
            if let Some(artifact) = artifact {
                properties.insert(code.to_owned(), Value::Map(one("Sha256", Value::string(&artifact.sha256))));
                match &artifact.path {
                    Some(path) => {
                        resource.hints.insert("Artifact".to_owned(), Value::String(path.to_string_lossy().into_owned()))
                    }
                    None => resource.hints.remove("Artifact"),
                };
            }
            if let Some(Value::Map(code)) = properties.get_mut(code)
                && let Some(Value::String(name)) = code.get("ImageName")
                && let Some(uri) = artifacts.images.get(name)
            {
                *code = one("ImageUri", Value::string(uri));
            }
        }
        let mut renamed = self.version_ids();
        renamed.extend(self.retained_layer_ids());
        self.rename(&renamed);
    }

    /// For every version, the logical id with the digest of what it is a version of: the code, the local layers and
    /// the settings, without what belongs to the function as a whole.
    fn version_ids(&self) -> BTreeMap<String, String> {
        let mut ids = BTreeMap::new();
        for (logical_id, version) in &self.resources {
            if version.kind != "AWS::Lambda::Version" || logical_id.contains(char::is_whitespace) {
                continue;
            }
            let Some(function) = version.parent.as_ref().and_then(|parent| self.resources.get(parent)) else {
                continue;
            };
            if function.properties.at(&["Code", "Sha256"]).is_none()
                && function.properties.at(&["Code", "ImageUri"]).is_none()
            {
                continue;
            }
            let mut settings = function.properties.clone();
            if let Value::Map(map) = &mut settings {
                map.remove("ReservedConcurrentExecutions");
                map.remove("Tags");
            }
            let mut digest = Sha256::new();
            fingerprint::value(&mut digest, &settings);
            if let Some(Value::List(layers)) = function.properties.get("Layers") {
                let local = layers.iter().filter_map(|layer| self.resources.get(layer.get("Ref")?.text()?));
                local.for_each(|layer| fingerprint::value(&mut digest, &layer.properties));
            }
            let digest = naming::alphanumeric(&STANDARD.encode(digest.finalize()));
            ids.insert(logical_id.clone(), format!("{logical_id}{digest}"));
        }
        ids
    }

    /// A layer that is kept gets a new logical id with every change, so that the old one stays.
    fn retained_layer_ids(&self) -> BTreeMap<String, String> {
        let mut ids = BTreeMap::new();
        for (logical_id, layer) in &self.resources {
            let of_layer = match layer.kind.as_str() {
                "AWS::Lambda::LayerVersion" => Some(layer),
                "AWS::Lambda::LayerVersionPermission" => {
                    layer.parent.as_ref().and_then(|parent| self.resources.get(parent))
                }
                _ => None,
            };
            if let Some(of_layer) = of_layer
                && layer.attributes.contains_key("DeletionPolicy")
                && of_layer.properties.at(&["Content", "Sha256"]).is_some()
            {
                let mut digest = Sha256::new();
                fingerprint::value(&mut digest, &of_layer.properties);
                let digest = fingerprint::hexadecimal(&digest.finalize()[..20]);
                ids.insert(logical_id.clone(), format!("{logical_id}{digest}"));
            }
        }
        ids
    }

    /// Gives one resource another logical id, wherever it is named.
    pub(super) fn rename_one(&mut self, from: &str, to: &str) {
        self.rename(&BTreeMap::from([(from.to_owned(), to.to_owned())]));
    }

    /// Gives resources other logical ids, wherever they are named.
    pub(in crate::aws) fn rename(&mut self, ids: &BTreeMap<String, String>) {
        if ids.is_empty() {
            return;
        }
        let new = |id: &str| ids.get(id).cloned().unwrap_or_else(|| id.to_owned());
        let old: IndexMap<String, TemplateResource> = std::mem::take(&mut self.resources);
        for (logical_id, mut resource) in old {
            rename_in(&mut resource.properties, ids);
            resource.depends_on = resource.depends_on.iter().map(|id| new(id)).collect();
            resource.parent = resource.parent.map(|id| new(&id));
            self.resources.insert(new(&logical_id), resource);
        }
        self.outputs.values_mut().for_each(|output| rename_in(output, ids));
        self.stacks.values_mut().for_each(|stack| rename_in(stack, ids));
    }
}

fn one(key: &str, value: Value) -> BTreeMap<String, Value> {
    BTreeMap::from([(key.to_owned(), value)])
}

/// Renames what `Ref` and `Fn::GetAtt` name in a tree. (Nobody can write a version's id into an `Fn::Sub`: it is not
/// known before.)
fn rename_in(tree: &mut Value, ids: &BTreeMap<String, String>) {
    match tree {
        Value::List(items) => items.iter_mut().for_each(|item| rename_in(item, ids)),
        Value::Map(map) => {
            let target = match (map.len(), map.get_mut("Ref"), ()) {
                (1, Some(Value::String(target)), ()) => Some(target),
                _ => match map.get_mut("Fn::GetAtt") {
                    Some(Value::List(items)) => match items.first_mut() {
                        Some(Value::String(target)) => Some(target),
                        _ => None,
                    },
                    _ => None,
                },
            };
            if let Some(target) = target {
                if let Some(new) = ids.get(target.as_str()) {
                    new.clone_into(target);
                }
                return;
            }
            map.values_mut().for_each(|value| rename_in(value, ids));
        }
        _ => {}
    }
}
