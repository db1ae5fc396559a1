//! What everybody may read of CloudFormation: stacks with their outputs, and the exports of a region.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::engine::failure::Failure;

use super::client::Aws;
use super::signed::{Signed, each};

impl Aws {
    /// A stack by its name, or by its id also when it is deleted; `None` where there is none.
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html>
    ///
    /// # Errors
    /// As every call.
    pub async fn stack(&self, name: &str) -> Result<Option<Json>, Failure> {
        let request = Signed::action("DescribeStacks", json!({ "StackName": name }));
        let call = self.call("cloudformation", "DescribeStacks");
        match call.send(|| self.signed("cloudformation", request.clone())).await {
            Ok(answer) => Ok(each(&answer, "Stacks").first().cloned()),
            Err(failure) if is_absent(&failure) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Every export of the region by name.
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListExports.html>
    ///
    /// # Errors
    /// As every call.
    pub async fn exports(&self) -> Result<BTreeMap<String, String>, Failure> {
        let request = Signed::action("ListExports", json!({}));
        let token = ("NextToken", "NextToken");
        let exports = self.pages("cloudformation", "ListExports", request, token, "Exports").await?;
        Ok(exports.iter().filter_map(|export| pair(export, "Name", "Value")).collect())
    }
}

/// The outputs of a stack by their names.
pub fn outputs(stack: &Json) -> BTreeMap<String, String> {
    each(stack, "Outputs").iter().filter_map(|output| pair(output, "OutputKey", "OutputValue")).collect()
}

fn pair(entry: &Json, key: &str, value: &str) -> Option<(String, String)> {
    let text = |name: &str| entry.get(name).and_then(Json::as_str).map(str::to_owned);
    // An empty text has no content in XML.
    Some((text(key)?, text(value).unwrap_or_default()))
}

/// CloudFormation has no code of its own for a stack that is not there.
pub fn is_absent(failure: &Failure) -> bool {
    failure.code.as_deref() == Some("ValidationError") && failure.message.contains("does not exist")
}
