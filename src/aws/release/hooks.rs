//! Functions that are called before and after traffic moves, and may refuse.
//!
//! A hook tells by failing, or by answering `{"status": "Failed"}`. What it gets has the members of CodeDeploy's event
//! (<https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html>) and says
//! which version it is about.

use serde_json::{Value as Json, json};

use crate::aws::client::Aws;
use crate::aws::invoke::{Invocation, Manner};
use crate::engine::failure::{Failure, Reason};

/// When a hook is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// `preTrafficHook`
    Before,
    /// `postTrafficHook`
    After,
}

impl Moment {
    /// The key of the configuration.
    pub fn key(self) -> &'static str {
        match self {
            Self::Before => "preTrafficHook",
            Self::After => "postTrafficHook",
        }
    }
}

/// What a shift is about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    pub function: &'a str,
    pub alias: &'a str,
    pub from: &'a str,
    pub to: &'a str,
}

/// Calls a hook.
///
/// # Errors
/// The call could not be made, or the hook says no.
pub async fn call(aws: &Aws, hook: &str, moment: Moment, subject: Subject<'_>) -> Result<(), Failure> {
    let Subject { function, alias, from, to } = subject;
    let id = format!("{function}:{alias}:{from}-{to}");
    let event = json!({
        "DeploymentId": id, "LifecycleEventHookExecutionId": format!("{id}:{}", moment.key()),
        "FunctionName": function, "Alias": alias, "CurrentVersion": from, "TargetVersion": to,
    });
    let answer = aws
        .invoke(&Invocation {
            function: hook.to_owned(),
            qualifier: None,
            payload: event.to_string().into_bytes(),
            manner: Manner::RequestResponse,
            log: false,
        })
        .await?;
    let said: Json = serde_json::from_slice(&answer.payload).unwrap_or(Json::Null);
    let refuses = said.get("status").and_then(Json::as_str) == Some("Failed");
    if answer.function_error.is_none() && !refuses {
        return Ok(());
    }
    let why = ["errorMessage", "message", "reason"].iter().find_map(|key| said.get(*key)?.as_str());
    let why = aws.mask(why.unwrap_or("it does not say why"));
    let message = format!("the {} {hook} says no to version {to} of {function}: {why}", moment.key());
    Err(Failure::new(Reason::Failed, message).help(format!("`hoist logs` of {hook} says more.")))
}
