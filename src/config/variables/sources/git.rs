//! `${git:sha1}` and the like: what git says about the service's directory.

use super::{Request, Resolver, Source, Stop, Value, misused};
use crate::config::node::Data;
use crate::config::suggest;
use crate::config::variables::remote::{Found, Lookup};

pub(super) struct Git;

/// What can be asked, and what git is asked for it.
const QUESTIONS: &[(&str, &[&str])] = &[
    ("branch", &["rev-parse", "--abbrev-ref", "HEAD"]),
    ("commit", &["rev-parse", "HEAD"]),
    ("describe", &["describe", "--always"]),
    ("describeLight", &["describe", "--always", "--tags"]),
    ("email", &["config", "user.email"]),
    ("isDirty", &["status", "--porcelain"]),
    ("message", &["log", "-1", "--format=%B"]),
    ("repository", &["rev-parse", "--show-toplevel"]),
    ("sha1", &["rev-parse", "--short", "HEAD"]),
    ("tags", &["tag", "--points-at", "HEAD"]),
    ("user", &["config", "user.name"]),
];

impl Source for Git {
    fn name(&self) -> &'static str {
        "git"
    }

    fn about(&self) -> &'static str {
        "what git knows: branch, commit, sha1, describe, describeLight, message, tags, user, email, repository, isDirty"
    }

    fn resolve(&self, request: &Request<'_>, resolver: &mut Resolver<'_>) -> Result<Value, Stop> {
        let asked = request.address().unwrap_or_default();
        let Some((question, command)) = QUESTIONS.iter().find(|(question, _)| *question == asked) else {
            let message = format!("`{}` is nothing that git is asked", request.variable.written);
            let names = QUESTIONS.iter().map(|(question, _)| *question);
            let help = match suggest::nearest(&asked, names.clone()) {
                Some(near) => format!("did you mean `${{git:{near}}}`?"),
                None => format!("it can be asked for {}", names.collect::<Vec<_>>().join(", ")),
            };
            return Err(misused(request, resolver, &message, &help));
        };
        let Found::Text(said) = resolver.lookup(request, Lookup::Git(command.to_vec()))? else {
            return Err(Stop::Missing);
        };
        let said = said.trim();
        let text = match *question {
            "isDirty" => (!said.is_empty()).to_string(),
            "repository" => said.rsplit(['/', '\\']).next().unwrap_or(said).to_owned(),
            "tags" => said.lines().collect::<Vec<_>>().join("::"),
            _ => said.to_owned(),
        };
        if text.is_empty() && *question != "tags" {
            return Err(Stop::Missing);
        }
        Ok(resolver.value(request, Data::String(text), false))
    }
}
