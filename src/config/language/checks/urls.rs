//! Function URLs.

use super::{Checked, function_error};
use crate::config::diagnostic::Diagnostic;

/// Letters of a method, as `DELETE` has them. Longer ones are refused, and that is `OPTIONS`.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_Cors.html>
const LONGEST_METHOD: usize = 6;

pub(super) fn check(checked: &Checked<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for one in &checked.functions {
        let settings = one.function.url.as_ref().and_then(|url| url.settings());
        let Some(cors) = settings.and_then(|url| url.cors.as_ref()).and_then(|cors| cors.settings()) else { continue };
        let methods = cors.allowed_methods.value().map(Vec::as_slice).unwrap_or_default();
        if let Some(method) = methods.iter().find(|method| method.len() > LONGEST_METHOD) {
            let problem = format!("Lambda does not take the method {method} here");
            let place = cors.place_of("allowedMethods");
            diagnostics.push(
                function_error("unknown-value", one, "url.cors.allowedMethods", place, problem)
                    .help("take it away: a function URL answers OPTIONS by itself"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::in_functions;

    #[test]
    fn preflight_requests_are_answered_without_being_named() {
        insta::assert_snapshot!(
            in_functions("  page: {handler: a.b, url: {cors: {allowedMethods: [GET, OPTIONS, DELETE]}}}\n  open: {handler: a.b, url: {cors: {allowedMethods: ['*']}}}\n"),
            @"4:53 error[unknown-value] functions.page.url.cors.allowedMethods: Lambda does not take the method OPTIONS here"
        );
    }
}
