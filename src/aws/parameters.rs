//! Parameters of the Systems Manager: values for variables and secrets, and the secrets that `hoist secrets` keeps.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/Welcome.html>

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use crate::engine::failure::Failure;
use crate::engine::kind::Progress;
use crate::engine::value::Secret;

use super::client::Aws;
use super::signed::Signed;

/// GetParameters takes so many names.
const NAMES: usize = 10;
/// Bytes that a standard parameter can hold:
/// <https://docs.aws.amazon.com/general/latest/gr/ssm.html#limits_ssm>.
pub const LARGEST: usize = 4096;

/// A parameter with its value, which is not part of `Debug`: whether it is secret is for others to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    pub kind: Kind,
    pub value: Secret,
}

/// What a parameter holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    String,
    StringList,
    SecureString,
}

/// A parameter as a list shows it: without its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// `/shop/dev/TOKEN`
    pub name: String,
    /// Counts the changes, from 1.
    pub version: u64,
    /// Seconds since 1970.
    pub changed: Option<i64>,
}

/// What a write did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Whether there was none of that name.
    pub is_new: bool,
    pub version: u64,
}

impl Aws {
    /// Parameters by name, with `None` for what is not there. A name may end with `:version`, or be an ARN.
    ///
    /// # Errors
    /// As every call.
    pub async fn parameters(
        &self,
        names: &BTreeSet<String>,
        decrypt: bool,
    ) -> Result<BTreeMap<String, Option<Parameter>>, Failure> {
        let names: Vec<&String> = names.iter().collect();
        let mut found = BTreeMap::new();
        for names in names.chunks(NAMES) {
            let request = Signed::action("GetParameters", json!({ "Names": names, "WithDecryption": decrypt }));
            let answer = self.ask("ssm", "GetParameters", &request, &Progress::silent()).await?;
            found.extend(names.iter().map(|name| ((*name).clone(), named(&answer, name).and_then(parameter))));
        }
        Ok(found)
    }

    /// Every SecureString directly beneath a path that ends with `/`, by name.
    ///
    /// # Errors
    /// As every call.
    pub async fn secure_strings(&self, path: &str) -> Result<Vec<Listed>, Failure> {
        let filters = json!([
            { "Key": "Path", "Option": "OneLevel", "Values": [path.trim_end_matches('/')] },
            { "Key": "Type", "Values": ["SecureString"] },
        ]);
        let request = Signed::action("DescribeParameters", json!({ "ParameterFilters": filters, "MaxResults": 50 }));
        let pages = self.pages("ssm", "DescribeParameters", request, ("NextToken", "NextToken"), "Parameters");
        let mut all: Vec<Listed> = pages.await?.iter().filter_map(listed).collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(all)
    }

    /// Writes a SecureString. One that is new gets the tags; one that is there keeps its own.
    ///
    /// # Errors
    /// As every call.
    pub async fn set_secure_string(
        &self,
        name: &str,
        value: &Secret,
        key_id: Option<&str>,
        tags: &BTreeMap<String, String>,
    ) -> Result<Written, Failure> {
        let mut body = json!({ "Name": name, "Value": value.reveal(), "Type": "SecureString", "Overwrite": false });
        if let Some(key) = key_id {
            body["KeyId"] = key.into();
        }
        let mut first = body.clone();
        first["Tags"] = tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
        let version = |answer: &Json| answer.get("Version").and_then(Json::as_u64).unwrap_or(1);
        let request = Signed::action("PutParameter", first);
        match self.ask("ssm", "PutParameter", &request, &Progress::silent()).await {
            Ok(answer) => return Ok(Written { is_new: true, version: version(&answer) }),
            // Tags and Overwrite cannot go together.
            Err(failure) if failure.code.as_deref() == Some("ParameterAlreadyExists") => {}
            Err(failure) => return Err(failure),
        }
        body["Overwrite"] = true.into();
        let request = Signed::action("PutParameter", body);
        let answer = self.ask("ssm", "PutParameter", &request, &Progress::silent()).await?;
        Ok(Written { is_new: false, version: version(&answer) })
    }

    /// Deletes a parameter; whether it was there.
    ///
    /// # Errors
    /// As every call.
    pub async fn delete_parameter(&self, name: &str) -> Result<bool, Failure> {
        let request = Signed::action("DeleteParameter", json!({ "Name": name }));
        Ok(self.look_for("ssm", "DeleteParameter", &request).await?.is_some())
    }
}

/// The parameter of an answer that was asked for by this name: with or without a version, or by ARN.
fn named<'a>(answer: &'a Json, name: &str) -> Option<&'a Json> {
    let text = |parameter: &Json, key: &str| parameter.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
    answer.get("Parameters")?.as_array()?.iter().find(|parameter| {
        let plain = text(parameter, "Name");
        let selector = text(parameter, "Selector");
        plain == name || format!("{plain}{selector}") == name || text(parameter, "ARN") == name
    })
}

fn parameter(json: &Json) -> Option<Parameter> {
    let kind = match json.get("Type")?.as_str()? {
        "StringList" => Kind::StringList,
        "SecureString" => Kind::SecureString,
        _ => Kind::String,
    };
    Some(Parameter { kind, value: Secret::new(json.get("Value")?.as_str()?) })
}

fn listed(json: &Json) -> Option<Listed> {
    // The service's JSON has seconds with a fraction.
    #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970")]
    let changed = json.get("LastModifiedDate").and_then(Json::as_f64).map(|seconds| seconds as i64);
    let version = json.get("Version").and_then(Json::as_u64).unwrap_or(1);
    Some(Listed { name: json.get("Name")?.as_str()?.to_owned(), version, changed })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::fake::{Fake, Told};

    #[test]
    fn parameters_are_found_by_whatever_they_were_asked_for() {
        let answer = json!({ "Parameters": [
            { "Name": "/a", "Type": "SecureString", "Value": "1", "ARN": "arn:aws:ssm:::parameter/a" },
            { "Name": "/b", "Selector": ":3", "Type": "StringList", "Value": "1,2" },
        ] });
        assert!(named(&answer, "/a").is_some() && named(&answer, "arn:aws:ssm:::parameter/a").is_some());
        let list = named(&answer, "/b:3").and_then(parameter).unwrap();
        assert_eq!((list.kind, list.value.reveal()), (Kind::StringList, "1,2"));
        assert!(named(&answer, "/c").is_none());
        assert!(!format!("{list:?}").contains("1,2"));
    }

    #[tokio::test]
    async fn a_secret_that_is_there_is_overwritten_and_keeps_its_tags() {
        let (aws, fake) = Fake::connect(|asked| {
            if asked.json()["Overwrite"] == true {
                Told::ok(json!({ "Version": 4 }))
            } else {
                Told::refused(400, "ParameterAlreadyExists", "it is there")
            }
        });
        let tags = BTreeMap::from([("STAGE".to_owned(), "dev".to_owned())]);
        let written = aws.set_secure_string("/shop/dev/T", &Secret::new("hunter2"), Some("alias/k"), &tags).await;
        assert_eq!(written.unwrap(), Written { is_new: false, version: 4 });
        let asked = fake.asked();
        assert_eq!(asked[0].json()["Tags"], json!([{ "Key": "STAGE", "Value": "dev" }]));
        assert_eq!((asked[1].json().get("Tags"), &asked[1].json()["KeyId"]), (None, &json!("alias/k")));
    }
}
