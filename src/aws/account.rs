//! Whose credentials these are.

use crate::engine::failure::Failure;

use super::client::{Aws, incomplete};

/// The account that the credentials belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Twelve digits.
    pub id: String,
    /// The ARN of the user or role that calls.
    pub caller: String,
}

impl Aws {
    /// The account, asked for once in a run. The first call that shows whether the credentials are any good.
    ///
    /// # Errors
    /// Wrong or missing credentials, and whatever else a call can meet.
    pub async fn account(&self) -> Result<&Account, Failure> {
        self.account
            .get_or_try_init(|| async {
                let answer =
                    self.call("sts", "GetCallerIdentity").send(|| self.sts().get_caller_identity().send()).await?;
                let missing = || incomplete("sts.GetCallerIdentity", "account");
                Ok(Account {
                    id: answer.account().ok_or_else(missing)?.to_owned(),
                    caller: answer.arn().unwrap_or_default().to_owned(),
                })
            })
            .await
    }

    /// The account's id, when it was asked for already.
    pub fn known_account(&self) -> Option<&str> {
        self.account.get().map(|account| account.id.as_str())
    }

    /// `arn:aws:lambda:eu-central-1:123456789012:function:name` for `("lambda", "function:name")`. `None` before
    /// [`Aws::account`] was asked.
    pub fn arn(&self, service: &str, resource: &str) -> Option<String> {
        Some(format!("arn:{}:{service}:{}:{}:{resource}", self.partition.name, self.region, self.known_account()?))
    }
}
