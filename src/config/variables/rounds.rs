//! Resolves, fetches everything that is pending at the same time, and resolves again, until nothing is pending.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use indexmap::IndexMap;
use serde_json::Value as Json;

use super::remote::{self, Account, Answer, Found, Lookup, Remote, RemoteError};
use super::resolver::{Resolver, Stop};
use super::script::{self, Answers, Question, Script};
use super::{cells::CellId, finish};
use crate::config::json;
use crate::config::node::{Data, Node, Place};

/// How many times lookups may depend on lookups. Each round is one wait for the slowest.
const MAX_ROUNDS: usize = 24;

/// Resolves a cell and everything beneath it.
pub(super) async fn resolve(resolver: &mut Resolver<'_>, remote: Option<&dyn Remote>, start: CellId) {
    for _ in 0..MAX_ROUNDS {
        if !resolver.resolve_beneath(start) {
            return;
        }
        again(resolver, remote).await;
    }
    let root = resolver.root;
    let message = format!("lookups depend on each other more than {MAX_ROUNDS} times in a row");
    resolver.problem(root, None, "variable-too-deep", &message, &[]);
}

/// Settles one cell, whatever it takes.
pub(super) async fn settle(
    resolver: &mut Resolver<'_>,
    remote: Option<&dyn Remote>,
    cell: impl Fn(&mut Resolver<'_>) -> Result<CellId, Stop>,
) -> Result<CellId, Stop> {
    for _ in 0..MAX_ROUNDS {
        resolver.begin_round();
        match cell(resolver).and_then(|cell| resolver.settle(cell)) {
            Ok(value) => return Ok(value.cell),
            Err(Stop::Pending) => again(resolver, remote).await,
            Err(stop) => return Err(stop),
        }
    }
    Err(Stop::Failed)
}

/// A fetch may run a script that asks for more: boxed, as it leads back to itself.
fn again<'f>(
    resolver: &'f mut Resolver<'_>,
    remote: Option<&'f dyn Remote>,
) -> Pin<Box<dyn Future<Output = ()> + Send + 'f>> {
    Box::pin(fetch(resolver, remote))
}

type Fetching<'f> = Pin<Box<dyn Future<Output = Vec<(Lookup, Answer)>> + Send + 'f>>;

async fn fetch(resolver: &mut Resolver<'_>, remote: Option<&dyn Remote>) {
    let wanted = std::mem::take(&mut resolver.wanted);
    let inputs = resolver.inputs;
    let mut futures: Vec<Fetching<'_>> = Vec::new();
    let mut scripts = Vec::new();
    let mut parameters: IndexMap<(Account, bool), Vec<String>> = IndexMap::new();
    for lookup in wanted {
        match lookup {
            Lookup::Parameter { account, name, decrypt } => {
                parameters.entry((account, decrypt)).or_default().push(name);
            }
            Lookup::Script { path, address } => scripts.push((path, address)),
            Lookup::Git(command) => {
                futures.push(Box::pin(async move {
                    let answer = git(&command, &inputs.directory, &inputs.env).await;
                    vec![(Lookup::Git(command), answer)]
                }));
            }
            lookup => {
                let Some(remote) = remote else { continue };
                futures.push(Box::pin(async move {
                    let answer = single(remote, &lookup).await;
                    vec![(lookup, answer)]
                }));
            }
        }
    }
    if let Some(remote) = remote {
        for ((account, decrypt), names) in parameters {
            futures.push(Box::pin(async move { portion(remote, account, names, decrypt).await }));
        }
    }
    for answers in remote::all(futures).await {
        resolver.known.extend(answers);
    }
    // Scripts ask back, and what they ask may have to be fetched first: one after the other.
    for (path, address) in scripts {
        let answer = run_script(resolver, remote, &path, address.as_deref()).await;
        resolver.known.insert(Lookup::Script { path, address }, answer);
    }
}

async fn portion(remote: &dyn Remote, account: Account, names: Vec<String>, decrypt: bool) -> Vec<(Lookup, Answer)> {
    let found = remote.parameters(&account, &names, decrypt).await;
    let answer = |name: &String| match &found {
        Ok(found) => Ok(found.get(name).cloned().map(Found::Parameter)),
        Err(error) => Err(error.clone()),
    };
    let answers: Vec<Answer> = names.iter().map(answer).collect();
    let lookups = names.into_iter().map(|name| Lookup::Parameter { account: account.clone(), name, decrypt });
    lookups.zip(answers).collect()
}

