//! The settings of buckets in `provider.s3`: CloudFormation's, with a small first letter.

use super::Checked;
use crate::config::decode::{describe, nearest};
use crate::config::diagnostic::Diagnostic;
use crate::config::node::Data;

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-s3-bucket.html>; `name` is the
/// framework's own spelling of `bucketName`.
const KEYS: [&str; 21] = [
    "accelerateConfiguration",
    "accessControl",
    "analyticsConfigurations",
    "bucketEncryption",
    "bucketName",
    "corsConfiguration",
    "intelligentTieringConfigurations",
    "inventoryConfigurations",
    "lifecycleConfiguration",
    "loggingConfiguration",
    "metricsConfigurations",
    "name",
    "notificationConfiguration",
    "objectLockConfiguration",
    "objectLockEnabled",
    "ownershipControls",
    "publicAccessBlockConfiguration",
    "replicationConfiguration",
    "tags",
    "versioningConfiguration",
    "websiteConfiguration",
];

pub(super) fn check(checked: &Checked<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for (name, bucket) in &checked.service.provider.s3 {
        let path = format!("provider.s3.{name}");
        let map = match &bucket.data {
            Data::Map(map) => map,
            Data::Null | Data::Deferred(_) => continue,
            _ => {
                let message = format!("{path}: expected the settings of a bucket, found {}", describe(bucket));
                diagnostics.push(Diagnostic::error("wrong-type", message).path(path).at(bucket.place));
                continue;
            }
        };
        for (key, entry) in map.iter().filter(|(key, _)| !KEYS.contains(&key.as_str())) {
            let path = format!("{path}.{key}");
            let diagnostic =
                Diagnostic::error("unknown-key", format!("{path}: unknown key")).path(path).at(entry.key_place);
            diagnostics.push(match nearest(key, KEYS) {
                Some(near) => diagnostic.label(format!("did you mean `{near}`?")),
                None => diagnostic.help("the keys are those of `AWS::S3::Bucket` with a small first letter"),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::findings;

    #[test]
    fn misspelt_settings_are_found() {
        assert_eq!(
            findings(
                "service: shop\nprovider:\n  name: aws\n  s3: {photos: {name: shop-photos, corsConfigration: {}}}\n"
            ),
            "4:36 error[unknown-key] provider.s3.photos.corsConfigration: unknown key"
        );
    }
}
