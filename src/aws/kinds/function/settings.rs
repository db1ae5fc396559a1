//! What a function has that calls of their own read and write, besides its code and its configuration.

use aws_sdk_lambda::types::{RecursiveLoop, UpdateRuntimeOn};

use super::super::properties::{integer, map, string, text};
use super::super::tags::TagChange;
use super::Function;
use crate::engine::failure::Failure;
use crate::engine::kind::Progress;
use crate::engine::value::Value;

impl Function {
    pub(super) async fn runtime_management(&self, name: &str) -> Result<Option<Value>, Failure> {
        let answer = self
            .aws
            .call("lambda", "GetRuntimeManagementConfig")
            .find(|| self.aws.lambda().get_runtime_management_config().function_name(name).send())
            .await?;
        Ok(answer.and_then(|answer| {
            map([
                ("UpdateRuntimeOn", string(answer.update_runtime_on().map(UpdateRuntimeOn::as_str))),
                ("RuntimeVersionArn", string(answer.runtime_version_arn())),
            ])
        }))
    }

    pub(super) async fn recursion(&self, name: &str) -> Result<Option<Value>, Failure> {
        let answer = self
            .aws
            .call("lambda", "GetFunctionRecursionConfig")
            .find(|| self.aws.lambda().get_function_recursion_config().function_name(name).send())
            .await?;
        Ok(answer.and_then(|answer| string(answer.recursive_loop().map(RecursiveLoop::as_str))))
    }

    pub(super) async fn set_concurrency(
        &self,
        name: &str,
        properties: &Value,
        progress: &Progress,
    ) -> Result<(), Failure> {
        match integer(properties, &["ReservedConcurrentExecutions"]) {
            Some(reserved) => {
                self.aws
                    .call("lambda", "PutFunctionConcurrency")
                    .progress(progress)
                    .fresh(self.is_fresh(name))
                    .send(|| {
                        self.aws
                            .lambda()
                            .put_function_concurrency()
                            .function_name(name)
                            .reserved_concurrent_executions(reserved)
                            .send()
                    })
                    .await?;
            }
            None => {
                self.aws
                    .call("lambda", "DeleteFunctionConcurrency")
                    .progress(progress)
                    .find(|| self.aws.lambda().delete_function_concurrency().function_name(name).send())
                    .await?;
            }
        }
        Ok(())
    }

    pub(super) async fn set_runtime_management(
        &self,
        name: &str,
        properties: &Value,
        progress: &Progress,
    ) -> Result<(), Failure> {
        let on = text(properties, &["RuntimeManagementConfig", "UpdateRuntimeOn"]).unwrap_or_else(|| "Auto".to_owned());
        let version = text(properties, &["RuntimeManagementConfig", "RuntimeVersionArn"]);
        self.aws
            .call("lambda", "PutRuntimeManagementConfig")
            .progress(progress)
            .fresh(self.is_fresh(name))
            .send(|| {
                self.aws
                    .lambda()
                    .put_runtime_management_config()
                    .function_name(name)
                    .update_runtime_on(UpdateRuntimeOn::from(on.as_str()))
                    .set_runtime_version_arn(version.clone())
                    .send()
            })
            .await?;
        Ok(())
    }

    pub(super) async fn set_recursion(
        &self,
        name: &str,
        properties: &Value,
        progress: &Progress,
    ) -> Result<(), Failure> {
        let mode = text(properties, &["RecursiveLoop"]).unwrap_or_else(|| "Terminate".to_owned());
        self.aws
            .call("lambda", "PutFunctionRecursionConfig")
            .progress(progress)
            .fresh(self.is_fresh(name))
            .send(|| {
                self.aws
                    .lambda()
                    .put_function_recursion_config()
                    .function_name(name)
                    .recursive_loop(RecursiveLoop::from(mode.as_str()))
                    .send()
            })
            .await?;
        Ok(())
    }

    pub(super) async fn set_tags(&self, arn: &str, change: &TagChange, progress: &Progress) -> Result<(), Failure> {
        if !change.set.is_empty() {
            self.aws
                .call("lambda", "TagResource")
                .progress(progress)
                .send(|| {
                    let tags = change.set.clone().into_iter().collect();
                    self.aws.lambda().tag_resource().resource(arn).set_tags(Some(tags)).send()
                })
                .await?;
        }
        if !change.remove.is_empty() {
            self.aws
                .call("lambda", "UntagResource")
                .progress(progress)
                .send(|| {
                    let keys = change.remove.iter().cloned().collect();
                    self.aws.lambda().untag_resource().resource(arn).set_tag_keys(Some(keys)).send()
                })
                .await?;
        }
        Ok(())
    }
}
