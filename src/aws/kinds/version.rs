//! `AWS::Lambda::Version`.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-version.html>
//!
//! A version is what it holds: the digests of code and configuration are its identity. A function that is back at what
//! its newest version holds needs no new one; a version that left the file stays, and is never deleted here.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_lambda::types::{FunctionConfiguration, State};

use crate::aws::client::{Aws, incomplete};
use crate::aws::pages::Pages;
use crate::engine::address::Address;
use crate::engine::failure::{Failure, Reason};
use crate::engine::kind::{Kind, Permission, Progress, PropertyTrait, Step, Trait};
use crate::engine::plan::FieldChange;
use crate::engine::resource::{Desired, Live, Ownership};
use crate::engine::retry::Look;
use crate::engine::value::Value;

use super::Findable;
use super::function::{self, code_digest, config_digest, configuration};
use super::properties::{required, string, text, tree};
use super::run::Published;

/// `AWS::Lambda::Version`
pub const TYPE: &str = "AWS::Lambda::Version";

/// The hint that names the commit that a version is published from.
pub const COMMIT: &str = "Commit";

/// SnapStart takes minutes to make its snapshot.
const ACTIVE_WITHIN: Duration = Duration::from_secs(900);

/// <https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html>
const LONGEST_DESCRIPTION: usize = 256;

const FUNCTION_ARN: &str = "arn:${Partition}:lambda:${Region}:${Account}:function:${Service}-${Stage}-*";

/// Reads and publishes versions.
pub struct Version {
    aws: Arc<Aws>,
}

impl Version {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }

    /// The newest published version of a function. AWS lists them from the oldest on, fifty to a page.
    async fn newest(&self, function: &str) -> Result<Option<FunctionConfiguration>, Failure> {
        let mut newest: Option<(u64, FunctionConfiguration)> = None;
        let mut pages = Pages::new("ListVersionsByFunction");
        let mut marker = None;
        loop {
            let page = self
                .aws
                .call("lambda", "ListVersionsByFunction")
                .find(|| {
                    let request = self.aws.lambda().list_versions_by_function().function_name(function);
                    request.set_marker(marker.clone()).send()
                })
                .await?;
            let Some(page) = page else { return Ok(None) };
            marker = pages.next(page.next_marker())?;
            let numbered = page.versions.unwrap_or_default().into_iter().filter_map(|version| {
                let number = version.version()?.parse::<u64>().ok()?;
                Some((number, version))
            });
            newest = newest.into_iter().chain(numbered).max_by_key(|(number, _)| *number);
            if marker.is_none() {
                return Ok(newest.map(|(_, version)| version));
            }
        }
    }

    fn live(&self, address: Address, function: &str, version: &str, properties: Value, parent: Option<String>) -> Live {
        let arn = self.aws.arn("lambda", &format!("function:{function}:{version}")).unwrap_or_default();
        Live {
            address,
            physical_id: identity(&properties).unwrap_or_else(|| format!("{function}:{version}")),
            attributes: BTreeMap::from([
                ("Ref".to_owned(), Value::string(arn.as_str())),
                ("FunctionArn".to_owned(), Value::String(arn)),
                ("Version".to_owned(), Value::string(version)),
            ]),
            properties,
            ownership: Ownership::Ours,
            fingerprint: None,
            revision: None,
            parent,
        }
    }
}

/// Waits until a published version can be called. An alias that is moved before that answers with errors.
///
/// # Errors
/// As every call; `Failed` with Lambda's reason for a version that never becomes active.
pub async fn activate(aws: &Aws, function: &str, version: &str, progress: &Progress) -> Result<(), Failure> {
    let state = aws
        .call("lambda", "GetFunction")
        .progress(progress)
        .fresh(true)
        .wait(
            ACTIVE_WITHIN,
            || aws.lambda().get_function().function_name(function).qualifier(version).send(),
            |answer| {
                let found = answer.configuration();
                match found.and_then(|found| found.state()) {
                    Some(State::Pending) => Look::NotYet("the version to become active"),
                    Some(State::Failed) => {
                        Look::Ready(Err(found.and_then(|found| found.state_reason()).unwrap_or_default().to_owned()))
                    }
                    _ => Look::Ready(Ok(())),
                }
            },
        )
        .await?;
    state.map_err(|reason| {
        let text = aws.mask(&format!("version {version} of {function} failed: {reason}"));
        Failure::new(Reason::Failed, text)
    })
}

