//! Every code that a diagnostic can have, with what it means and what to do. `docs/error-codes.md` is made from it.

/// Where in a run a code comes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Reading the file as YAML or JSON.
    File,
    /// Resolving variables.
    Variables,
    /// Keys, types and values of the language.
    Language,
    /// Parts that do not fit together, and limits of AWS.
    Checks,
    /// Advice: warnings that `deploy.allow` silences.
    Advice,
    /// Making zips.
    Packaging,
    /// Turning the service into resources.
    Resources,
}

impl Stage {
    const ALL: [(Self, &'static str); 7] = [
        (Self::File, "Reading the file"),
        (Self::Variables, "Variables"),
        (Self::Language, "Keys and values"),
        (Self::Checks, "What does not fit together"),
        (Self::Advice, "Advice"),
        (Self::Packaging, "Packaging"),
        (Self::Resources, "Resources"),
    ];
}

/// One code.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    pub code: &'static str,
    pub stage: Stage,
    pub meaning: &'static str,
    pub remedy: &'static str,
}

const fn file(code: &'static str, meaning: &'static str, remedy: &'static str) -> Code {
    Code { code, stage: Stage::File, meaning, remedy }
}

const fn variable(code: &'static str, meaning: &'static str, remedy: &'static str) -> Code {
    Code { code, stage: Stage::Variables, meaning, remedy }
}

const fn language(code: &'static str, meaning: &'static str, remedy: &'static str) -> Code {
    Code { code, stage: Stage::Language, meaning, remedy }
}

const fn check(code: &'static str, meaning: &'static str, remedy: &'static str) -> Code {
    Code { code, stage: Stage::Checks, meaning, remedy }
}

const fn advice(code: &'static str, meaning: &'static str, remedy: &'static str) -> Code {
    Code { code, stage: Stage::Advice, meaning, remedy }
}

const fn packaging(code: &'static str, meaning: &'static str, remedy: &'static str) -> Code {
    Code { code, stage: Stage::Packaging, meaning, remedy }
}

const fn resources(code: &'static str, meaning: &'static str, remedy: &'static str) -> Code {
    Code { code, stage: Stage::Resources, meaning, remedy }
}

