//! A function that serves many routes starts afresh for all of them when one changes, and has the rights of all.

use super::{Checked, Lint};
use crate::config::diagnostic::Diagnostic;
use crate::config::language::events::Trigger;

pub(super) const LINT: Lint = Lint {
    code: "many-routes",
    why: "one change of a function restarts every route that it serves, and each route has the rights of all",
    run,
};

/// From here on it is said; a handful of routes of one resource belongs together.
const MANY: usize = 15;

fn run(checked: &Checked<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for one in &checked.functions {
        let routed = |trigger: &Trigger| matches!(trigger, Trigger::Http(_) | Trigger::HttpApi(_));
        let routes = one.function.events.iter().filter(|event| routed(&event.trigger)).count();
        if routes < MANY {
            continue;
        }
        let path = format!("functions.{}.events", one.key);
        diagnostics.push(
            Diagnostic::warning(LINT.code, format!("{path}: the function serves {routes} routes, so one change restarts them all"))
                .path(path)
                .at(one.function.place_of("events"))
                .help("give groups of routes functions of their own, or let the function route by itself behind `ANY /{proxy+}`"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::in_functions;
    use super::LINT;

    #[test]
    fn counts_the_routes_of_a_function() {
        let routes = |count: usize| -> String {
            (0..count).map(|index| format!("http: GET /{index}")).collect::<Vec<_>>().join(", ")
        };
        let found = in_functions(
            &LINT,
            &format!(
                "  a: {{handler: a.b, events: [{}]}}\n  b: {{handler: a.b, events: [{}]}}\n",
                routes(15),
                routes(14)
            ),
        );
        assert_eq!(
            found,
            "4:29 warning[many-routes] functions.a.events: the function serves 15 routes, so one change restarts them all"
        );
    }
}
