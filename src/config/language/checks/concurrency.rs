//! Concurrency, snapshots, memory, and where results of asynchronous calls go.

use super::{Checked, function_error, releases};
use crate::config::decode::nearest;
use crate::config::diagnostic::Diagnostic;
use crate::config::language::function::Destination;

/// Memory without a capacity provider, in MB: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.
const MAX_MEMORY: i64 = 10_240;

pub(super) fn check(checked: &Checked<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for one in &checked.functions {
        let function = one.function;
        let reserved = function.reserved_concurrency.as_ref().and_then(|count| count.value()).map(|count| count.get());
        let provisioned = function.provisioned_concurrency.as_ref().and_then(|count| count.executions());
        if let (Some(reserved), Some(provisioned)) = (reserved, provisioned)
            && provisioned > reserved
        {
            diagnostics.push(
                function_error(
                    "provisioned-above-reserved",
                    one,
                    "provisionedConcurrency",
                    function.place_of("provisionedConcurrency"),
                    format!("{provisioned} is above the reserved concurrency of {reserved}"),
                )
                .related("the reserved concurrency", function.place_of("reservedConcurrency"))
                .help("Lambda takes provisioned environments out of the reserved ones: raise one or lower the other"),
            );
        }
        let own_alias = function.alias_of_its_own().filter(|(_, alias)| !alias.contains("${"));
        if let Some((key, alias)) = own_alias.filter(|(_, alias)| !releases::is_alias(alias)) {
            diagnostics.push(
                function_error(
                    "bad-format",
                    one,
                    key,
                    function.place_of(key),
                    format!("`{alias}` is no name of an alias"),
                )
                .help("use letters, digits, `-` and `_`, and not digits alone: those are versions"),
            );
        }
        let versioned = one.version_function();
        let needs_version = [
            ("provisionedConcurrency", provisioned.is_some_and(|count| count > 0)),
            ("snapStart", function.snap_start == Some(true)),
            ("deploymentSettings", function.deployment_settings.is_some()),
        ];
        for (key, wanted) in needs_version {
            if wanted && !versioned {
                diagnostics.push(
                    function_error(
                        "needs-version",
                        one,
                        key,
                        function.place_of(key),
                        "needs published versions, which are switched off",
                    )
                    .help("take `versionFunction: false` or `provider.versionFunctions: false` away"),
                );
            }
        }
        if function.snap_start == Some(true) {
            for (key, clashes) in [
                ("provisionedConcurrency", provisioned.is_some_and(|count| count > 0)),
                ("ephemeralStorageSize", function.ephemeral_storage_size.is_some_and(|size| size.get() > 512)),
                ("fileSystemConfig", function.file_system_config.is_some()),
            ] {
                if clashes {
                    diagnostics.push(
                        function_error(
                            "snap-start-clash",
                            one,
                            "snapStart",
                            function.place_of("snapStart"),
                            format!("SnapStart does not go with `{key}`"),
                        )
                        .related(format!("`{key}`"), function.place_of(key)),
                    );
                }
            }
        }
        if function.snap_start == Some(true)
            && let Some(runtime) = one.runtime().filter(|runtime| !has_snapshots(runtime))
        {
            diagnostics.push(
                function_error(
                    "snap-start-clash",
                    one,
                    "snapStart",
                    function.place_of("snapStart"),
                    format!("`{runtime}` has no snapshots"),
                )
                .help("SnapStart works with java11, python3.12, dotnet8 and what came after them"),
            );
        }
        if one.memory_size() > MAX_MEMORY && function.capacity_provider.is_none() {
            let place = if function.memory_size.is_some() {
                function.place_of("memorySize")
            } else {
                checked.service.provider.place_of("memorySize")
            };
            let problem = format!("{} is above the maximum of {MAX_MEMORY}", one.memory_size());
            diagnostics.push(
                function_error("out-of-range", one, "memorySize", place, problem)
                    .help("only functions with a `capacityProvider` can have more"),
            );
        }
        if let Some(destinations) = &function.destinations {
            for (key, destination) in [("onSuccess", &destinations.on_success), ("onFailure", &destinations.on_failure)]
            {
                if let Some(Destination::Name(name)) = destination
                    && !name.starts_with("arn:")
                    && !name.contains("${")
                    && !checked.service.functions.contains_key(name)
                {
                    let keys = checked.service.functions.keys().map(String::as_str);
                    let near = nearest(name, keys);
                    let diagnostic = function_error(
                        "unknown-function",
                        one,
                        &format!("destinations.{key}"),
                        destinations.place_of(key),
                        format!("`{name}` is not a function of this service"),
                    );
                    diagnostics.push(match near {
                        Some(near) => diagnostic.label(format!("did you mean `{near}`?")),
                        None => diagnostic.help("name a function by its key in `functions`, or give an ARN"),
                    });
                }
            }
        }
        if let Some(target) = function.on_error.as_ref().and_then(super::known)
            && !target.starts_with("arn:")
        {
            diagnostics.push(function_error(
                "bad-format",
                one,
                "onError",
                function.place_of("onError"),
                format!("`{target}` is not the ARN of a topic or a queue"),
            ));
        }
    }
}

/// <https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html#snapstart-runtimes>
fn has_snapshots(runtime: &str) -> bool {
    [("java", 11), ("python3.", 12), ("dotnet", 8)].iter().any(|(name, first)| {
        // `java8.al2`
        let number = runtime.strip_prefix(name).and_then(|rest| rest.split('.').next()?.parse::<u32>().ok());
        number.is_some_and(|number| number >= *first)
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::in_functions;

    #[test]
    fn snapshots_are_made_of_some_runtimes() {
        for runtime in ["java11", "java25", "python3.12", "python3.14", "dotnet8", "dotnet10"] {
            assert!(super::has_snapshots(runtime), "{runtime}");
        }
        for runtime in ["java8.al2", "python3.11", "dotnet6", "nodejs24.x", "ruby3.4", "provided.al2023"] {
            assert!(!super::has_snapshots(runtime), "{runtime}");
        }
    }

    #[test]
    fn concurrency_and_destinations_fit_together() {
        insta::assert_snapshot!(
            in_functions(
                "  a: {handler: a.b, reservedConcurrency: 2, provisionedConcurrency: 5}\n  b: {handler: a.b, runtime: python3.13, snapStart: true, provisionedConcurrency: 1}\n  c: {handler: a.b, memorySize: 20480, destinations: {onFailure: bb}}\n  d: {handler: a.b, versionFunction: false, provisionedConcurrency: 1}\n"
            ),
            @r"
        4:69 error[provisioned-above-reserved] functions.a.provisionedConcurrency: 5 is above the reserved concurrency of 2
        5:53 error[snap-start-clash] functions.b.snapStart: SnapStart does not go with `provisionedConcurrency`
        6:33 error[out-of-range] functions.c.memorySize: 20480 is above the maximum of 10240
        6:66 error[unknown-function] functions.c.destinations.onFailure: `bb` is not a function of this service
        7:69 error[needs-version] functions.d.provisionedConcurrency: needs published versions, which are switched off
        "
        );
    }
}