/// Every code, by stage.
#[rustfmt::skip]
pub const CODES: &[Code] = &[
    file("alias-cycle", "An alias stands inside the value that it refers to.", "Write the value out, or give the anchor to a part that does not hold the alias."),
    file("bad-merge", "`<<` or `!merge` is used with something that cannot be merged.", "Give `<<` a mapping or a list of mappings."),
    file("complex-key", "A list or a mapping is used as a key.", "Use a string as the key."),
    file("duplicate-key", "A key stands twice in one mapping.", "Take one of the two away, or merge them."),
    file("legacy-service-object", "`service` is a mapping, as in versions 1 and 2.", "Write `service: name`, and its key as `provider.kmsKeyArn`."),
    file("no-configuration", "There is no configuration where it was looked for.", "Change to the service's folder, or name the file with `--config`."),
    file("not-a-configuration", "The file is empty or holds something else than a mapping.", "Begin with `service: name`."),
    file("number-changed", "A text of digits without quotes is read as a number that is written otherwise.", "Put it in quotes: `'012345678901'`."),
    file("script-failed", "A configuration in JavaScript or TypeScript could not be run.", "Look at the reason; `node` must be installed."),
    file("several-documents", "The file holds more than one YAML document.", "Keep one document; take the `---` between them away."),
    file("too-deep", "Mappings and lists are nested too deeply.", "Split the file with `${file(..)}`."),
    file("too-large", "The file takes too much memory when its aliases are expanded.", "Use fewer aliases of large values."),
    file("unknown-anchor", "An alias refers to an anchor that does not stand before it.", "Define the anchor first, or correct its name."),
    file("unknown-tag", "A YAML tag is not one of CloudFormation's short forms.", "Write the long form, for instance `Fn::GetAtt`."),
    file("yaml-syntax", "The file is not YAML.", "Correct what the caret points to; indentation and quotes are the usual reasons."),
    file("yaml-tab", "A tab is used where YAML allows only spaces.", "Indent with spaces."),
    variable("dotenv-missing", "A file or a variable that the dotenv plugin requires is not there.", "Create the file or set the variable."),
    variable("non-string-variable", "A variable inside a text gives a mapping or a list.", "Let it stand alone, or address a part of it."),
    variable("not-supported", "A setting asks for code that hoist does not run.", "Take it away, or do the same in `.env` files."),
    variable("stage-unknown", "The stage depends on something that is only known in the account.", "Let it depend on `opt`, `env`, `file` or `self` alone."),
    variable("variable-cycle", "Variables refer to each other in a circle.", "Break the circle: one of them needs a value of its own."),
    variable("variable-failed", "The source of a variable could not be read.", "Look at the reason in the message."),
    variable("variable-missing", "A variable has no value and no fallback.", "Set the value, or write a fallback: `${env:NAME, 'default'}`."),
    variable("variable-misused", "A variable's parameters or address do not fit its source.", "Write it as the message says."),
    variable("variable-syntax", "A variable is not written as variables are.", "Write `${source:address}` or `${source(parameter):address, fallback}`."),
    variable("variable-too-deep", "Variables lead to variables too often.", "Look for one that makes ever new ones."),
    variable("variable-unknown-source", "The source of a variable is not one that hoist knows.", "Correct it; sources of plugins are not run."),
    language("bad-format", "A value does not have the form that is needed: a name, a pattern, a schedule.", "Write it in the form that the message names."),
    language("empty-value", "An empty text stands where a setting is expected, and counts as none.", "Give the setting where it is meant, or allow this code."),
    language("event-without-settings", "An event is named without its settings, so nothing calls the function.", "Give the event its settings: `sqs: arn:…`."),
    language("ignored-key", "A key has no effect in hoist, and its absence would be missed.", "Take it away, or use what the message names instead."),
    language("missing-key", "A key that is needed is not there, or is empty.", "Add it."),
    language("another-tool", "The file is one of another tool or of another cloud.", "Take a file with `service` and `provider: aws`."),
    language("needs-account", "A value that only an account knows (`${ssm:..}`, `${cf:..}`) stands where the rest of the file cannot be read without it.", "Nothing, for `deploy` and `diff`: they ask the account. Where `validate` calls it an error, write the value into the file."),
    language("out-of-range", "A number is below the minimum or above the maximum.", "Use a number in the range."),
    language("refused-key", "A key stands for something that hoist does not do.", "Follow the way out that the message names."),
    language("several-events", "Two events stand in one item of the list.", "Begin each event with a `-` of its own."),
    language("unbuilt-key", "A key is part of the language, and hoist does not do yet what it asks for. An error with `--strict`.", "Check whether the deployed service needs it."),
    language("unknown-code", "`deploy.allow` names a code that does not exist.", "Correct it: this page lists all codes."),
    language("unknown-key", "A key is not part of the language. A misspelt one is the usual reason.", "Correct it. Keys that an unknown plugin may read are warnings; `configValidationMode: warn` makes warnings of all."),
    language("unknown-value", "A value is not one of the words that are allowed.", "Use one of those that the message lists."),
    language("wrong-indentation", "The settings of an event are not indented beneath it.", "Indent them by two more spaces."),
    language("wrong-type", "A value has the wrong type: a string for a boolean, a list for a mapping.", "Write the type that the message names. `yes`, `no`, `on` and `off` are strings in YAML 1.2."),
    check("code-deploy", "A shift is to be done by CodeDeploy, at a pace that it has no configuration for.", "Choose one of its paces, or take `codeDeployRole` and `triggerConfigurations` away: hoist itself shifts at any pace."),
    check("duplicate-name", "Two functions have the same physical name.", "Give one of them another `name`."),
    check("duplicate-priority", "Two rules of one listener have the same priority.", "Give one of them another `priority`."),
    check("duplicate-route", "A route of an API is there twice.", "Take one away, or change its method or path."),
    check("environment-too-large", "Names and values of an environment take more than 4 KB.", "Keep large values in a file, in Parameter Store or in S3."),
    check("file-system-without-vpc", "A file system is mounted by a function that is in no VPC.", "Add `vpc` with the subnets and security groups of the file system."),
    check("handler-and-image", "A function has both a handler and an image.", "Take one of the two away."),
    check("image-name-or-uri", "An image needs exactly one of `name` and `uri`.", "Keep one of the two."),
    check("image-with-layers", "A container image cannot have layers.", "Copy what the layers hold into the image."),
    check("name-for-several", "One name is given to a schedule with several rates.", "Take the name away, or write one event for each rate."),
    check("name-too-long", "A name is longer than AWS allows.", "Give a shorter name, or shorten service, stage or key."),
    check("needs-batching-window", "More than 10 messages of a queue in one call need a batching window.", "Add `maximumBatchingWindow: 1`."),
    check("needs-event-bus", "The EventBridge Scheduler does not have this setting.", "Use `input`, or `method: eventBus`."),
    check("needs-scheduler", "Only the EventBridge Scheduler has this setting.", "Add `method: scheduler`."),
    check("needs-version", "A feature needs published versions, which are switched off.", "Take `versionFunction: false` away."),
    check("overlapping-notifications", "Two notifications of one bucket are about the same objects.", "Give them prefixes or suffixes that exclude each other."),
    check("other-alias", "`deploymentSettings.alias` names another alias than the one that another setting puts before the function.", "Call the function by the alias that the message names, or name that one with `provisionedConcurrency: {executions: .., alias: ..}`."),
    check("plugin-local", "Plugins that only matter on a developer's machine are not run.", "Nothing."),
    check("plugin-missing", "What a plugin does is not built into hoist. An error with `--strict`.", "Check whether the deployed service needs it."),
    check("plugin-unknown", "hoist does not know a plugin and does not run it. An error with `--strict`.", "Check whether the deployed service needs it."),
    check("provisioned-above-reserved", "Provisioned concurrency is above the reserved concurrency.", "Raise one or lower the other."),
    check("region-unknown", "A region is not one that hoist knows.", "Correct it; a new region works all the same."),
    check("reserved-variable", "Lambda sets an environment variable of this name itself.", "Give the variable another name."),
    check("role-and-statements", "Statements are given for a role that is there already and stays as it is.", "Take the statements or the role away."),
    check("role-too-large", "The inline policies of a role take more than 10,240 characters.", "Give functions roles of their own (`provider.iam.role.mode: perFunction`), or write ARNs with `*` that stand for many."),
    check("runtime-deprecated", "A runtime gets no security updates any more, or soon.", "Move to the runtime that the message names."),
    check("runtime-removed", "Lambda does not accept a runtime any more.", "Move to the runtime that the message names."),
    check("runtime-unknown", "A runtime is not one of Lambda's.", "Correct it; for other languages use `provided.al2023`."),
    check("several-inputs", "More than one of `input`, `inputPath` and `inputTransformer` is given.", "Keep one."),
    check("snap-start-clash", "SnapStart does not go with another setting of the function.", "Take one of the two away."),
    check("too-many", "A list is longer than AWS allows.", "Shorten it."),
    check("too-many-layers", "A function has more than 5 layers.", "Merge layers."),
    check("too-many-routes", "An HTTP API has more routes than its quota.", "Raise the quota, or use `ANY /{proxy+}`."),
    check("too-many-tags", "A function has more tags than AWS allows.", "Take some away."),
    check("unknown-alias", "An alias is named that is not the one with the provisioned environments.", "Take `alias` away."),
    check("unknown-authorizer", "An authorizer that a route names is not there.", "Define it, or correct its name."),
    check("unknown-function", "A function that is named is not in the service.", "Correct the key, or give an ARN."),
    check("deletion-protected", "`hoist remove` was asked to remove a stage that `provider.deletionProtection` protects.", "Take the protection away first if the stage is to go."),
    check("image-not-built", "A function runs from an image that `provider.ecr.images` would have built.", "Build and push it before the deploy, and give its `uri`."),
    check("unknown-image", "An image that a function names is not in `provider.ecr.images`.", "Add it there, or correct its name."),
    check("variable-twice", "A variable stands in `environment` and in `secrets`.", "Take one of the two away."),
    advice("clear-text-secret", "A password or key stands in the file.", "Keep it outside: `secrets: {NAME: ssm:/path}`."),
    advice("credentials-for-all", "CORS allows credentials and every origin at once, which browsers refuse.", "Name the origins."),
    advice("default-runtime", "No runtime is named; defaults differ between tools and versions.", "Name one in `provider.runtime`."),
    advice("many-routes", "One function serves many routes: one change restarts them all.", "Give groups of routes functions of their own."),
    advice("no-timeout", "A function behind an API has no timeout set and gets 6 seconds.", "Set `timeout`."),
    advice("provisioned-latest", "Provisioned concurrency is asked for on `$LATEST`, where Lambda keeps nothing warm.", "Take `alias` away."),
    advice("timeout-above-gateway", "A function may run longer than the API in front of it waits.", "Lower the timeout, or answer at once and work behind a queue."),
    advice("wildcard-resource", "An IAM statement allows an action on everything in the account.", "Name the resources."),
    packaging("artifact-in-s3", "An artifact lies in S3, where hoist does not fetch it yet.", "Download it first, and give the path of the file."),
    packaging("artifact-not-a-zip", "An artifact is not a zip.", "Build it as a zip."),
    packaging("artifact-not-found", "An artifact is not where the file says.", "Build it first, or correct the path."),
    packaging("bad-pattern", "A pattern of `package` can match nothing: it is empty, absolute, or stands for too much.", "Write it relative to the service directory."),
    packaging("bootstrap-not-executable", "The `bootstrap` of an own runtime is not executable.", "`chmod +x bootstrap`."),
    packaging("broken-link", "A symbolic link leads nowhere and is left out.", "Remove it or restore what it points to."),
    packaging("dev-dependencies-kept", "Development dependencies could not be told apart, because a `package.json` cannot be read, and are packaged.", "Install the packages again, or set `package.excludeDevDependencies: false`."),
    packaging("handler-malformed", "A handler is not written as `path/file.function`.", "Write it so."),
    packaging("handler-not-found", "The file of a handler is not there.", "Correct the handler, or build the code first."),
    packaging("ignored-patterns", "Patterns of a function have no effect without `individually`.", "Set `package.individually: true`."),
    packaging("layer-without-content", "A layer has neither `path` nor `package.artifact`.", "Give one of the two."),
    packaging("no-matched-files", "No file is left for a zip.", "Look at the order of the patterns: the last match wins."),
    packaging("odd-file-name", "A file name is not UTF-8 and is left out.", "Rename the file."),
    packaging("output-not-writable", "The folder for zips cannot be written.", "Correct its rights or name another folder."),
    packaging("package-disabled", "A function says that it is not packaged, and gives no artifact.", "Take `package.disable` away, or give `package.artifact`."),
    packaging("package-too-large", "A package is larger than Lambda takes when it is unpacked.", "Leave files out, move some into a layer, or use a container image."),
    packaging("package-not-written", "A zip could not be written.", "Look at the room on the disk."),
    packaging("packaging-failed", "Packaging stopped unexpectedly.", "Report it with what hoist said."),
    packaging("pattern-names-directory", "A pattern names a folder and matches no file.", "Add `/**`."),
    packaging("two-files-one-name", "Two files would have the same name in a zip.", "Rename one of them."),
    packaging("unreadable-directory", "A folder cannot be read.", "Correct its rights, or leave it out with a pattern."),
    packaging("unreadable-file", "A file cannot be read.", "Correct its rights, or leave it out with a pattern."),
    resources("bad-authorizer", "An authorizer does not fit the API or the route.", "Follow what the message says."),
    resources("circular-condition", "Conditions refer to each other in a circle.", "Break the circle."),
    resources("condition-not-met", "A value depends on a resource whose condition is not met.", "Give both the same condition."),
    resources("conflict", "Two settings exclude each other.", "Keep one of them."),
    resources("duplicate-event", "An event is there twice where AWS allows one.", "Use another function for the second."),
    resources("duplicate-resource", "Two parts of the service make a resource of the same logical id.", "Rename one of them."),
    resources("intrinsic-depth", "CloudFormation functions are nested too deeply.", "Simplify the value."),
    resources("late-import", "An import is only known once another stack is deployed.", "Deploy that stack first."),
    resources("late-reference", "A dynamic reference is only known once something else is made.", "Write the name out."),
    resources("lost-with-document", "A raw resource would add to an API that hoist writes as one document, and be lost.", "Declare the route as an event."),
    resources("malformed-function", "A CloudFormation function does not have the arguments that it needs.", "Correct its arguments."),
    resources("malformed-reference", "A dynamic reference is not written as CloudFormation takes it.", "Write `{{resolve:ssm:name}}` or `{{resolve:secretsmanager:id:SecretString:key}}`."),
    resources("no-parameter", "A parameter of the template has neither value nor default.", "Give it a `Default`, or a value in `provider.stackParameters`."),
    resources("no-stack", "A value needs a stack that is not there.", "Deploy the stack first, or correct its name."),
    resources("not-a-schema", "What should be a JSON Schema is not one.", "Give a mapping, a file, or a name of `provider.apiGateway.request.schemas`."),
    resources("two-variables", "Two paths have different names for the variable at the same place.", "Give it one name."),
    resources("undecided-condition", "A condition depends on something that is not known yet.", "Let it depend on parameters and pseudo parameters only."),
    resources("unknown-bucket", "A bucket that an event names cannot be made.", "Add `existing: true` when it is there."),
    resources("unknown-cache-policy", "A cache policy that an event names is not there.", "Declare it in `provider.cloudFront.cachePolicies`, or name one by its `id`."),
    resources("unknown-condition", "A condition that is named is not in `resources.Conditions`.", "Define it, or correct its name."),
    resources("unknown-destination", "A destination is neither a function of the service nor an ARN.", "Correct it."),
    resources("unknown-mapping", "A mapping or one of its keys is not in `resources.Mappings`.", "Define it, or correct its name."),
    resources("unknown-plan", "API keys name a usage plan that is not there.", "Add it to `provider.apiGateway.usagePlan`, or correct the name."),
    resources("unknown-resource", "A resource that is named is not there.", "Define it, or correct its logical id."),
    resources("unsupported-function", "A CloudFormation function cannot be evaluated here.", "Move the value into `resources`."),
    resources("value-not-found", "An export, a parameter or a secret is not in this account and region.", "Check the name, the region and the account; `hoist secrets set` keeps a secret."),
    resources("window-needed", "A batch of more than 10 messages needs a batching window.", "Add `maximumBatchingWindow: 1`."),
    resources("wrong-region", "CloudFront takes functions of us-east-1 only.", "Deploy the service to us-east-1."),
];

