//! What answers requests, and under which name: the summary after a deploy, from what is live.

use crate::config::language::Service;
use crate::engine::resource::Live;

use super::naming;

/// A function of the file that is live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeployedFunction {
    /// The key in the file.
    pub key: String,
    /// The name in AWS.
    pub name: String,
}

/// An address that answers requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `GET`, or `ANY` where every method is taken.
    pub method: String,
    pub url: String,
    /// The key of the function that answers.
    pub function: String,
}

/// Functions in the order of the file, as far as they are live.
pub fn functions<'a>(service: &Service, live: impl Iterator<Item = &'a Live> + Clone) -> Vec<DeployedFunction> {
    let keys = service.functions.keys();
    keys.filter_map(|key| {
        let id = format!("{}LambdaFunction", naming::function(key));
        let found = live.clone().find(|one| one.address.logical_id == id)?;
        Some(DeployedFunction { key: key.clone(), name: found.physical_id.clone() })
    })
    .collect()
}

/// Addresses, in the order of the functions that answer.
pub fn endpoints<'a>(service: &Service, live: impl Iterator<Item = &'a Live> + Clone) -> Vec<Endpoint> {
    let keys = service.functions.keys();
    keys.filter_map(|key| {
        let id = format!("{}LambdaFunctionUrl", naming::function(key));
        let found = live.clone().find(|one| one.address.logical_id == id)?;
        let url = found.attributes.get("FunctionUrl")?.text()?;
        Some(Endpoint { method: "ANY".to_owned(), url: url.to_owned(), function: key.clone() })
    })
    .collect()
}
