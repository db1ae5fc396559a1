//! Preflight requests: an `OPTIONS` method without a function for every path that has CORS.

use indexmap::IndexMap;

use super::super::super::plan::{FunctionPlan, Triggered};
use super::super::super::tree::Properties;
use super::authorizers::Authorization;
use super::method::{self, Method};
use crate::config::decode::Toggle;
use crate::config::language::events::http::Http;
use crate::engine::value::Value;

const ALLOWED_HEADERS: &[&str] = &[
    "Content-Type",
    "X-Amz-Date",
    "Authorization",
    "X-Api-Key",
    "X-Amz-Security-Token",
    "X-Amz-User-Agent",
    "X-Amzn-Trace-Id",
];
/// What `ANY` stands for in a header.
const ANY: &str = "DELETE,GET,HEAD,PATCH,POST,PUT";

/// The cross-origin rules of a route, or of all routes of a path.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Rules {
    pub origins: Vec<String>,
    /// Whether the origins are patterns to choose from.
    several: bool,
    headers: Vec<String>,
    methods: Vec<String>,
    pub allow_credentials: bool,
    max_age: Option<i64>,
    cache_control: Option<String>,
}

impl Rules {
    pub(super) fn of(http: &Http) -> Option<Self> {
        let cors = http.cors.as_ref().filter(|cors| cors.is_on())?;
        let given = match cors {
            Toggle::With(given) => Some(given.as_ref()),
            _ => None,
        };
        let mut methods: Vec<String> = match given.and_then(|cors| cors.methods.as_ref()) {
            Some(methods) => methods.iter().map(|method| method.as_str().to_owned()).collect(),
            None => vec!["OPTIONS".to_owned()],
        };
        for needed in ["OPTIONS", http.method.as_str()] {
            if !methods.iter().any(|method| method == needed) {
                methods.push(needed.to_owned());
            }
        }
        let headers = match given.and_then(|cors| cors.headers.clone()) {
            Some(headers) => headers,
            None => ALLOWED_HEADERS.iter().map(|name| (*name).to_owned()).collect(),
        };
        let listed: Vec<String> = given.map(|cors| cors.origins.clone()).unwrap_or_default();
        let origin = given.and_then(|cors| cors.origin.as_deref()).unwrap_or("*");
        let (origins, several) = match listed.is_empty() {
            false => (listed, true),
            true if origin.contains(',') => (origin.split(',').map(|one| one.trim().to_owned()).collect(), true),
            true => (vec![origin.to_owned()], false),
        };
        Some(Self {
            origins,
            several,
            headers,
            methods,
            allow_credentials: given.is_some_and(|cors| cors.allow_credentials == Some(true)),
            max_age: given.and_then(|cors| cors.max_age).map(|seconds| seconds.get()),
            cache_control: given.and_then(|cors| cors.cache_control.clone()),
        })
    }

    /// The rules of a path once another route of it is added: lists are joined, the last of anything else wins.
    fn and(self, later: Self) -> Self {
        let union = |first: Vec<String>, second: Vec<String>| {
            let mut all = first;
            for one in second {
                if !all.contains(&one) {
                    all.push(one);
                }
            }
            all
        };
        let origins = if later.several || self.several { union(later.origins, self.origins) } else { later.origins };
        Self {
            origins,
            several: later.several || self.several,
            headers: union(later.headers, self.headers),
            methods: union(later.methods, self.methods),
            allow_credentials: self.allow_credentials || later.allow_credentials,
            max_age: later.max_age.or(self.max_age),
            cache_control: later.cache_control.or(self.cache_control),
        }
    }

    /// Header names and values, in quotes as API Gateway takes literals.
    fn response_headers(&self) -> Vec<(&'static str, String)> {
        let first = self.origins.first().map_or("*", String::as_str);
        let mut headers = vec![
            ("Access-Control-Allow-Origin", first.to_owned()),
            ("Access-Control-Allow-Headers", self.headers.join(",")),
            ("Access-Control-Allow-Methods", self.methods.join(",").replace("ANY", ANY)),
        ];
        if self.allow_credentials {
            headers.push(("Access-Control-Allow-Credentials", "true".to_owned()));
        }
        headers.extend(self.max_age.map(|seconds| ("Access-Control-Max-Age", seconds.to_string())));
        headers.extend(self.cache_control.clone().map(|value| ("Cache-Control", value)));
        headers.into_iter().map(|(name, value)| (name, format!("'{value}'"))).collect()
    }

    /// Where there are several origins, the answer names the one that asked.
    fn response_template(&self) -> String {
        if !self.several {
            return String::new();
        }
        let matches: Vec<String> = self
            .origins
            .iter()
            .map(|origin| format!("$origin.matches(\"{}\")", origin.replace('.', "[.]").replacen('*', ".+", 1)))
            .collect();
        format!(
            "#set($origin = $input.params(\"Origin\"))\n#if($origin == \"\")#set($origin = $input.params(\"origin\"))#end\n\
             #if({})#set($context.responseOverride.header.Access-Control-Allow-Origin = $origin)#end",
            matches.join(" || ")
        )
    }

    /// The method that answers for a path, for the function of its first route.
    fn method(&self, path: &str, function: &FunctionPlan) -> Method {
        let headers = self.response_headers();
        let parameters = headers.iter().fold(Properties::new(), |all, (name, value)| {
            all.with(&format!("method.response.header.{name}"), value.as_str())
        });
        let response = Properties::new()
            .with("StatusCode", "200")
            .with("ResponseParameters", parameters)
            .with("ResponseTemplates", Properties::new().with("application/json", self.response_template()));
        let integration = Properties::new()
            .with("Type", "MOCK")
            .with("RequestTemplates", Properties::new().with("application/json", "{statusCode:200}"))
            .with("ContentHandling", "CONVERT_TO_TEXT")
            .with("IntegrationResponses", Value::List(vec![response.into()]));
        Method {
            verb: "OPTIONS",
            path: path.to_owned(),
            logical_id: method::logical_id(path, "options"),
            operation: None,
            needs_key: false,
            authorization: Authorization::None,
            parameters: Vec::new(),
            models: Vec::new(),
            validator: None,
            integration,
            responses: vec![("200".to_owned(), headers.iter().map(|(name, _)| (*name).to_owned()).collect())],
            after: None,
            function: function.logical_id.clone(),
            condition: function.function.condition.clone(),
        }
    }
}

/// The preflight methods, one for each path with CORS that has no `OPTIONS` of its own.
pub(super) fn preflights(events: &[Triggered<Http>], methods: &[Method]) -> Vec<Method> {
    let mut paths: IndexMap<String, (Rules, &FunctionPlan)> = IndexMap::new();
    for event in events {
        if let Some(rules) = Rules::of(event.settings) {
            let (_, path) = method::route(event.settings);
            let merged = match paths.shift_remove(&path) {
                Some((earlier, function)) => (earlier.and(rules), function),
                None => (rules, event.function),
            };
            paths.insert(path, merged);
        }
    }
    paths
        .into_iter()
        .filter(|(path, _)| !methods.iter().any(|method| method.path == *path && method.verb == "OPTIONS"))
        .map(|(path, (rules, function))| rules.method(&path, function))
        .collect()
}
