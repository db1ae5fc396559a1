//! serverless-dotenv-plugin: `.env` files that become the functions' environment.

use super::PluginSettings;
use crate::config::decode::{alternatives, object};

object! {
    /// Which `.env` files are read, and which of their variables reach the functions.
    pub struct Dotenv {
        /// A file, or several.
        path "path": Option<DotenvPaths>,
        /// The folder of the files.
        base_path "basePath": Option<String>,
        /// Variables that reach the functions. Default: all.
        include "include": Option<Vec<String>>,
        /// Variables that do not.
        exclude "exclude": Option<Vec<String>>,
        /// What must be there.
        required "required": Option<DotenvRequired>,
        /// Whether the plugin says what it did.
        logging "logging": Option<bool>,
        /// A module that reads the files.
        dotenv_parser "dotenvParser": Option<String>,
        /// Whether variables in the files are expanded.
        variable_expansion "variableExpansion": Option<bool>,
    }
}

impl PluginSettings for Dotenv {
    const PLUGIN: &'static str = "serverless-dotenv-plugin";
    const KEY: &'static str = "dotenv";
}

alternatives! {
    /// One file, or several.
    pub enum DotenvPaths {
        One(String),
        Several(Vec<String>),
    }
}

object! {
    /// What must be there.
    pub struct DotenvRequired {
        /// Variables.
        env "env": Vec<String>,
        /// Whether a file must be there.
        file "file": Option<bool>,
    }
}
