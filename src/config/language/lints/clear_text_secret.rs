//! Passwords and keys that stand in the file, where everyone who can read the repository or the function sees them.

use std::sync::LazyLock;

use regex::Regex;

use super::{Checked, Lint};
use crate::config::decode::Cf;
use crate::config::diagnostic::Diagnostic;
use crate::config::pattern::compiled;

pub(super) const LINT: Lint = Lint {
    code: "clear-text-secret",
    why: "whoever can read the repository or the function's configuration can read the secret",
    run,
};

/// Names that say what they hold, in small letters. A part of a name counts, `TOKEN_URL` and `SECRET_NAME` do not.
static NAMES: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        "(^|_)(password|passwd|pwd|secret|token|api_?key|private_?key|access_?key|client_?secret|auth_?key|credentials?|jwt_?secret|(db|database|mongo(db)?|postgres|mysql|redis)_?(pass|password))$",
    )
});

/// Forms that are secrets whatever they are called: AWS, GitHub, Slack, Stripe, Google, private keys, and addresses
/// with a password in them.
static VALUES: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        "^(AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{30,}|xox[abprs]-[A-Za-z0-9-]{10,}|sk_live_[A-Za-z0-9]{16,}|AIza[A-Za-z0-9_-]{30,}|-----BEGIN [A-Z ]*PRIVATE KEY|[a-z+]+://[^/:@\\s]+:[^/@\\s$<{]{4,}@)",
    )
});

fn run(checked: &Checked<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let provider = &checked.service.provider;
    for (name, variable) in &provider.environment.0 {
        look(&format!("provider.environment.{name}"), name, variable.value.as_ref(), diagnostics);
    }
    for one in &checked.functions {
        for (name, variable) in &one.function.environment.0 {
            look(&format!("functions.{}.environment.{name}", one.key), name, variable.value.as_ref(), diagnostics);
        }
    }
}

fn look(path: &str, name: &str, value: Option<&Cf>, diagnostics: &mut Vec<Diagnostic>) {
    let Some(value) = value else { return };
    // What came out of a variable does not stand in the file, and a known secret is already looked after.
    let is_the_machines = value.node().reference.as_ref().is_some_and(|reference| reference.private);
    if value.is_secret() || is_the_machines || !value.node().origins.is_empty() {
        return;
    }
    let Some(text) = value.as_str() else { return };
    if looks_secret(name, text) {
        diagnostics.push(
            Diagnostic::warning(LINT.code, format!("{path}: a secret in clear text"))
                .path(path)
                .at(value.place())
                .help(format!(
                    "keep it outside: `secrets: {{{name}: ssm:/path/of/parameter}}` (see `hoist secrets set`)"
                )),
        );
    }
}

/// Whether a value looks like a secret, by the name of its key or by its form.
pub fn looks_secret(name: &str, text: &str) -> bool {
    (NAMES.is_match(&name.to_ascii_lowercase()) && looks_real(text)) || VALUES.is_match(text)
}

/// Whether a value could be a secret: not empty, no placeholder, no name or address of one, no reference to one.
fn looks_real(text: &str) -> bool {
    let lower = text.to_lowercase();
    text.len() >= 4
        && !text.contains("${")
        && !text.contains("{{resolve:")
        && !text.starts_with("arn:")
        && !text.starts_with('/')
        && !text.starts_with("http")
        && !["xxx", "your", "change", "replace", "example", "dummy", "placeholder", "todo", "<", "***", "local"]
            .iter()
            .any(|word| lower.contains(word))
}

#[cfg(test)]
mod tests {
    use super::super::testing::in_functions;
    use super::LINT;

    #[test]
    fn finds_secrets_by_name_and_by_form() {
        let found = in_functions(
            &LINT,
            "  f:
    handler: a.b
    environment:
      DB_PASSWORD: hunter22
      API_KEY: <your key>
      TOKEN_URL: https://example.com/token
      SECRET_NAME: /shop/dev/db
      DATABASE: postgres://shop:hunter22@db.example.com/shop
      STRIPE: sk_live_0123456789abcdef0123
      PASSWORD: !Ref Password
      JWT_SECRET: '{{resolve:secretsmanager:shop:SecretString:jwt}}'
",
        );
        insta::assert_snapshot!(found, @r"
        7:20 warning[clear-text-secret] functions.f.environment.DB_PASSWORD: a secret in clear text
        11:17 warning[clear-text-secret] functions.f.environment.DATABASE: a secret in clear text
        12:15 warning[clear-text-secret] functions.f.environment.STRIPE: a secret in clear text
        ");
        assert!(!found.contains("hunter22"));
    }
}
