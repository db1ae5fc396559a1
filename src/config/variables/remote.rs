//! What variables ask of the outside: values that live in an account, git, and the user's own scripts.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::task::Poll;

use async_trait::async_trait;

/// Whose account a value is read from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Account {
    pub region: String,
    /// The named profile whose credentials are used; `None` for the default chain.
    pub profile: Option<String>,
}

/// The account, as far as variables need it. `config` knows no AWS: whoever loads a configuration brings this along.
///
/// Each value is asked for once. The calls of one round run at the same time; an implementation splits what AWS takes
/// in smaller portions (GetParameters takes ten names).
#[async_trait]
pub trait Remote: Send + Sync {
    /// SSM parameters by name; those that do not exist are left out.
    /// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html>
    async fn parameters(
        &self,
        account: &Account,
        names: &[String],
        decrypt: bool,
    ) -> Result<BTreeMap<String, Parameter>, RemoteError>;

    /// The outputs of a CloudFormation stack; `None` when there is no such stack.
    async fn stack_outputs(
        &self,
        account: &Account,
        stack: &str,
    ) -> Result<Option<BTreeMap<String, String>>, RemoteError>;

    /// An object's body; `None` when there is no such key.
    async fn object(&self, account: &Account, bucket: &str, key: &str) -> Result<Option<Vec<u8>>, RemoteError>;

    /// The twelve digits of the account.
    async fn account_id(&self, account: &Account) -> Result<String, RemoteError>;
}

/// An SSM parameter. Its value is not part of `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Parameter {
    pub kind: ParameterKind,
    pub value: String,
}

impl std::fmt::Debug for Parameter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parameter").field("kind", &self.kind).finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterKind {
    String,
    StringList,
    SecureString,
}

/// Why a value could not be read, for people: without the value, with the way out where there is one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RemoteError {
    /// What happened, one sentence without a full stop: `access denied to ssm:GetParameters`.
    pub message: String,
    /// What to do about it, if that is known.
    pub help: Option<String>,
}

/// Something that has to be waited for before a variable has a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Lookup {
    AccountId(Account),
    Parameter {
        account: Account,
        name: String,
        decrypt: bool,
    },
    Stack {
        account: Account,
        name: String,
    },
    Object {
        account: Account,
        bucket: String,
        key: String,
    },
    /// `git` with these arguments, in the service's directory.
    Git(Vec<&'static str>),
    /// A script's export, or what stands at an address in it.
    Script {
        path: std::path::PathBuf,
        address: Option<String>,
    },
}

impl Lookup {
    /// Whether it needs an account, and so has to be left open when there is none.
    pub(super) fn is_remote(&self) -> bool {
        !matches!(self, Self::Git(_) | Self::Script { .. })
    }
}

/// What came of a lookup; `Ok(None)` when there is nothing by that name.
pub(super) type Answer = Result<Option<Found>, RemoteError>;

#[derive(Clone)]
pub(super) enum Found {
    Text(String),
    Parameter(Parameter),
    Outputs(BTreeMap<String, String>),
    /// What a script gave, and whether it had asked for a secret.
    Json(serde_json::Value, bool),
}

/// Waits for all of some futures at the same time, without a task of their own: they borrow.
pub async fn all<'a, T>(futures: Vec<Pin<Box<dyn Future<Output = T> + Send + 'a>>>) -> Vec<T> {
    let mut waiting: Vec<_> = futures.into_iter().map(|future| (Some(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut pending = false;
        for (future, output) in &mut waiting {
            let Some(running) = future else { continue };
            match running.as_mut().poll(context) {
                Poll::Ready(value) => {
                    *output = Some(value);
                    *future = None;
                }
                Poll::Pending => pending = true,
            }
        }
        if pending { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    waiting.into_iter().filter_map(|(_, output)| output).collect()
}
