//! What variables ask of an account: parameters, outputs of stacks, objects, the account's number.
//! A connection is made for each region and profile that is asked for, when it is first asked for.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::config::variables::remote::{Account, Parameter, ParameterKind, Remote, RemoteError};
use crate::engine::failure::Failure;

use super::client::{Aws, Settings};
use super::ownership::Scope;
use super::parameters;
use super::stacks::outputs;

/// A file that is part of a configuration is far smaller.
const LARGEST_OBJECT: usize = 16 << 20;

/// The accounts that a configuration reads values from.
pub struct AwsRemote {
    stage: String,
    /// `--aws-profile`, which outweighs the environment; a profile of the file does not.
    typed_profile: Option<String>,
    stop: CancellationToken,
    connections: Mutex<HashMap<Account, Arc<Aws>>>,
}

impl AwsRemote {
    /// `stage`: as far as it is known before the file is read; it decides on `AWS_<STAGE>_PROFILE`.
    pub fn new(stage: impl Into<String>, typed_profile: Option<String>, stop: CancellationToken) -> Self {
        Self { stage: stage.into(), typed_profile, stop, connections: Mutex::default() }
    }

    async fn connect(&self, account: &Account) -> Arc<Aws> {
        let mut connections = self.connections.lock().await;
        if let Some(aws) = connections.get(account) {
            return Arc::clone(aws);
        }
        let typed = account.profile.is_some() && account.profile == self.typed_profile;
        let (profile, provider_profile) =
            if typed { (account.profile.clone(), None) } else { (None, account.profile.clone()) };
        let settings = Settings {
            // Nothing of a service is looked for through this connection.
            scope: Scope::new("", self.stage.as_str()),
            region: account.region.clone(),
            profile,
            provider_profile,
            role: None,
        };
        let aws = Aws::connect(&settings, self.stop.clone()).await;
        connections.insert(account.clone(), Arc::clone(&aws));
        aws
    }
}

fn told(failure: Failure) -> RemoteError {
    RemoteError { message: failure.message, help: failure.help.into_iter().next() }
}

fn shaped(parameter: parameters::Parameter) -> Parameter {
    let kind = match parameter.kind {
        parameters::Kind::String => ParameterKind::String,
        parameters::Kind::StringList => ParameterKind::StringList,
        parameters::Kind::SecureString => ParameterKind::SecureString,
    };
    Parameter { kind, value: parameter.value.reveal().to_owned() }
}

#[async_trait]
impl Remote for AwsRemote {
    async fn parameters(
        &self,
        account: &Account,
        names: &[String],
        decrypt: bool,
    ) -> Result<BTreeMap<String, Parameter>, RemoteError> {
        let aws = self.connect(account).await;
        let names = names.iter().cloned().collect();
        let found = aws.parameters(&names, decrypt).await.map_err(told)?;
        Ok(found.into_iter().filter_map(|(name, found)| Some((name, shaped(found?)))).collect())
    }

    async fn stack_outputs(
        &self,
        account: &Account,
        stack: &str,
    ) -> Result<Option<BTreeMap<String, String>>, RemoteError> {
        let aws = self.connect(account).await;
        let found = aws.stack(stack).await.map_err(told)?;
        Ok(found.map(|stack| outputs(&stack)))
    }

    async fn object(&self, account: &Account, bucket: &str, key: &str) -> Result<Option<Vec<u8>>, RemoteError> {
        let aws = self.connect(account).await;
        let answer = aws.call("s3", "GetObject").send(|| aws.s3().get_object().bucket(bucket).key(key).send()).await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(failure) if failure.code.as_deref() == Some("NoSuchKey") => return Ok(None),
            Err(failure) => return Err(told(failure)),
        };
        let broken = |what: String| RemoteError { message: format!("s3://{bucket}/{key} {what}"), help: None };
        let mut body = answer.body;
        let mut bytes = Vec::new();
        while let Some(part) = body.next().await {
            let part = part.map_err(|error| broken(format!("broke off: {error}")))?;
            if bytes.len() + part.len() > LARGEST_OBJECT {
                return Err(broken(format!("is larger than {} MB", LARGEST_OBJECT >> 20)));
            }
            bytes.extend_from_slice(&part);
        }
        Ok(Some(bytes))
    }

    async fn account_id(&self, account: &Account) -> Result<String, RemoteError> {
        let aws = self.connect(account).await;
        aws.account().await.map(|account| account.id.clone()).map_err(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_typed_profile_outweighs_the_environment_and_one_of_the_file_does_not() {
        let remote = AwsRemote::new("dev", Some("typed".to_owned()), CancellationToken::new());
        let account = Account { region: "eu-west-1".to_owned(), profile: Some("typed".to_owned()) };
        let first = remote.connect(&account).await;
        assert_eq!(first.region(), "eu-west-1");
        assert!(Arc::ptr_eq(&first, &remote.connect(&account).await));
        let other = Account { profile: None, ..account };
        assert!(!Arc::ptr_eq(&first, &remote.connect(&other).await));
    }
}
