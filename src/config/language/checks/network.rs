//! VPC and file systems.

use super::{Checked, function_error};
use crate::config::decode::CfList;
use crate::config::diagnostic::Diagnostic;

/// <https://docs.aws.amazon.com/lambda/latest/api/API_VpcConfig.html>
const MAX_SECURITY_GROUPS: usize = 5;
const MAX_SUBNETS: usize = 16;

pub(super) fn check(checked: &Checked<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for one in &checked.functions {
        let function = one.function;
        let vpc = one.vpc();
        if let Some(vpc) = &vpc {
            let own = function.vpc.is_some();
            let place = if own { function.place_of("vpc") } else { checked.service.provider.place_of("vpc") };
            let missing = |list: Option<&CfList>| list.is_none_or(CfList::is_empty);
            let lists = [
                ("securityGroupIds", vpc.security_group_ids, MAX_SECURITY_GROUPS),
                ("subnetIds", vpc.subnet_ids, MAX_SUBNETS),
            ];
            let both_missing = lists.iter().all(|(_, list, _)| missing(*list));
            for (key, list, most) in lists {
                if missing(list) && !both_missing {
                    diagnostics.push(
                        function_error("missing-key", one, "vpc", place, format!("`{key}` is missing"))
                            .help("a VPC needs both `securityGroupIds` and `subnetIds`"),
                    );
                }
                if let Some(count) = list.and_then(CfList::len).filter(|count| *count > most) {
                    let problem = format!("{count} {key} are more than the {most} that Lambda allows");
                    diagnostics.push(function_error("too-many", one, "vpc", place, problem));
                }
            }
            if both_missing && own {
                let warning = function_error(
                    "missing-key",
                    one,
                    "vpc",
                    place,
                    "neither `securityGroupIds` nor `subnetIds` is there, so the function is in no VPC",
                );
                diagnostics.push(Diagnostic { severity: crate::config::diagnostic::Severity::Warning, ..warning });
            }
        }
        if function.file_system_config.is_some() && vpc.and_then(|vpc| vpc.attached()).is_none() {
            diagnostics.push(
                function_error(
                    "file-system-without-vpc",
                    one,
                    "fileSystemConfig",
                    function.place_of("fileSystemConfig"),
                    "a file system can only be mounted inside a VPC",
                )
                .help("add `vpc` with the subnets and security groups of the file system"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::in_functions;

    #[test]
    fn a_vpc_needs_both_lists_and_a_file_system_a_vpc() {
        insta::assert_snapshot!(
            in_functions(
                "  half: {handler: a.b, vpc: {subnetIds: [subnet-1]}}\n  full: {handler: a.b, vpc: {subnetIds: [a], securityGroupIds: !Split [',', x]}}\n  disk: {handler: a.b, fileSystemConfig: {arn: !GetAtt A.Arn, localMountPath: /mnt/a}}\n"
            ),
            @r"
        4:29 error[missing-key] functions.half.vpc: `securityGroupIds` is missing
        6:42 error[file-system-without-vpc] functions.disk.fileSystemConfig: a file system can only be mounted inside a VPC
        "
        );
    }
}
