//! Function URLs. A public one needs two permissions: to call the URL, and to call the function through it
//! (<https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html>).

use super::output::Output;
use super::plan::Plan;
use super::tree::{self, Properties};
use crate::aws::naming;
use crate::config::language::function::{Cleared, FunctionUrlCors, InvokeMode};
use crate::engine::value::Value;

const ALLOWED_HEADERS: &[&str] =
    &["Content-Type", "X-Amz-Date", "Authorization", "X-Api-Key", "X-Amz-Security-Token", "X-Amzn-Trace-Id"];

pub(super) fn compile(plan: &Plan, output: &mut Output) {
    for one in &plan.functions {
        let Some(url) = one.function.url.as_ref().filter(|url| url.is_on()) else { continue };
        let settings = url.settings();
        let authorized = settings.is_some_and(|url| url.authorizer.is_some());
        let auth = if authorized { "AWS_IAM" } else { "NONE" };
        let cors = settings.and_then(|url| url.cors.as_ref()).filter(|cors| cors.is_on());
        let mode = settings.and_then(|url| url.invoke_mode).filter(|mode| *mode == InvokeMode::ResponseStream);
        let logical_id = one.id("LambdaFunctionUrl");
        let properties = Properties::new()
            .with("AuthType", auth)
            .with("TargetFunctionArn", one.target())
            .maybe("Cors", cors.map(|cors| cors_rules(cors.settings())))
            .maybe("InvokeMode", mode.map(InvokeMode::as_str));
        output.add(logical_id.clone(), one.beneath("AWS::Lambda::Url", properties));
        output.output(logical_id.clone(), tree::attribute(&logical_id, "FunctionUrl"));
        if !authorized {
            let call_url = Properties::new()
                .with("FunctionName", one.target())
                .with("Action", "lambda:InvokeFunctionUrl")
                .with("Principal", "*")
                .with("FunctionUrlAuthType", auth);
            let call_function = Properties::new()
                .with("FunctionName", one.target())
                .with("Action", "lambda:InvokeFunction")
                .with("Principal", "*")
                .with("InvokedViaFunctionUrl", true);
            output.add(naming::permission(one.key, "FnUrl"), one.beneath("AWS::Lambda::Permission", call_url));
            output.add(naming::permission(one.key, "Fn"), one.beneath("AWS::Lambda::Permission", call_function));
        }
    }
}

fn cors_rules(cors: Option<&FunctionUrlCors>) -> Value {
    let Some(cors) = cors else {
        return Properties::new()
            .with("AllowHeaders", ALLOWED_HEADERS.to_vec())
            .with("AllowMethods", vec!["*"])
            .with("AllowOrigins", vec!["*"])
            .into();
    };
    Properties::new()
        .maybe("AllowCredentials", cors.allow_credentials.filter(|allowed| *allowed))
        .maybe("AllowHeaders", or_default(&cors.allowed_headers, ALLOWED_HEADERS))
        .maybe("AllowMethods", or_default(&cors.allowed_methods, &["*"]))
        .maybe("AllowOrigins", or_default(&cors.allowed_origins, &["*"]))
        .maybe("ExposeHeaders", cors.exposed_response_headers.as_ref().map(|names| unique(names)))
        .maybe("MaxAge", cors.max_age.map(|seconds| seconds.get()))
        .into()
}

/// The given names, the default, or nothing where `null` takes the default away.
fn or_default(given: &Cleared<Vec<String>>, default: &[&str]) -> Option<Value> {
    match given {
        Cleared::Absent => Some(default.to_vec().into()),
        Cleared::Null => None,
        Cleared::Value(names) => Some(unique(names)),
    }
}

fn unique(names: &[String]) -> Value {
    let mut unique: Vec<&str> = Vec::with_capacity(names.len());
    for name in names {
        if !unique.contains(&name.as_str()) {
            unique.push(name);
        }
    }
    unique.into()
}
