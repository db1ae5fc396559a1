//! Runtimes: unknown, gone, deprecated. Each name is said once, with how many functions use it.

use indexmap::IndexMap;

use super::Checked;
use crate::config::decode::nearest;
use crate::config::diagnostic::Diagnostic;
use crate::config::language::runtimes::{RUNTIMES, Runtime, find, successor};
use crate::config::node::Place;

pub(super) fn check(checked: &Checked<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let provider = &checked.service.provider;
    let mut named: IndexMap<&str, (String, Place, usize)> = IndexMap::new();
    if let Some(runtime) = provider.runtime.as_deref() {
        named.insert(runtime, ("provider.runtime".to_owned(), provider.place_of("runtime"), 0));
    }
    for one in &checked.functions {
        let Some(runtime) = one.runtime() else { continue };
        let path = format!("functions.{}.runtime", one.key);
        named.entry(runtime).or_insert_with(|| (path, one.runtime_place(), 0)).2 += 1;
    }
    for (runtime, (path, place, uses)) in named {
        if runtime.contains("${") {
            continue;
        }
        // The provider's runtime is only a problem when a function has it.
        let unused = uses == 0 && !checked.functions.is_empty();
        let diagnostic = match find(runtime) {
            None => unknown(runtime, &path),
            Some(_) if unused => continue,
            Some(known) => match state(known, checked) {
                Some(diagnostic) => {
                    let message = format!("{path}: {}", diagnostic.message);
                    Diagnostic { message, ..diagnostic }
                }
                None => continue,
            },
        };
        diagnostics.push(diagnostic.path(path).at(place));
    }
}

fn unknown(runtime: &str, path: &str) -> Diagnostic {
    let diagnostic = Diagnostic::error("runtime-unknown", format!("{path}: `{runtime}` is not a runtime of Lambda"));
    // A version that does not exist is nearest to the newest of its language, not to the one with fewest edits.
    let supported = RUNTIMES.iter().filter(|known| !known.removed).map(|known| known.name);
    let near = nearest(runtime, supported).or_else(|| successor(runtime));
    match (near, runtime) {
        (_, name) if name.starts_with("php") => {
            diagnostic.help("the PHP runtimes of Bref are layers: use `provided.al2023` with Bref's layer ARN")
        }
        (Some(near), _) => diagnostic.label(format!("did you mean `{near}`?")).help(format!("write `{near}`")),
        (None, _) => diagnostic.help("for other languages use `provided.al2023` with an executable called `bootstrap`"),
    }
}

fn state(runtime: &Runtime, checked: &Checked<'_>) -> Option<Diagnostic> {
    let (name, date) = (runtime.name, runtime.deprecated());
    let diagnostic = if runtime.removed {
        Diagnostic::error(
            "runtime-removed",
            format!("Lambda has not accepted `{name}` since it was deprecated on {date}"),
        )
    } else if date <= checked.context.today {
        Diagnostic::warning(
            "runtime-deprecated",
            format!("`{name}` has been deprecated since {date}: no security updates"),
        )
    } else if date.since(checked.context.today).is_ok_and(|left| left.get_days() < 90) {
        Diagnostic::warning("runtime-deprecated", format!("`{name}` will be deprecated on {date}"))
    } else {
        return None;
    };
    Some(match successor(name) {
        Some(newest) => diagnostic.help(format!("move to `{newest}`")),
        None => diagnostic,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::in_functions;

    #[test]
    fn says_unknown_gone_and_deprecated_runtimes_once_each() {
        insta::assert_snapshot!(
            in_functions(
                "  a: {handler: a.b, runtime: nodesj22.x}\n  b: {handler: a.b, runtime: nodejs12.x}\n  c: {handler: a.b, runtime: python3.9}\n  d: {handler: a.b, runtime: python3.9}\n  e: {handler: a.b, runtime: python3.13}\n"
            ),
            @r"
        4:30 error[runtime-unknown] functions.a.runtime: `nodesj22.x` is not a runtime of Lambda
        5:30 error[runtime-removed] functions.b.runtime: Lambda has not accepted `nodejs12.x` since it was deprecated on 2023-03-31
        6:30 warning[runtime-deprecated] functions.c.runtime: `python3.9` has been deprecated since 2025-12-15: no security updates
        "
        );
    }
}
