//! Stage and region of the deployment, whether they come from the file or from the command line.

use super::Checked;
use crate::config::decode::nearest;
use crate::config::diagnostic::Diagnostic;

/// Regions of AWS: <https://docs.aws.amazon.com/general/latest/gr/lambda-service.html>. New ones come every year, so
/// one that is not here is a warning.
const REGIONS: [&str; 41] = [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-iso-east-1",
    "us-iso-west-1",
    "us-isob-east-1",
    "us-west-1",
    "us-west-2",
];

pub(super) fn check(checked: &Checked<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let provider = &checked.service.provider;
    let region = checked.context.region;
    if !REGIONS.contains(&region) && !region.contains("${") {
        let diagnostic =
            Diagnostic::warning("region-unknown", format!("provider.region: hoist does not know `{region}`"))
                .path("provider.region")
                .at(provider.place_of("region"));
        diagnostics.push(match nearest(region, REGIONS) {
            Some(near) => diagnostic.label(format!("did you mean `{near}`?")).help(format!("write `{near}`")),
            None => diagnostic.help("a new region works all the same"),
        });
    }
    let stage = checked.context.stage;
    let written = provider.stage.as_ref().is_some_and(|written| written.as_str() == stage);
    // The decoder has looked at the stage of the file; this is that of the command line.
    if !written && (stage.is_empty() || !stage.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')) {
        diagnostics.push(
            Diagnostic::error(
                "bad-format",
                format!("--stage: `{stage}` is not a stage name (letters, digits and hyphens)"),
            )
            .path("provider.stage"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::super::decode::sample;
    use super::super::super::decode_service;
    use super::super::{Checked, Context};

    #[test]
    fn stage_and_region_of_the_command_line_are_looked_at() {
        let (service, _) = decode_service(&sample::node("service: shop\nprovider: {name: aws}\n"));
        let service = service.expect("a service");
        let context =
            Context { stage: "my_stage", region: "eu-centrl-1", strict: false, today: jiff::civil::date(2026, 11, 20) };
        let mut found = Vec::new();
        super::check(&Checked::new(&service, &context), &mut found);
        insta::assert_snapshot!(sample::summary(&found), @r"
        2:11 warning[region-unknown] provider.region: hoist does not know `eu-centrl-1`
        error[bad-format] --stage: `my_stage` is not a stage name (letters, digits and hyphens)
        ");
    }
}
