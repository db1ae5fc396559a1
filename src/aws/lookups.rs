//! What an evaluation asks of the account: exports of stacks, parameters, secrets. Each is read once, all at the same
//! time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value as Json, json};
use tokio::task::JoinSet;

use crate::engine::failure::{Failure, Reason};
use crate::engine::value::{Secret, Value};

use super::client::Aws;
use super::intrinsics::{Dynamic, Lookup, SecretVersion};
use super::parameters::{Kind, Parameter};
use super::signed::Signed;

/// The answers so far. What was read once is not read again.
#[derive(Debug, Default)]
pub struct Answers {
    /// As for [`super::intrinsics::Context::found`].
    pub found: BTreeMap<Lookup, Value>,
    /// As for [`super::intrinsics::Context::absent`].
    pub absent: BTreeMap<Lookup, String>,
    /// Every export of the region by name, once one was needed.
    exports: Option<BTreeMap<String, String>>,
    parameters: BTreeMap<String, Option<Parameter>>,
    secrets: BTreeMap<SecretVersion, Stored>,
}

/// What lies under the name of a secret. Its text is not part of `Debug`.
#[derive(Clone)]
enum Stored {
    Nothing,
    /// Bytes: nothing that a variable could hold.
    Binary,
    Text(Secret),
}

impl std::fmt::Debug for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Nothing => "Nothing",
            Self::Binary => "Binary",
            Self::Text(_) => "Text",
        })
    }
}

/// One thing that was read.
enum Read {
    Exports(BTreeMap<String, String>),
    Parameters(BTreeMap<String, Option<Parameter>>),
    Secret(SecretVersion, Stored),
}

impl Answers {
    /// Reads what is needed and not known yet, and answers it.
    ///
    /// # Errors
    /// As every call.
    pub async fn look_up(&mut self, aws: &Arc<Aws>, needs: &BTreeSet<Lookup>) -> Result<(), Vec<Failure>> {
        self.read(aws, needs).await?;
        for lookup in needs {
            match self.answer(lookup, aws.region()) {
                Ok(value) => {
                    aws.keep_secret(&value);
                    self.found.insert(lookup.clone(), value);
                }
                Err(why) => {
                    self.absent.insert(lookup.clone(), why);
                }
            }
        }
        Ok(())
    }

    async fn read(&mut self, aws: &Arc<Aws>, needs: &BTreeSet<Lookup>) -> Result<(), Vec<Failure>> {
        let mut names = BTreeSet::new();
        let mut secrets = BTreeSet::new();
        let mut exports = false;
        for lookup in needs {
            match lookup {
                Lookup::Export(_) => exports = self.exports.is_none(),
                Lookup::Dynamic(Dynamic::Parameter { name, .. }) => {
                    names.insert(name.clone());
                }
                Lookup::Dynamic(Dynamic::Secret { secret, .. }) => {
                    secrets.insert(secret.clone());
                }
            }
        }
        names.retain(|name| !self.parameters.contains_key(name));
        secrets.retain(|secret| !self.secrets.contains_key(secret));
        let mut reads = JoinSet::new();
        if exports {
            let aws = Arc::clone(aws);
            reads.spawn(async move { aws.exports().await.map(Read::Exports) });
        }
        if !names.is_empty() {
            let aws = Arc::clone(aws);
            reads.spawn(async move { aws.parameters(&names, true).await.map(Read::Parameters) });
        }
        for secret in secrets {
            let aws = Arc::clone(aws);
            reads.spawn(async move { stored(&aws, &secret).await.map(|stored| Read::Secret(secret, stored)) });
        }
        let mut failures = Vec::new();
        while let Some(done) = reads.join_next().await {
            match done {
                Ok(Ok(Read::Exports(exports))) => self.exports = Some(exports),
                Ok(Ok(Read::Parameters(parameters))) => self.parameters.extend(parameters),
                Ok(Ok(Read::Secret(secret, stored))) => {
                    self.secrets.insert(secret, stored);
                }
                Ok(Err(failure)) => failures.push(failure),
                Err(error) => failures.push(Failure::new(Reason::Bug, format!("a look-up ended early: {error}"))),
            }
        }
        if failures.is_empty() { Ok(()) } else { Err(failures) }
    }

    /// The value, or why there is none.
    fn answer(&self, lookup: &Lookup, region: &str) -> Result<Value, String> {
        let missing = || format!("is not in this account in {region}");
        match lookup {
            Lookup::Export(name) => match self.exports.as_ref().and_then(|exports| exports.get(name)) {
                Some(value) => Ok(Value::string(value)),
                None => Err(missing()),
            },
            Lookup::Dynamic(Dynamic::Parameter { name, secure }) => match self.parameters.get(name) {
                Some(Some(parameter)) if *secure || parameter.kind == Kind::SecureString => {
                    Ok(Value::Secret(parameter.value.clone()))
                }
                Some(Some(parameter)) => Ok(Value::string(parameter.value.reveal())),
                _ => Err(missing()),
            },
            Lookup::Dynamic(Dynamic::Secret { secret, json_key }) => match self.secrets.get(secret) {
                Some(Stored::Text(text)) => picked(text, json_key.as_deref()).map(Value::Secret),
                Some(Stored::Binary) => Err("holds bytes, and a variable takes a text".to_owned()),
                Some(Stored::Nothing) | None => Err(missing()),
            },
        }
    }
}

