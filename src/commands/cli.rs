//! The command line: what was typed, as types. Nothing of AWS is made here.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgAction, Args, Parser, Subcommand};

use super::error::Exit;
use super::{
    completions, deploy, diff, domain, history, info, invoke, logs, package, print, remove, rollback, schema, secrets,
    validate,
};
use crate::screen::{Colour, Screen};

/// Deploys a serverless.yml by calling the AWS APIs directly: live diff, no state file, no CloudFormation stack for
/// your functions.
#[derive(Debug, Parser)]
#[command(name = "hoist", version, propagate_version = true, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 done or no difference, 1 failed, 2 differences (diff --exit-code), 130 interrupted."
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options that every command takes.
#[derive(Args, Clone, Debug)]
pub struct Global {
    /// Configuration file [default: serverless.yml, .yaml, .json, .js, .mjs, .cjs or .ts in the current directory]
    #[arg(short, long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Stage [default: provider.stage, else dev]
    #[arg(short, long, global = true)]
    pub stage: Option<String>,
    /// AWS region [default: provider.region, else us-east-1]
    #[arg(short, long, global = true)]
    pub region: Option<String>,
    /// AWS profile for credentials
    #[arg(long, global = true, value_name = "NAME")]
    pub aws_profile: Option<String>,
    /// A parameter for ${param:KEY}; may be given several times
    #[arg(long = "param", global = true, value_name = "KEY=VALUE", value_parser = key_value)]
    pub params: Vec<(String, String)>,
    /// Refuse plugins that hoist does not know, instead of warning about them
    #[arg(long, global = true)]
    pub strict: bool,
    /// Results as JSON lines on standard output, for machines
    #[arg(long, global = true)]
    pub json: bool,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto, value_name = "WHEN")]
    pub color: Colour,
    /// Say more: -v calls to AWS, -vv requests
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the account match the file
    Deploy(deploy::Deploy),
    /// Show what a deploy would change, from what is live
    Diff(diff::Diff),
    /// Delete everything that hoist made for this service and stage
    Remove(remove::Remove),
    /// Show what was deployed, when and by whom
    History(history::History),
    /// Go back to an earlier deployment: code, configuration, routes and triggers
    Rollback(rollback::Rollback),
    /// Make or delete the custom domains of the APIs
    Domain(domain::Domain),
    /// Call a function
    Invoke(invoke::Invoke),
    /// Show a function's logs
    Logs(logs::Logs),
    /// Show what is deployed
    Info(info::Info),
    /// Keep the secrets that `secrets:` refers to
    Secrets(secrets::Secrets),
    /// Write the zips and .hoist/resources.json, without AWS
    Package(package::Package),
    /// Check the file, without AWS
    Validate(validate::Validate),
    /// Print the configuration with its variables resolved, secrets masked
    Print(print::Print),
    /// Print the JSON Schema of serverless.yml
    Schema(schema::Schema),
    /// Print a completion script for a shell
    Completions(completions::Completions),
}

/// Parses the arguments of this process, runs the command, and gives the exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(said) => {
            let _ = said.print();
            // clap's own 2 would tell a script that `diff --exit-code` found something.
            return if said.use_stderr() { Exit::Failed } else { Exit::Done }.into();
        }
    };
    let screen = Screen::new(cli.global.json, cli.global.color, cli.global.verbose);
    run(cli, &screen).into()
}

fn run(cli: Cli, screen: &Screen) -> Exit {
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            screen.error(&format!("cannot start: {error}"), &[]);
            return Exit::Failed;
        }
    };
    let global = cli.global;
    let result = runtime.block_on(async {
        match cli.command {
            Command::Deploy(command) => command.run(&global, screen).await,
            Command::Diff(command) => command.run(&global, screen).await,
            Command::Remove(command) => command.run(&global, screen).await,
            Command::History(command) => command.run(&global, screen).await,
            Command::Rollback(command) => command.run(&global, screen).await,
            Command::Domain(command) => command.run(&global, screen).await,
            Command::Invoke(command) => command.run(&global, screen).await,
            Command::Logs(command) => command.run(&global, screen).await,
            Command::Info(command) => command.run(&global, screen).await,
            Command::Secrets(command) => command.run(&global, screen).await,
            Command::Package(command) => command.run(&global, screen).await,
            Command::Validate(command) => command.run(&global, screen).await,
            Command::Print(command) => command.run(&global, screen).await,
            Command::Schema(command) => Ok(command.run(screen)),
            Command::Completions(command) => command.run::<Cli>(screen),
        }
    });
    // A blocking read of a terminal or a file must not keep a finished command from ending.
    runtime.shutdown_background();
    match result {
        Ok(exit) => exit,
        Err(error) => {
            error.show(screen);
            error.exit()
        }
    }
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_parameter_is_split_at_its_first_equals_sign() {
        assert_eq!(key_value("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert!(key_value("=x").is_err());
        assert!(key_value("x").is_err());
    }
}
