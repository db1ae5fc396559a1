//! Tags of what is live: what a change of them takes, and what the tagging API knows of all of them at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::aws::client::Aws;
use crate::aws::ownership::{SERVICE, STAGE};
use crate::aws::signed::Signed;
use crate::engine::failure::Failure;
use crate::engine::plan::FieldChange;
use crate::engine::value::Value;

use super::properties::text_map;

/// What a change of tags takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagChange {
    pub set: BTreeMap<String, String>,
    pub remove: BTreeSet<String>,
}

impl TagChange {
    /// From the fields that differ, and the tags as they should be.
    pub fn of(fields: &[FieldChange], properties: &Value) -> Self {
        let wanted = text_map(properties, &["Tags"]);
        let mut keys = BTreeSet::new();
        for field in fields {
            if let Some(key) = field.path.strip_prefix("Tags.") {
                keys.insert(key.to_owned());
            } else if field.path == "Tags" {
                // All of them at once: there were none, or none are left.
                for value in [&field.before, &field.after].into_iter().flatten() {
                    if let Value::Map(map) = value {
                        keys.extend(map.keys().cloned());
                    }
                }
            }
        }
        let (set, remove) = keys.into_iter().partition::<BTreeSet<_>, _>(|key| wanted.contains_key(key));
        Self { set: wanted.into_iter().filter(|(key, _)| set.contains(key)).collect(), remove }
    }
}

/// Tags by ARN.
pub type Tagged = BTreeMap<String, BTreeMap<String, String>>;

impl Aws {
    /// What the tagging API says carries this service's and stage's marks: read once in a run. A hint only: it lists
    /// what is gone already, and misses what is new.
    ///
    /// # Errors
    /// As every call.
    pub async fn tagged(&self) -> Result<Arc<Tagged>, Failure> {
        let mut known = self.run.tagged.lock().await;
        if let Some(known) = known.as_ref() {
            return Ok(Arc::clone(known));
        }
        let scope = self.scope();
        let input = json!({
            "ResourcesPerPage": 100,
            "TagFilters": [
                { "Key": SERVICE, "Values": [scope.service] },
                { "Key": STAGE, "Values": [scope.stage] },
            ],
        });
        let request = Signed::action("GetResources", input);
        let token = ("PaginationToken", "PaginationToken");
        let entries = self.pages("tagging", "GetResources", request, token, "ResourceTagMappingList").await?;
        let found: Tagged = entries.iter().filter_map(entry).collect();
        let found = Arc::new(found);
        *known = Some(Arc::clone(&found));
        Ok(found)
    }
}

fn entry(entry: &Json) -> Option<(String, BTreeMap<String, String>)> {
    let arn = entry.get("ResourceARN")?.as_str()?.to_owned();
    let tags = entry.get("Tags").and_then(Json::as_array).into_iter().flatten();
    let tags =
        tags.filter_map(|tag| Some((tag.get("Key")?.as_str()?.to_owned(), tag.get("Value")?.as_str()?.to_owned())));
    Some((arn, tags.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::kinds::properties::tests::tree_of;

    fn field(path: &str, before: Option<Value>, after: Option<Value>) -> FieldChange {
        FieldChange { path: path.into(), before, after, sensitive: false, bookkeeping: false, told: None }
    }

    #[test]
    fn changed_tags_are_set_and_missing_ones_removed() {
        let properties = tree_of(json!({ "Tags": { "a": "1", "b": "2", "same": "3" } }));
        let change = TagChange::of(
            &[
                field("Tags.a", None, Some(Value::string("1"))),
                field("Tags.b", Some(Value::string("1")), Some(Value::string("2"))),
                field("Tags.old", Some(Value::string("x")), None),
                field("RetentionInDays", None, None),
            ],
            &properties,
        );
        assert_eq!(change.set.into_keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(change.remove, BTreeSet::from(["old".to_owned()]));
    }

    #[test]
    fn all_tags_may_go_at_once() {
        let field = field("Tags", Some(tree_of(json!({ "a": "1" }))), None);
        let change = TagChange::of(&[field], &tree_of(json!({})));
        assert_eq!(change.remove, BTreeSet::from(["a".to_owned()]));
    }

    #[test]
    fn the_tagging_apis_answer_is_read() {
        let page = [json!({ "ResourceARN": "arn:1", "Tags": [{ "Key": "k", "Value": "v" }] }), json!({ "no": "arn" })];
        let found: Tagged = page.iter().filter_map(entry).collect();
        assert_eq!(found["arn:1"]["k"], "v");
        assert_eq!(found.len(), 1);
    }
}