/// The whole text of a secret, or one key of its JSON object.
fn picked(text: &Secret, json_key: Option<&str>) -> Result<Secret, String> {
    let Some(key) = json_key else { return Ok(text.clone()) };
    let Ok(Json::Object(object)) = serde_json::from_str(text.reveal()) else {
        return Err("is not there: the secret holds no JSON object".to_owned());
    };
    match object.get(key) {
        Some(Json::String(value)) => Ok(Secret::new(value)),
        Some(Json::Null) | None => Err("is not there: the secret's JSON object has no such key".to_owned()),
        Some(other) => Ok(Secret::new(other.to_string())),
    }
}

/// One version of a secret.
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html>
async fn stored(aws: &Aws, secret: &SecretVersion) -> Result<Stored, Failure> {
    let mut body = json!({ "SecretId": secret.id });
    if let Some(stage) = &secret.stage {
        body["VersionStage"] = stage.as_str().into();
    }
    if let Some(version) = &secret.version {
        body["VersionId"] = version.as_str().into();
    }
    let request = Signed::action("GetSecretValue", body);
    let Some(answer) = aws.look_for("secretsmanager", "GetSecretValue", &request).await? else {
        return Ok(Stored::Nothing);
    };
    Ok(match answer.get("SecretString").and_then(Json::as_str) {
        Some(text) => Stored::Text(Secret::new(text)),
        None => Stored::Binary,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::fake::{Asked, Fake, Told};

    fn dynamic(reference: &str) -> Lookup {
        Lookup::Dynamic(Dynamic::parse(reference).unwrap())
    }

    fn account(asked: &Asked) -> Told {
        match asked.action.as_str() {
            "GetParameters" => {
                let names: Vec<String> = serde_json::from_value(asked.json()["Names"].clone()).unwrap();
                assert!(names.len() <= 10, "{names:?}");
                let known: Vec<Json> = names
                    .iter()
                    .filter(|name| !name.contains("absent"))
                    .map(|name| {
                        let kind = if name.contains("secure") { "SecureString" } else { "String" };
                        json!({ "Name": name, "Type": kind, "Value": format!("value of {name}") })
                    })
                    .collect();
                Told::ok(json!({ "Parameters": known }))
            }
            "GetSecretValue" => match asked.json()["SecretId"].as_str() {
                Some("db") => Told::ok(json!({ "SecretString": r#"{"user":"me","port":5432}"# })),
                Some("plain") => Told::ok(json!({ "SecretString": "text" })),
                Some("bytes") => Told::ok(json!({ "SecretBinary": "AAAA" })),
                _ => Told::refused(400, "ResourceNotFoundException", "no secret"),
            },
            other => panic!("{other}"),
        }
    }

    fn secret(text: &str) -> Value {
        Value::Secret(Secret::new(text))
    }

    #[tokio::test]
    async fn each_value_is_read_once_and_parameters_ten_at_a_time() {
        let (aws, fake) = Fake::connect(account);
        let mut needs: BTreeSet<Lookup> = (0..23).map(|number| dynamic(&format!("ssm:/p/{number}"))).collect();
        needs.extend(["user", "port"].map(|key| dynamic(&format!("secretsmanager:db:SecretString:{key}"))));
        // The same parameter, as a secret and not.
        needs.insert(dynamic("ssm-secure:/p/0"));
        let mut answers = Answers::default();
        answers.look_up(&aws, &needs).await.unwrap();
        assert_eq!(fake.asked().len(), 3 + 1);
        assert_eq!(answers.found[&dynamic("ssm:/p/7")], Value::string("value of /p/7"));
        assert_eq!(answers.found[&dynamic("ssm-secure:/p/0")], secret("value of /p/0"));
        assert_eq!(answers.found[&dynamic("secretsmanager:db:SecretString:port")], secret("5432"));
        answers.look_up(&aws, &BTreeSet::from([dynamic("secretsmanager:db")])).await.unwrap();
        assert_eq!(fake.asked().len(), 4, "the secret is known by now");
        assert_eq!(aws.mask("it says value of /p/0 here"), format!("it says {} here", crate::engine::value::MASK));
    }

    #[tokio::test]
    async fn what_is_not_there_is_told_with_the_reason() {
        let (aws, _) = Fake::connect(account);
        let table = [
            ("ssm:/absent", "is not in this account in us-east-1"),
            ("secretsmanager:nobody", "is not in this account in us-east-1"),
            ("secretsmanager:bytes", "holds bytes, and a variable takes a text"),
            ("secretsmanager:plain:SecretString:key", "is not there: the secret holds no JSON object"),
            ("secretsmanager:db:SecretString:key", "is not there: the secret's JSON object has no such key"),
        ];
        let mut answers = Answers::default();
        answers.look_up(&aws, &table.iter().map(|(reference, _)| dynamic(reference)).collect()).await.unwrap();
        assert_eq!(answers.found, BTreeMap::new());
        for (reference, why) in table {
            assert_eq!(answers.absent[&dynamic(reference)], why, "{reference}");
        }
    }

    #[tokio::test]
    async fn a_secure_string_is_secret_whatever_the_reference_says_and_shows_nowhere() {
        let (aws, _) = Fake::connect(account);
        let mut answers = Answers::default();
        answers
            .look_up(&aws, &BTreeSet::from([dynamic("ssm:/secure"), dynamic("secretsmanager:plain")]))
            .await
            .unwrap();
        assert_eq!(answers.found[&dynamic("ssm:/secure")], secret("value of /secure"));
        let shown = format!("{answers:?}");
        assert!(!shown.contains("value of") && !shown.contains("text"), "{shown}");
    }
}
