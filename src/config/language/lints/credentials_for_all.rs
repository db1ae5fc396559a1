//! CORS that allows credentials and every origin at once: browsers refuse such answers.

use super::{Checked, Lint};
use crate::config::decode::Toggle;
use crate::config::diagnostic::Diagnostic;
use crate::config::language::events::Trigger;

pub(super) const LINT: Lint = Lint {
    code: "credentials-for-all",
    why: "browsers refuse credentials when every origin is allowed, so calls with cookies fail",
    run,
};

fn run(checked: &Checked<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let mut warn = |path: String, place| {
        diagnostics.push(
            Diagnostic::warning(LINT.code, format!("{path}: credentials are allowed together with every origin"))
                .path(path)
                .at(place)
                .help("name the origins that may call with credentials"),
        );
    };
    for one in &checked.functions {
        for event in &one.function.events {
            if let Trigger::Http(http) = &event.trigger
                && let Some(Toggle::With(cors)) = &http.cors
                && cors.allow_credentials == Some(true)
                && (cors.origin.as_deref() == Some("*") || cors.origins.iter().any(|origin| origin == "*"))
            {
                warn(format!("functions.{}.events[{}].http.cors", one.key, event.index), http.place_of("cors"));
            }
        }
    }
    let api = checked.service.provider.http_api.as_ref();
    if let Some((api, Toggle::With(cors))) = api.and_then(|api| Some((api, api.cors.as_ref()?)))
        && cors.allow_credentials == Some(true)
        && cors.allowed_origins.iter().flatten().any(|origin| origin == "*")
    {
        warn("provider.httpApi.cors".to_owned(), api.place_of("cors"));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::in_functions;
    use super::LINT;

    #[test]
    fn finds_cors_that_browsers_refuse() {
        assert_eq!(
            in_functions(
                &LINT,
                "  a: {handler: a.b, events: [http: {path: a, method: get, cors: {origin: '*', allowCredentials: true}}]}\n  b: {handler: a.b, events: [http: {path: b, method: get, cors: {origin: 'https://a.example', allowCredentials: true}}]}\n"
            ),
            "4:65 warning[credentials-for-all] functions.a.events[0].http.cors: credentials are allowed together with every origin"
        );
    }
}