/// What a version's description says: that of the function, and the commit.
fn description(desired: &Desired) -> Option<String> {
    let own = text(&desired.properties, &["Description"]).filter(|own| !own.is_empty());
    let Some(commit) = desired.hints.get(COMMIT).and_then(Value::text) else { return own };
    let commit = format!("commit {commit}");
    let own = own.map(|own| own.chars().take(LONGEST_DESCRIPTION - commit.len() - 3).collect::<String>());
    Some(own.map_or_else(|| commit.clone(), |own| format!("{own} ({commit})")))
}

/// What a version is: its function and what it holds.
fn identity(properties: &Value) -> Option<String> {
    let part = |key: &str| text(properties, &[key]);
    Some(format!("{} {} {}", part("FunctionName")?, part("CodeSha256")?, part("ConfigSha256")?))
}

/// The bare name of a function that was given by name, ARN, or either with a qualifier.
pub fn function_name(reference: &str) -> &str {
    let name = match reference.split_once(":function:") {
        Some((_, name)) => name,
        None => reference,
    };
    name.split(':').next().unwrap_or(name)
}

/// Makes every version of a function refer to what it is a version of: the digests of the function's code and
/// configuration. CloudFormation's vocabulary has no word for the one and none of it for the other.
pub fn pin(resources: &mut [Desired]) {
    for resource in resources.iter_mut().filter(|resource| resource.address.kind == TYPE) {
        let (Some(parent), Value::Map(properties)) = (&resource.parent, &mut resource.properties) else { continue };
        for attribute in ["CodeSha256", "ConfigSha256"] {
            properties.entry(attribute.to_owned()).or_insert_with(|| Value::attribute(parent.as_str(), attribute));
        }
    }
}

/// The version or alias in such a reference.
pub fn qualifier(reference: &str) -> Option<&str> {
    let name = match reference.split_once(":function:") {
        Some((_, name)) => name,
        None => reference,
    };
    name.split_once(':').map(|(_, qualifier)| qualifier).filter(|qualifier| !qualifier.is_empty())
}

