//! Finding a function of the file by the name that was typed.

use super::CommandError;
use super::prepare::Read;
use crate::aws::naming::Names;
use crate::config::suggest::nearest;

/// What AWS calls the function of a key.
///
/// # Errors
/// There is no such function: the nearest is suggested.
pub fn named(read: &Read, key: &str) -> Result<String, CommandError> {
    let service = &read.service;
    let Some(function) = service.functions.get(key) else {
        let keys: Vec<&str> = service.functions.keys().map(String::as_str).collect();
        let help = match nearest(key, keys.iter().copied()) {
            Some(near) => format!("Did you mean {near}?"),
            None => format!("The file has: {}.", keys.join(", ")),
        };
        return Err(CommandError::plain(format!("there is no function {key} in the file"), [help]));
    };
    let names = Names::new(service.name(), &read.target.stage, &read.target.region);
    Ok(function.name.as_ref().map_or_else(|| names.function(key), |name| name.as_str().to_owned()))
}