async fn single(remote: &dyn Remote, lookup: &Lookup) -> Answer {
    match lookup {
        Lookup::AccountId(account) => remote.account_id(account).await.map(|id| Some(Found::Text(id))),
        Lookup::Stack { account, name } => Ok(remote.stack_outputs(account, name).await?.map(Found::Outputs)),
        Lookup::Object { account, bucket, key } => match remote.object(account, bucket, key).await? {
            Some(body) => match String::from_utf8(body) {
                Ok(text) => Ok(Some(Found::Text(text))),
                Err(_) => Err(RemoteError { message: String::from("the object is not UTF-8 text"), help: None }),
            },
            None => Ok(None),
        },
        Lookup::Parameter { .. } | Lookup::Git(_) | Lookup::Script { .. } => Ok(None),
    }
}

async fn git(command: &[&str], directory: &Path, env: &BTreeMap<String, String>) -> Answer {
    let mut git = tokio::process::Command::new("git");
    git.args(command).current_dir(directory).env_clear().envs(env).kill_on_drop(true);
    match git.stdin(std::process::Stdio::null()).output().await {
        Ok(output) if output.status.success() => {
            Ok(Some(Found::Text(String::from_utf8_lossy(&output.stdout).into_owned())))
        }
        // `git config` of a key that is not set says nothing: there is no such value.
        Ok(output) if output.stderr.is_empty() => Ok(None),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(RemoteError { message: format!("git says: {}", said.lines().next().unwrap_or_default()), help: None })
        }
        Err(error) => Err(RemoteError {
            message: format!("git cannot be started: {error}"),
            help: Some(String::from("install git, or give the variable a fallback")),
        }),
    }
}

async fn run_script(
    resolver: &mut Resolver<'_>,
    remote: Option<&dyn Remote>,
    file: &Path,
    address: Option<&str>,
) -> Answer {
    let inputs = resolver.inputs;
    let script = Script { file, address, directory: &inputs.directory, options: &inputs.options, env: &inputs.env };
    let mut answers = FromResolver { resolver, remote, file: file.to_owned(), secret: false };
    match script::run(&script, &mut answers).await {
        Ok(Json::Null) => Ok(None),
        Ok(value) => Ok(Some(Found::Json(value, answers.secret))),
        // What a script throws may quote what it was told.
        Err(error) if answers.secret => Err(RemoteError {
            message: String::from("it failed after it had been given a secret, which its words may show"),
            help: error.help,
        }),
        Err(error) => Err(error),
    }
}

/// Answers a script out of the configuration that it is part of.
struct FromResolver<'f, 'a> {
    resolver: &'f mut Resolver<'a>,
    remote: Option<&'f dyn Remote>,
    file: PathBuf,
    /// Whether it was given a secret: what it makes is one from then on.
    secret: bool,
}

impl Answers for FromResolver<'_, '_> {
    async fn answer(&mut self, question: Question) -> Result<Json, String> {
        let root = self.resolver.root;
        let place = Place { end: 0, ..self.resolver.cells.get(root).place };
        let before = self.resolver.diagnostics.len();
        let cell = match &question {
            Question::Variable(text) => {
                let cell = self.resolver.expression(&format!("${{{text}}}"), place);
                settle(self.resolver, self.remote, |_| Ok(cell)).await
            }
            Question::Property(keys) => {
                let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
                settle(self.resolver, self.remote, |resolver| resolver.navigate(root, &keys).map(|value| value.cell))
                    .await
            }
        };
        if let Ok(cell) = cell {
            resolve(self.resolver, self.remote, cell).await;
        }
        // What goes wrong here is the script's to handle or to report: it may well have a way around it.
        let mut problems = self.resolver.diagnostics.split_off(before);
        match (cell, problems.pop()) {
            (Ok(cell), _) => {
                let tree = finish::tree(self.resolver, cell);
                self.secret |= holds_secret(&tree);
                Ok(json::in_the_clear(&tree))
            }
            (Err(_), Some(problem)) => Err(problem.message),
            (Err(_), None) if matches!(question, Question::Property(_)) => Ok(Json::Null),
            (Err(_), None) => Err(format!("a variable that {} asks for has no value", self.file.display())),
        }
    }
}

fn holds_secret(node: &Node) -> bool {
    node.secret
        || match &node.data {
            Data::List(items) => items.iter().any(holds_secret),
            Data::Map(map) => map.values().any(|entry| holds_secret(&entry.value)),
            _ => false,
        }
}