#[async_trait]
impl Kind for Version {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn traits(&self) -> &'static [PropertyTrait] {
        &[
            ("FunctionName", Trait::Immutable),
            ("CodeSha256", Trait::Immutable),
            ("ConfigSha256", Trait::Immutable),
            ("Description", Trait::WriteOnly),
        ]
    }

    fn normalise(&self, properties: &mut Value) {
        if let Value::Map(map) = properties
            && let Some(Value::String(name)) = map.get_mut("FunctionName")
        {
            *name = function_name(name).to_owned();
        }
    }

    fn identity(&self, desired: &Desired) -> Option<String> {
        let mut properties = desired.properties.clone();
        self.normalise(&mut properties);
        identity(&properties)
    }

    fn predict(&self, _desired: &Desired) -> BTreeMap<String, Value> {
        BTreeMap::new()
    }

    async fn beneath(&self, parent: &Live) -> Result<Vec<Live>, Failure> {
        let function = parent.physical_id.as_str();
        let Some(newest) = self.newest(function).await? else { return Ok(Vec::new()) };
        let mut held = configuration(&newest);
        // A version of an image says the image's digest, its function which image it is.
        let code = newest.code_sha256().map(str::to_owned);
        held.remove("Code");
        let current = Value::Map(held);
        let of_parent = (code_digest(&parent.properties), config_digest(&parent.properties));
        let same_code = match parent.properties.at(&["Code", "ImageUri"]).and_then(Value::text) {
            Some(uri) => code.as_deref().is_some_and(|code| uri.contains(code)),
            None => of_parent.0.is_some() && code == of_parent.0,
        };
        let config = config_digest(&current);
        let properties = tree([
            ("FunctionName", string(Some(function))),
            ("CodeSha256", string(if same_code { of_parent.0.as_deref() } else { code.as_deref() })),
            ("ConfigSha256", string(config.as_deref())),
        ]);
        let version = newest.version().unwrap_or_default();
        // Never the logical id of the file: one that holds something else is kept, not replaced.
        let address = Address::new(TYPE, format!("{}Version{version}", parent.address.logical_id));
        Ok(vec![self.live(address, function, version, properties, Some(parent.address.logical_id.clone()))])
    }

    fn parent_type(&self) -> Option<&'static str> {
        Some(function::TYPE)
    }

    fn vanishes_with_parent(&self) -> bool {
        true
    }

    fn is_retained(&self) -> bool {
        true
    }

    fn writer(&self, properties: &Value) -> Option<String> {
        text(properties, &["FunctionName"]).map(|name| format!("lambda {}", function_name(&name)))
    }

    async fn create(&self, desired: &Desired, progress: &Progress) -> Result<Live, Failure> {
        let mut properties = desired.properties.clone();
        self.normalise(&mut properties);
        let name = required(&properties, "FunctionName")?;
        let (code, config) = (text(&properties, &["CodeSha256"]), text(&properties, &["ConfigSha256"]));
        self.aws.account().await?;
        let published = self.aws.run.published(&name).filter(|published| {
            let Published { code: published_code, config: published_config, .. } = published;
            (code.is_none() || *published_code == code) && (config.is_none() || *published_config == config)
        });
        let version = match published {
            Some(published) => published.version,
            None => {
                // Without a change since the newest version, AWS gives that one: sending it twice is harmless.
                let description = description(desired);
                let answer = self
                    .aws
                    .call("lambda", "PublishVersion")
                    .progress(progress)
                    .fresh(self.aws.retry().fresh.contains(&name))
                    .send(|| {
                        let request = self.aws.lambda().publish_version().function_name(&name);
                        request.set_description(description.clone()).send()
                    })
                    .await?;
                let version = answer.version().ok_or_else(|| incomplete("lambda.PublishVersion", "version"))?;
                if answer.state() == Some(&State::Pending) {
                    activate(&self.aws, &name, version, progress).await?;
                }
                version.to_owned()
            }
        };
        Ok(self.live(desired.address.clone(), &name, &version, properties, desired.parent.clone()))
    }

    async fn update(
        &self,
        live: &Live,
        desired: &Desired,
        _fields: &[FieldChange],
        _progress: &Progress,
    ) -> Result<Live, Failure> {
        // A published version cannot be changed; nothing but its description is not part of its identity.
        Ok(Live { address: desired.address.clone(), ..live.clone() })
    }

    async fn delete(&self, _live: &Live, _progress: &Progress) -> Result<(), Failure> {
        // Versions stay, and go with their function.
        Ok(())
    }

    fn permissions(&self) -> &'static [Permission] {
        &[
            Permission { step: Step::Read, action: "lambda:ListVersionsByFunction", resource: FUNCTION_ARN },
            Permission { step: Step::Create, action: "lambda:PublishVersion", resource: FUNCTION_ARN },
            Permission { step: Step::Create, action: "lambda:GetFunction", resource: FUNCTION_ARN },
        ]
    }
}

impl Findable for Version {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_known_by_name_arn_and_qualifier() {
        let forms = ["f", "f:1", "arn:aws:lambda:eu-west-1:1:function:f", "arn:aws:lambda:eu-west-1:1:function:f:live"];
        assert!(forms.iter().all(|form| function_name(form) == "f"));
        assert_eq!(forms.map(qualifier), [None, Some("1"), None, Some("live")]);
    }

    #[test]
    fn a_version_says_which_commit_it_is() {
        let desired = |own: Option<&str>, commit: Option<&str>| {
            let hints = commit.map(|commit| (COMMIT.to_owned(), Value::string(commit))).into_iter().collect();
            let properties = tree([("Description", string(own))]);
            description(&Desired {
                address: Address::new(TYPE, "V"),
                properties,
                depends_on: vec![],
                parent: None,
                fingerprint: None,
                hints,
            })
        };
        assert_eq!(desired(None, None), None);
        assert_eq!(desired(Some("sells"), None).as_deref(), Some("sells"));
        assert_eq!(desired(None, Some("abc1234")).as_deref(), Some("commit abc1234"));
        assert_eq!(desired(Some("sells"), Some("abc1234")).as_deref(), Some("sells (commit abc1234)"));
        assert_eq!(desired(Some(&"ä".repeat(300)), Some("abc1234")).map(|text| text.chars().count()), Some(256));
    }

    #[test]
    fn a_version_is_what_it_holds() {
        let version = |code: &str| {
            tree([
                ("FunctionName", string(Some("f"))),
                ("CodeSha256", string(Some(code))),
                ("ConfigSha256", string(Some("c"))),
            ])
        };
        assert_ne!(identity(&version("1")), identity(&version("2")));
        assert_eq!(identity(&tree([("FunctionName", string(Some("f")))])), None);
    }
}
