//! A function behind an API without a timeout of its own gets 6 seconds, which slow starts and calls exceed.

use super::{Checked, Lint};
use crate::config::diagnostic::Diagnostic;
use crate::config::language::effective::DEFAULT_TIMEOUT;
use crate::config::language::events::Trigger;

pub(super) const LINT: Lint = Lint {
    code: "no-timeout",
    why: "a function behind an API gets 6 seconds when no timeout is set, which a slow start can exceed",
    run,
};

/// Says it once for a service, with the functions that it is about.
fn run(checked: &Checked<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let behind: Vec<_> = checked
        .functions
        .iter()
        .filter(|one| !one.has_timeout())
        .filter(|one| {
            let routed = |trigger: &Trigger| matches!(trigger, Trigger::Http(_) | Trigger::HttpApi(_));
            one.function.events.iter().any(|event| routed(&event.trigger))
        })
        .collect();
    let Some(first) = behind.first() else { return };
    let place = checked.service.functions.key_place(first.key).unwrap_or(first.function.place);
    let path = format!("functions.{}", first.key);
    let others = match behind.len() {
        1 => String::new(),
        2 => format!(" (as `{}`)", behind[1].key),
        count => format!(" (as {} others)", count - 1),
    };
    diagnostics.push(
        Diagnostic::warning(
            LINT.code,
            format!("{path}: no timeout is set behind an API, so it is {DEFAULT_TIMEOUT} seconds{others}"),
        )
        .path(path)
        .at(place)
        .help("set `timeout` in the function or in `provider`, up to 29 seconds"),
    );
}

#[cfg(test)]
mod tests {
    use super::super::testing::in_functions;
    use super::LINT;

    #[test]
    fn says_once_which_functions_have_none() {
        assert_eq!(
            in_functions(
                &LINT,
                "  a: {handler: a.b, events: [http: GET /a]}\n  b: {handler: a.b, timeout: 10, events: [http: GET /b]}\n  c: {handler: a.b, events: [httpApi: '*']}\n  d: {handler: a.b}\n"
            ),
            "4:3 warning[no-timeout] functions.a: no timeout is set behind an API, so it is 6 seconds (as `c`)"
        );
    }
}
