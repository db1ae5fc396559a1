//! Dynamic references: `{{resolve:ssm:..}}`, `{{resolve:ssm-secure:..}}`, `{{resolve:secretsmanager:..}}`.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html>

use std::fmt;

/// What stands before a reference; `}}` ends it.
pub const OPENING: &str = "{{resolve:";

/// A value that lies in a store of the account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dynamic {
    /// A parameter of the Systems Manager. `name` as GetParameters takes it: with the version behind a colon, if there
    /// is one. What `ssm-secure` gives is secret whatever type the parameter has.
    Parameter { name: String, secure: bool },
    /// A secret of the Secrets Manager, or one key of a secret that holds a JSON object.
    Secret { secret: SecretVersion, json_key: Option<String> },
}

/// One version of a secret: what one GetSecretValue reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretVersion {
    /// Name or ARN.
    pub id: String,
    /// `AWSCURRENT` unless the reference says otherwise.
    pub stage: Option<String>,
    pub version: Option<String>,
}

impl Dynamic {
    /// Reads what stands between the braces: `ssm:/shop/url:3`, `secretsmanager:db:SecretString:password`.
    ///
    /// # Errors
    /// What was expected instead.
    pub fn parse(reference: &str) -> Result<Self, &'static str> {
        let (store, rest) = reference.split_once(':').unwrap_or((reference, ""));
        match store {
            "ssm" | "ssm-secure" if !rest.is_empty() => {
                Ok(Self::Parameter { name: rest.to_owned(), secure: store == "ssm-secure" })
            }
            "secretsmanager" if !rest.is_empty() => Self::secret(rest),
            _ => Err("`ssm:name`, `ssm-secure:name` or `secretsmanager:id:SecretString:key`"),
        }
    }

    fn secret(rest: &str) -> Result<Self, &'static str> {
        // An ARN has seven parts of its own: arn:aws:secretsmanager:region:account:secret:name.
        let own_colons = if rest.starts_with("arn:") { 6 } else { 0 };
        let end = rest.match_indices(':').nth(own_colons).map_or(rest.len(), |(at, _)| at);
        let (id, rest) = rest.split_at(end);
        let mut parts = rest.split(':').skip(1);
        let mut part = || parts.next().filter(|part| !part.is_empty()).map(str::to_owned);
        let (what, json_key, stage, version) = (part(), part(), part(), part());
        if what.is_some_and(|what| what != "SecretString") {
            return Err("`SecretString` after the name of the secret: CloudFormation knows nothing else there");
        }
        Ok(Self::Secret { secret: SecretVersion { id: id.to_owned(), stage, version }, json_key })
    }
}

impl fmt::Display for Dynamic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameter { name, .. } => write!(f, "the parameter `{name}`"),
            Self::Secret { secret, json_key: None } => write!(f, "the secret `{}`", secret.id),
            Self::Secret { secret, json_key: Some(key) } => write!(f, "`{key}` of the secret `{}`", secret.id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_taken_apart() {
        let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf";
        let parameter = |name: &str, secure| Dynamic::Parameter { name: name.to_owned(), secure };
        let secret = |id: &str, json_key: Option<&str>, stage: Option<&str>, version: Option<&str>| Dynamic::Secret {
            secret: SecretVersion {
                id: id.to_owned(),
                stage: stage.map(str::to_owned),
                version: version.map(str::to_owned),
            },
            json_key: json_key.map(str::to_owned),
        };
        let table = [
            ("ssm:/shop/url", parameter("/shop/url", false)),
            ("ssm:url:3", parameter("url:3", false)),
            ("ssm-secure:/shop/token:1", parameter("/shop/token:1", true)),
            ("secretsmanager:db", secret("db", None, None, None)),
            ("secretsmanager:db:SecretString", secret("db", None, None, None)),
            ("secretsmanager:db:SecretString:password", secret("db", Some("password"), None, None)),
            ("secretsmanager:db:SecretString::AWSPREVIOUS", secret("db", None, Some("AWSPREVIOUS"), None)),
            ("secretsmanager:db:SecretString:user::v-1", secret("db", Some("user"), None, Some("v-1"))),
        ];
        for (text, wanted) in table {
            assert_eq!(Dynamic::parse(text), Ok(wanted), "{text}");
        }
        assert_eq!(
            Dynamic::parse(&format!("secretsmanager:{arn}:SecretString:password")),
            Ok(secret(arn, Some("password"), None, None))
        );
        for wrong in ["", "ssm", "ssm:", "secretsmanager:", "vault:x", "secretsmanager:db:SecretBinary"] {
            assert!(Dynamic::parse(wrong).is_err(), "{wrong}");
        }
    }
}
