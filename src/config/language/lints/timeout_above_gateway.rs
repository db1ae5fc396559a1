//! API Gateway gives up after 29 seconds (REST) or 30 seconds (HTTP): a longer function runs on unheard.

use super::{Checked, Lint};
use crate::config::diagnostic::Diagnostic;
use crate::config::language::events::Trigger;

pub(super) const LINT: Lint = Lint {
    code: "timeout-above-gateway",
    why: "API Gateway answers with an error after 29 seconds, while the function runs on and is paid for",
    run,
};

/// Integration timeouts: <https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html>.
const REST: i64 = 29;
const HTTP: i64 = 30;

fn run(checked: &Checked<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let raised = checked.service.provider.api_gateway.as_ref().and_then(|api| api.timeout_in_millis);
    for one in &checked.functions {
        let timeout = one.timeout();
        let limit = one.function.events.iter().find_map(|event| match &event.trigger {
            Trigger::Http(http) if http.asynchronous != Some(true) => {
                let own = http.timeout_in_millis.or(raised).map_or(REST * 1000, |millis| millis.get());
                (timeout * 1000 > own).then(|| ("a REST API", own as f64 / 1000.0))
            }
            Trigger::HttpApi(_) => (timeout > HTTP).then_some(("an HTTP API", HTTP as f64)),
            _ => None,
        });
        let Some((api, limit)) = limit else { continue };
        let path = format!("functions.{}.timeout", one.key);
        let place = if one.function.timeout.is_some() {
            one.function.place_of("timeout")
        } else {
            checked.service.provider.place_of("timeout")
        };
        diagnostics.push(
            Diagnostic::warning(
                LINT.code,
                format!("{path}: {timeout} seconds are more than the {limit} that {api} waits"),
            )
            .path(path)
            .at(place)
            .help("lower the timeout, or answer at once and let a queue carry the work"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::in_functions;
    use super::LINT;

    #[test]
    fn looks_at_functions_behind_an_api() {
        assert_eq!(
            in_functions(
                &LINT,
                "  a: {handler: a.b, timeout: 60, events: [http: GET /a]}\n  b: {handler: a.b, timeout: 29, events: [http: GET /b]}\n  c: {handler: a.b, timeout: 900}\n  d: {handler: a.b, timeout: 60, events: [http: {path: d, method: post, async: true}]}\n"
            ),
            "4:30 warning[timeout-above-gateway] functions.a.timeout: 60 seconds are more than the 29 that a REST API waits"
        );
    }
}
