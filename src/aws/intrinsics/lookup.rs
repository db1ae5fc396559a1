//! What an evaluation needs from the account.

use std::fmt;

use super::dynamic::Dynamic;

/// A value that only the account knows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lookup {
    /// `Fn::ImportValue`: an export of any stack of the region
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListExports.html>).
    Export(String),
    /// `{{resolve:ssm:name:version}}` and its kin.
    Dynamic(Dynamic),
}

impl fmt::Display for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Export(name) => write!(f, "the export `{name}`"),
            Self::Dynamic(dynamic) => write!(f, "{dynamic}"),
        }
    }
}
