//! Provisioned concurrency that follows the load: what has to fit together.

use super::{Checked, function_error};
use crate::config::diagnostic::Diagnostic;

pub(super) fn check(checked: &Checked<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for one in &checked.functions {
        let function = one.function;
        let Some(toggle) = function.concurrency_autoscaling.as_ref().filter(|toggle| toggle.is_on()) else { continue };
        let whole = function.place_of("concurrencyAutoscaling");
        let settings = toggle.settings();
        let mut problem = |code: &'static str, key: &str, problem: String, help: &str| {
            let path = if key.is_empty() { String::new() } else { format!(".{key}") };
            let place = settings.and_then(|settings| settings.places.get(key)).unwrap_or(whole);
            let path = format!("concurrencyAutoscaling{path}");
            diagnostics.push(function_error(code, one, &path, place, problem).help(help));
        };
        if settings.is_some_and(|settings| settings.enabled == Some(false)) {
            continue;
        }
        let Some(provisioned) = &function.provisioned_concurrency else {
            problem(
                "missing-key",
                "",
                "there is nothing to scale without `provisionedConcurrency`".to_owned(),
                "add `provisionedConcurrency`: the number that the function starts with",
            );
            continue;
        };
        if let Some(alias) = settings.and_then(|settings| settings.alias.as_deref())
            && alias != provisioned.alias()
        {
            problem(
                "unknown-alias",
                "alias",
                format!("`{alias}` is not the alias with the provisioned environments, `{}`", provisioned.alias()),
                "take `alias` away: what is provisioned is scaled",
            );
        }
        let Some(scaling) = function.scaling() else { continue };
        if scaling.minimum > scaling.maximum {
            let what = format!("{} is above the maximum of {}", scaling.minimum, scaling.maximum);
            problem("out-of-range", "minimum", what, "lower `minimum` or raise `maximum`, which is 10 by default");
        }
        if !(scaling.usage > 0.0 && scaling.usage <= 1.0) {
            let what = format!("{} is no share: it has to be above 0 and at most 1", scaling.usage);
            problem("out-of-range", "usage", what, "write 0.75 for three of four environments at work");
        }
        let reserved = function.reserved_concurrency.as_ref().and_then(|count| count.value()).map(|count| count.get());
        if let Some(reserved) = reserved.filter(|reserved| scaling.maximum > *reserved) {
            let what = format!("{} is above the reserved concurrency of {reserved}", scaling.maximum);
            let help = "Lambda takes provisioned environments out of the reserved ones: raise one or lower the other";
            problem("provisioned-above-reserved", "maximum", what, help);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::in_functions;

    #[test]
    fn bounds_share_and_alias_fit_together() {
        insta::assert_snapshot!(
            in_functions(
                "  a: {handler: a.b, concurrencyAutoscaling: true}\n  b: {handler: a.b, provisionedConcurrency: 1, concurrencyAutoscaling: {alias: live, minimum: 11}}\n  c: {handler: a.b, provisionedConcurrency: 1, reservedConcurrency: 5, concurrencyAutoscaling: {usage: 75}}\n  d: {handler: a.b, concurrencyAutoscaling: {enabled: false}}\n  e: {handler: a.b, provisionedConcurrency: 0, concurrencyAutoscaling: {minimum: 11}}\n"
            ),
            @r"
        4:45 error[missing-key] functions.a.concurrencyAutoscaling: there is nothing to scale without `provisionedConcurrency`
        5:80 error[unknown-alias] functions.b.concurrencyAutoscaling.alias: `live` is not the alias with the provisioned environments, `provisioned`
        5:95 error[out-of-range] functions.b.concurrencyAutoscaling.minimum: 11 is above the maximum of 10
        6:104 error[out-of-range] functions.c.concurrencyAutoscaling.usage: 75 is no share: it has to be above 0 and at most 1
        6:96 error[provisioned-above-reserved] functions.c.concurrencyAutoscaling.maximum: 10 is above the reserved concurrency of 5
        "
        );
    }
}
