//! Forms of older versions of the framework that newer ones refuse. hoist reads them and says so.

use super::Checked;
use crate::config::diagnostic::Diagnostic;

pub(super) fn check(checked: &Checked<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let identity = &checked.service.service.0;
    // In the short form the name stands where the object stands.
    if identity.place != identity.place_of("name") {
        let mut diagnostic = Diagnostic::warning("old-form", "service: a mapping is the form of v1 and v2")
            .path("service")
            .at(identity.place)
            .help(format!("write `service: {}`", identity.name.as_str()));
        if identity.aws_kms_key_arn.is_some() {
            diagnostic = diagnostic.help("and move the key to `provider.kmsKeyArn`");
        }
        diagnostics.push(diagnostic);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::findings;

    #[test]
    fn the_service_was_a_mapping_once() {
        assert_eq!(
            findings("service: {name: shop}\nprovider: {name: aws}\n"),
            "1:10 warning[old-form] service: a mapping is the form of v1 and v2"
        );
        assert_eq!(findings("service: shop\nprovider: {name: aws}\n"), "");
    }
}
