//! Calling a function: <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>.

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{InvocationType, LogType};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::client::Aws;
use crate::engine::failure::Failure;

/// How a function is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Waits for the answer: up to 6 MB both ways.
    RequestResponse,
    /// Puts the call into Lambda's own queue: up to 1 MB.
    Event,
    /// Only asks whether the caller may.
    DryRun,
}

/// One call of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// Name or ARN.
    pub function: String,
    /// Version or alias; `None` for `$LATEST`.
    pub qualifier: Option<String>,
    pub payload: Vec<u8>,
    pub manner: Manner,
    /// Whether the last 4 KB of the log come along.
    pub log: bool,
}

/// What a function answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// 200, 202 for an event, 204 for a dry run.
    pub status: i32,
    pub payload: Vec<u8>,
    /// `Handled` or `Unhandled`, when the function itself failed: the payload then says how.
    pub function_error: Option<String>,
    pub log: Option<String>,
}

impl Aws {
    /// Calls a function.
    ///
    /// # Errors
    /// No such function, no permission, a payload that is too large, and whatever else a call can meet. A function
    /// that fails is no error here: see [`Answer::function_error`].
    pub async fn invoke(&self, invocation: &Invocation) -> Result<Answer, Failure> {
        let manner = match invocation.manner {
            Manner::RequestResponse => InvocationType::RequestResponse,
            Manner::Event => InvocationType::Event,
            Manner::DryRun => InvocationType::DryRun,
        };
        let answer = self
            .call("lambda", "Invoke")
            // A function may do anything: it is not called twice because an answer was lost.
            .once()
            .send(|| {
                self.lambda_patient()
                    .invoke()
                    .function_name(&invocation.function)
                    .set_qualifier(invocation.qualifier.clone())
                    .invocation_type(manner.clone())
                    .log_type(if invocation.log { LogType::Tail } else { LogType::None })
                    .payload(Blob::new(invocation.payload.clone()))
                    .send()
            })
            .await?;
        let log = answer.log_result().and_then(|text| STANDARD.decode(text).ok());
        Ok(Answer {
            status: answer.status_code(),
            payload: answer.payload().map(|blob| blob.as_ref().to_vec()).unwrap_or_default(),
            function_error: answer.function_error().map(str::to_owned),
            log: log.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        })
    }
}
