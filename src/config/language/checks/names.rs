//! Names that are generated or given: their lengths, and that each is there once.

use std::collections::HashMap;

use super::{Checked, function_error};
use crate::config::diagnostic::Diagnostic;

/// <https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html>
const MAX_FUNCTION_NAME: usize = 64;

/// <https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html>
const MAX_DESCRIPTION: usize = 256;

/// Tags of one resource: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-tags.html>. hoist sets four.
const MAX_TAGS: usize = 46;

pub(super) fn check(checked: &Checked<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let mut seen: HashMap<String, &str> = HashMap::new();
    for one in &checked.functions {
        let name = one.name();
        let (key, place) = match &one.function.name {
            Some(_) => ("name", one.function.place_of("name")),
            None => ("", checked.service.functions.key_place(one.key).unwrap_or(one.function.place)),
        };
        if name.contains("${") {
            continue;
        }
        let length = name.chars().count();
        if length > MAX_FUNCTION_NAME {
            let problem = format!(
                "the name `{name}` has {length} characters, more than the {MAX_FUNCTION_NAME} that Lambda allows"
            );
            diagnostics.push(
                function_error("name-too-long", one, key, place, problem)
                    .help("give the function a shorter `name`, or shorten service, stage or key"),
            );
        }
        match seen.get(&name) {
            Some(first) => {
                let first_place = checked.service.functions.get(*first).map_or(place, |function| function.place);
                diagnostics.push(
                    function_error("duplicate-name", one, key, place, format!("`{name}` is the name of `{first}` too"))
                        .related(format!("`{first}`"), first_place)
                        .help("give one of them another `name`"),
                );
            }
            None => {
                seen.insert(name, one.key);
            }
        }
        let description =
            one.function.description.as_ref().and_then(super::known).map_or(0, |text| text.chars().count());
        if description > MAX_DESCRIPTION {
            let place = one.function.place_of("description");
            let problem = format!("{description} characters are more than the {MAX_DESCRIPTION} that are allowed");
            diagnostics.push(function_error("bad-format", one, "description", place, problem));
        }
        if one.tags().len() > MAX_TAGS {
            diagnostics.push(function_error(
                "too-many-tags",
                one,
                "tags",
                one.function.place_of("tags"),
                format!("{} tags are more than the {MAX_TAGS} that fit beside hoist's own", one.tags().len()),
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::in_functions;

    #[test]
    fn names_fit_and_are_there_once() {
        let long = "f".repeat(60);
        let found = in_functions(&format!(
            "  {long}: {{handler: a.b}}\n  one: {{handler: a.b, name: same}}\n  two: {{handler: a.b, name: same}}\n"
        ));
        assert!(found.starts_with("4:3 error[name-too-long]") && found.contains("has 69 characters"), "{found}");
        assert!(
            found.ends_with("6:29 error[duplicate-name] functions.two.name: `same` is the name of `one` too"),
            "{found}"
        );
    }
}
