//! Where the code of functions and layers comes from.

use super::{Checked, function_error};
use crate::config::diagnostic::Diagnostic;

/// Layers of a function: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.
const MAX_LAYERS: usize = 5;

pub(super) fn check(checked: &Checked<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for one in &checked.functions {
        let function = one.function;
        match (&function.handler, &function.image) {
            (Some(_), Some(_)) => diagnostics.push(
                function_error(
                    "handler-and-image",
                    one,
                    "image",
                    function.place_of("image"),
                    "a function has a handler or an image, not both",
                )
                .related("the handler", function.place_of("handler"))
                .help("take one of the two away"),
            ),
            (None, None) => {
                let place = checked.service.functions.key_place(one.key).unwrap_or(function.place);
                diagnostics.push(
                    function_error("missing-key", one, "", place, "`handler` is missing")
                        .help("add `handler: file.function`, or `image` for a container image"),
                );
            }
            _ => {}
        }
        if let Some(image) = one.image() {
            let known = checked.service.provider.ecr.as_ref().map(|ecr| &ecr.images);
            match (&image.name, &image.uri) {
                (Some(_), Some(_)) | (None, None) => diagnostics.push(function_error(
                    "image-name-or-uri",
                    one,
                    "image",
                    function.place_of("image"),
                    "an image is named by `name` or by `uri`, exactly one of them",
                )),
                (Some(name), None)
                    if !name.contains("${") && !known.is_some_and(|images| images.contains_key(name.as_str())) =>
                {
                    let names = known.into_iter().flat_map(|images| images.keys().map(String::as_str));
                    let near = crate::config::decode::nearest(name, names);
                    let mut diagnostic = function_error(
                        "unknown-image",
                        one,
                        "image",
                        function.place_of("image"),
                        format!("`{}` is not in `provider.ecr.images`", name.as_str()),
                    );
                    diagnostic = match near {
                        Some(near) => diagnostic.label(format!("did you mean `{near}`?")),
                        None => {
                            diagnostic.help("add it there, with `path` to build it or `uri` to use one that is there")
                        }
                    };
                    diagnostics.push(diagnostic);
                }
                (Some(name), None) => {
                    let named = known.and_then(|images| images.get(name.as_str()));
                    if named.is_some_and(|image| image.uri.is_none()) {
                        diagnostics.push(
                            function_error(
                                "image-not-built",
                                one,
                                "image",
                                function.place_of("image"),
                                format!("hoist does not build the image `{}`", name.as_str()),
                            )
                            .help("build and push it before the deploy, and give its `uri`: `<repository>:<tag>`"),
                        );
                    }
                }
                _ => {}
            }
            if function.layers.is_some() {
                diagnostics.push(
                    function_error(
                        "image-with-layers",
                        one,
                        "layers",
                        function.place_of("layers"),
                        "a container image cannot have layers",
                    )
                    .help("copy what they hold into the image"),
                );
            }
        }
        if one.layers().len() > MAX_LAYERS {
            let (path, place) = match &function.layers {
                Some(_) => ("layers", function.place_of("layers")),
                None => ("", checked.service.provider.place_of("layers")),
            };
            let problem = format!("{} layers are more than the {MAX_LAYERS} that Lambda allows", one.layers().len());
            diagnostics.push(function_error("too-many-layers", one, path, place, problem));
        }
    }
    layer_arns(checked, diagnostics);
    for (key, layer) in &checked.service.layers {
        let artifact = layer.package.as_ref().is_some_and(|package| package.artifact.is_some());
        if layer.path.is_none() && !artifact {
            diagnostics.push(
                Diagnostic::error("missing-key", format!("layers.{key}: `path` is missing"))
                    .path(format!("layers.{key}"))
                    .at(layer.place)
                    .help("name the folder that becomes the layer, or a zip in `package.artifact`"),
            );
        }
    }
}

/// A layer is named by its ARN or by a reference, not by its key.
fn layer_arns(checked: &Checked<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let provider = &checked.service.provider;
    let of_provider = provider.layers.iter().flatten().map(|layer| ("provider.layers".to_owned(), layer));
    let of_functions = checked.functions.iter().flat_map(|one| {
        one.function.layers.iter().flatten().map(|layer| (format!("functions.{}.layers", one.key), layer))
    });
    for (path, layer) in of_provider.chain(of_functions) {
        let Some(text) = super::known(layer).filter(|text| !text.starts_with("arn:")) else { continue };
        let diagnostic = Diagnostic::error("bad-format", format!("{path}: `{text}` is not the ARN of a layer"))
            .path(path)
            .at(layer.place());
        let mut letters = text.chars();
        let upper: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
        diagnostics.push(if checked.service.layers.contains_key(text) {
            let id = upper.replace('-', "Dash").replace('_', "Underscore");
            diagnostic.help(format!("write `!Ref {id}LambdaLayer` for the layer `{text}` of this service"))
        } else {
            diagnostic.help("write `arn:aws:lambda:<region>:<account>:layer:<name>:<version>`")
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::in_functions;

    #[test]
    fn layers_are_named_by_arn_or_reference() {
        let found = super::super::testing::findings(
            "service: shop
provider: {name: aws, runtime: nodejs24.x}
layers: {my-lib: {path: lib}}
functions: {f: {handler: a.b, layers: [my-lib, !Ref MyDashlibLambdaLayer, 'arn:aws:lambda:eu-west-1:1:layer:x:1']}}
",
        );
        assert_eq!(found, "4:40 error[bad-format] functions.f.layers: `my-lib` is not the ARN of a layer");
    }

    #[test]
    fn code_comes_from_exactly_one_place() {
        insta::assert_snapshot!(
            in_functions(
                "  none: {timeout: 3}\n  both: {handler: a.b, image: '123456789012.dkr.ecr.eu-west-1.amazonaws.com/a:1'}\n  unknown: {image: web}\n  many: {handler: a.b, layers: [arn:a, arn:b, arn:c, arn:d, arn:e, arn:f]}\n"
            ),
            @r"
        4:3 error[missing-key] functions.none: `handler` is missing
        5:31 error[handler-and-image] functions.both.image: a function has a handler or an image, not both
        6:20 error[unknown-image] functions.unknown.image: `web` is not in `provider.ecr.images`
        7:32 error[too-many-layers] functions.many.layers: 6 layers are more than the 5 that Lambda allows
        "
        );
    }
}
