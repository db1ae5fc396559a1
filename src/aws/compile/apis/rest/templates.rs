//! The event that a function gets from the `lambda` integration: templates of API Gateway in Velocity
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html>).
//!
//! The event has the fields that the framework documents: `body`, `method`, `principalId`, `stage`,
//! `cognitoPoolClaims`, `enhancedAuthContext`, `headers`, `query`, `path`, `identity`, `stageVariables`, `requestPath`.

/// Stands for the claims that an authorizer names.
pub(super) const CLAIMS: &str = "@@claims@@";

/// Fields of the event that are mappings, with what fills them.
const MAPS: &[(&str, &str)] = &[
    ("enhancedAuthContext", "$context.authorizer"),
    ("headers", "$input.params().header"),
    ("query", "$input.params().querystring"),
    ("path", "$input.params().path"),
    ("identity", "$context.identity"),
    ("stageVariables", "$stageVariables"),
];

/// The body is JSON and becomes a part of the event.
pub(super) fn json() -> String {
    format!("#set($body = $input.json('$'))\n{}", event())
}

/// The body is a form and becomes a mapping.
pub(super) fn form() -> String {
    let decoded =
        |index: usize| format!("$util.escapeJavaScript($util.urlDecode($pair[{index}])).replaceAll(\"\\\\'\", \"'\")");
    format!(
        "#define($body){{#foreach($field in $input.path('$').split('&'))#set($pair = $field.split('='))\
         #if($pair.size() >= 1)#set($name = {})#set($text = '')#if($pair.size() >= 2)#set($text = {})#end\
         \"$name\": \"$text\"#if($foreach.hasNext), #end#end#end}}#end\n{}",
        decoded(0),
        decoded(1),
        event()
    )
}

fn event() -> String {
    let mut template = String::from(
        "#define($entries){#foreach($key in $map.keySet())\
         #set($name = $util.escapeJavaScript($key))\
         #set($text = $util.escapeJavaScript($map.get($key)).replaceAll(\"\\\\'\", \"'\"))\
         \"$name\": \"$text\"#if($foreach.hasNext), #end#end}#end\n{\n",
    );
    template.push_str("  \"body\": $body,\n");
    template.push_str("  \"method\": \"$context.httpMethod\",\n");
    template.push_str("  \"principalId\": \"$context.authorizer.principalId\",\n");
    template.push_str("  \"stage\": \"$context.stage\",\n");
    template.push_str("  \"cognitoPoolClaims\": {");
    template.push_str(CLAIMS);
    template.push_str("\"sub\": \"$context.authorizer.claims.sub\"},\n");
    for (field, source) in MAPS {
        template.push_str(&format!("  #set($map = {source})\"{field}\": $entries,\n"));
    }
    template.push_str("  \"requestPath\": \"$context.resourcePath\"\n}\n");
    template
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_closed_and_quotes_are_paired() {
        for template in [json(), form()] {
            let opened =
                ["#foreach", "#if", "#define"].iter().map(|word| template.matches(word).count()).sum::<usize>();
            assert_eq!(opened, template.matches("#end").count(), "{template}");
            assert_eq!(template.matches('(').count(), template.matches(')').count(), "{template}");
            assert_eq!(template.matches(CLAIMS).count(), 1);
            for field in ["body", "headers", "query", "path", "requestPath"] {
                assert!(template.contains(&format!("\"{field}\": ")), "{field}");
            }
        }
    }
}
