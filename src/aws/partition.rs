//! The AWS partition that a region belongs to: the second part of every ARN, and the end of every host name.

/// A group of regions with accounts, ARNs and host names of their own.
/// <https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Partition {
    /// `aws`, `aws-cn`, `aws-us-gov`: what `${AWS::Partition}` stands for.
    pub name: &'static str,
    /// `amazonaws.com`, `amazonaws.com.cn`: what `${AWS::URLSuffix}` stands for.
    pub dns_suffix: &'static str,
    /// Where the global services of the partition are signed for: `us-east-1`.
    pub global_region: &'static str,
}

/// Region prefixes and their partitions; the first that fits counts. Everything else is `aws`.
const PREFIXES: &[(&str, Partition)] = &[
    ("cn-", Partition { name: "aws-cn", dns_suffix: "amazonaws.com.cn", global_region: "cn-northwest-1" }),
    ("us-gov-", Partition { name: "aws-us-gov", dns_suffix: "amazonaws.com", global_region: "us-gov-west-1" }),
    ("us-iso-", Partition { name: "aws-iso", dns_suffix: "c2s.ic.gov", global_region: "us-iso-east-1" }),
    ("us-isob-", Partition { name: "aws-iso-b", dns_suffix: "sc2s.sgov.gov", global_region: "us-isob-east-1" }),
    ("eu-isoe-", Partition { name: "aws-iso-e", dns_suffix: "cloud.adc-e.uk", global_region: "eu-isoe-west-1" }),
    ("us-isof-", Partition { name: "aws-iso-f", dns_suffix: "csp.hci.ic.gov", global_region: "us-isof-south-1" }),
    ("eusc-", Partition { name: "aws-eusc", dns_suffix: "amazonaws.eu", global_region: "eusc-de-east-1" }),
];

const COMMERCIAL: Partition = Partition { name: "aws", dns_suffix: "amazonaws.com", global_region: "us-east-1" };

impl Partition {
    /// The partition of a region. A region that nobody has heard of is taken for a new commercial one.
    pub fn of(region: &str) -> Self {
        PREFIXES.iter().find(|(prefix, _)| region.starts_with(prefix)).map_or(COMMERCIAL, |(_, partition)| *partition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_fall_into_their_partitions() {
        let names =
            ["eu-central-1", "cn-north-1", "us-gov-west-1", "us-iso-east-1", "us-isob-east-1", "eusc-de-east-1"]
                .map(|region| Partition::of(region).name);
        assert_eq!(names, ["aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-eusc"]);
        assert_eq!(Partition::of("cn-northwest-1").dns_suffix, "amazonaws.com.cn");
        assert_eq!(Partition::of("mars-north-1").name, "aws");
    }
}
