//! `layers.<key>`: code that functions share.

use super::super::decode::{object, text};
use super::lambda::Architecture;
use super::names::Description;
use super::package::LayerPackage;

text! {
    /// The name of a layer.
    pub struct LayerName: "a layer name (letters, digits, `-` and `_`) or a layer ARN",
        pattern "^((arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\\d{12}:layer:[a-zA-Z0-9-_]+)|[a-zA-Z0-9-_]+)$",
        min 1, max 140
}

text! {
    /// Who may use a layer: an account id, `*`, or an account's root ARN.
    pub struct AllowedAccount: "an account id, `*` or `arn:aws:iam::<account>:root`",
        pattern "^(\\d{12}|\\*|arn:(aws[a-zA-Z-]*):iam::\\d{12}:root)$"
}

text! {
    /// The licence of a layer.
    pub struct LicenseInfo: "a licence of up to 512 characters", max 512
}

object! {
    /// A Lambda layer.
    pub struct Layer {
        /// The folder whose content becomes the layer. Needed unless there is `package.artifact`.
        path "path": Option<String>,
        /// The physical name. Default: the key.
        name "name": Option<LayerName>,
        /// What the layer is for.
        description "description": Option<Description>,
        /// Runtimes that can use the layer, at most 15.
        compatible_runtimes "compatibleRuntimes": Vec<String>,
        /// Processors that can use the layer.
        compatible_architectures "compatibleArchitectures": Vec<Architecture>,
        /// The licence of what is inside.
        license_info "licenseInfo": Option<LicenseInfo>,
        /// Accounts that may use the layer.
        allowed_accounts "allowedAccounts": Vec<AllowedAccount>,
        /// Whether older versions are kept when a new one is published.
        retain "retain" = false: Option<bool>,
        /// What goes into the zip.
        package "package": Option<LayerPackage>,
    }
}