/// The page that lists all codes.
pub fn page() -> String {
    let mut page = String::from(
        "# Error codes\n\nEvery problem that hoist reports has a code. Warnings and notes can be silenced by their code:\n`deploy: {allow: [no-timeout]}` in `serverless.yml`; errors cannot.\n\nThis page is made from `src/config/codes.rs`.\n",
    );
    for (stage, title) in Stage::ALL {
        page.push_str(&format!("\n## {title}\n\n| code | what it means | what to do |\n| --- | --- | --- |\n"));
        for code in CODES.iter().filter(|code| code.stage == stage) {
            page.push_str(&format!("| `{}` | {} | {} |\n", code.code, code.meaning, code.remedy));
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use regex::Regex;

    use super::*;

    #[test]
    fn the_page_lists_what_the_code_has() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/error-codes.md");
        if std::env::var_os("HOIST_BLESS").is_some() {
            std::fs::write(path, page()).expect("the page can be written");
        }
        let published = std::fs::read_to_string(path).unwrap_or_default();
        assert!(published == page(), "docs/error-codes.md is out of date: run `HOIST_BLESS=1 cargo test --lib codes`");
    }

    #[test]
    fn no_code_is_listed_twice() {
        let codes: BTreeSet<&str> = CODES.iter().map(|code| code.code).collect();
        assert_eq!(codes.len(), CODES.len());
    }

    /// Looks for codes where the sources make diagnostics, so that none is forgotten here.
    #[test]
    fn every_code_of_the_sources_is_listed() {
        let made = Regex::new(r#"(?:Diagnostic::(?:error|warning|note)|\b(?:cx|self)\s*\.(?:error|warning)|\bfunction_error|\bproblem|\bfound\.add|\bcode:|\bconst CODE: &str =)\(?\s*"([a-z]+(?:-[a-z0-9]+)+)""#).expect("a pattern");
        let mut found = BTreeSet::new();
        walk(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut |text| {
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
            found.extend(made.captures_iter(code).map(|captures| captures[1].to_owned()));
        });
        assert!(found.len() > 60, "the search finds codes");
        let missing: Vec<_> = found.iter().filter(|code| CODES.iter().all(|known| known.code != **code)).collect();
        assert!(missing.is_empty(), "add to src/config/codes.rs: {missing:?}");
    }

    fn walk(folder: &Path, look: &mut impl FnMut(&str)) {
        for entry in std::fs::read_dir(folder).expect("sources can be listed").flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, look);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                look(&std::fs::read_to_string(&path).expect("sources can be read"));
            }
        }
    }
}
