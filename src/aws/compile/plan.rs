//! The service as the features see it: names made, roles and aliases chosen.

use super::Target;
use super::role::FunctionRole;
use super::tree::{self, Properties};
use crate::aws::naming::{self, Names};
use crate::aws::template::TemplateResource;
use crate::config::diagnostic::{Diagnostic, left_out};
use crate::config::language::Service;
use crate::config::language::effective::EffectiveFunction;
use crate::config::language::events::{Event, Trigger};
use crate::config::language::function::Function;
use crate::config::language::pace::Pace;
use crate::config::language::releases::Release;
use crate::engine::value::Value;

/// The service and what follows from it for every feature.
pub struct Plan<'a> {
    pub service: &'a Service,
    pub names: Names,
    /// The commit that published versions name.
    pub commit: Option<&'a str>,
    /// The functions that are deployed, in the order of the file.
    pub functions: Vec<FunctionPlan<'a>>,
}

/// One function and what follows from it for every feature.
pub struct FunctionPlan<'a> {
    pub key: &'a str,
    pub function: &'a Function,
    /// The function with the provider's defaults beneath it.
    pub effective: EffectiveFunction<'a>,
    /// What AWS calls it.
    pub name: String,
    pub logical_id: String,
    pub role: FunctionRole,
    /// Logical id of the version that is published, until its digest is known.
    pub version: Option<String>,
    /// What callers use instead of the function itself.
    pub alias: Option<AliasPlan>,
    /// How the alias moves to the next version.
    pub release: Option<Release>,
}

/// One event of one function.
pub struct Triggered<'p, 'a, T> {
    pub function: &'p FunctionPlan<'a>,
    pub event: &'a Event,
    pub settings: &'a T,
    /// Position among the function's events of the same kind, from 1.
    pub number: usize,
}

impl<T> Triggered<'_, '_, T> {
    /// An error about the event, at its place.
    pub fn problem(&self, code: &'static str, what: impl std::fmt::Display) -> Diagnostic {
        let path =
            format!("functions.{}.events[{}].{}", self.function.key, self.event.index, self.event.trigger.kind());
        Diagnostic::error(code, format!("{path}: {what}")).path(path).at(self.event.place)
    }

    /// Says of a value that only an account knows that nothing is made of it here.
    pub fn left_out(&self, variable: &str) -> Diagnostic {
        self.problem("needs-account", left_out(variable)).as_warning()
    }
}

/// An alias that stands before a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AliasPlan {
    pub name: String,
    pub logical_id: String,
}

impl<'a> Plan<'a> {
    pub fn new(service: &'a Service, target: &'a Target) -> Self {
        let names = Names::of(service, &target.stage, &target.region);
        let planned = |effective| FunctionPlan::new(effective, target.pace);
        let functions = service.effective_functions(&target.stage).map(planned).collect();
        Self { service, names, commit: target.commit.as_deref(), functions }
    }

    /// Every event of one kind, with its function and its number among that function's events of the kind, from 1.
    pub fn events<T: 'static>(&self, pick: fn(&Trigger) -> Option<&T>) -> impl Iterator<Item = Triggered<'_, 'a, T>> {
        self.functions.iter().flat_map(move |function| {
            let wanted = function.function.events.iter().filter_map(move |event| Some((event, pick(&event.trigger)?)));
            wanted.enumerate().map(move |(index, (event, settings))| Triggered {
                function,
                event,
                settings,
                number: index + 1,
            })
        })
    }

    /// The function of a key.
    pub fn function(&self, key: &str) -> Option<&FunctionPlan<'a>> {
        self.functions.iter().find(|function| function.key == key)
    }
}

impl<'a> FunctionPlan<'a> {
    fn new(effective: EffectiveFunction<'a>, pace: Option<Pace>) -> Self {
        let EffectiveFunction { key, function, .. } = effective;
        let release = effective.release(pace);
        let alias = alias(key, function, release.as_ref());
        let versioned = effective.version_function()
            || alias.is_some()
            || function.events.iter().any(|event| event.trigger.kind() == "cloudFront");
        Self {
            key,
            function,
            effective,
            name: effective.name(),
            logical_id: naming::lambda(key),
            role: FunctionRole::of(&effective),
            version: versioned.then(|| naming::version(key, "")),
            alias,
            release,
        }
    }

    /// The ARN that callers use: of the alias, where there is one.
    pub fn target(&self) -> Value {
        let arn = tree::attribute(&self.logical_id, "Arn");
        match &self.alias {
            Some(alias) => tree::join(":", vec![arn, alias.name.as_str().into()]),
            None => arn,
        }
    }

    /// What must exist before callers can use [`Self::target`], beyond the function.
    pub fn alias_id(&self) -> Option<&str> {
        self.alias.as_ref().map(|alias| alias.logical_id.as_str())
    }

    /// A resource that belongs to the function and waits for its alias.
    pub fn beside(&self, kind: &str, properties: Properties) -> TemplateResource {
        let mut resource = TemplateResource::new(kind, properties.into()).after(self.alias_id());
        resource.condition = self.function.condition.clone();
        resource
    }

    /// A resource that lives beneath the function and waits for its alias.
    pub fn beneath(&self, kind: &str, properties: Properties) -> TemplateResource {
        self.beside(kind, properties).beneath(&self.logical_id)
    }

    /// A permission for a service to call the function.
    pub fn permission(&self, principal: impl Into<Value>) -> Properties {
        Properties::new()
            .with("FunctionName", self.target())
            .with("Action", "lambda:InvokeFunction")
            .with("Principal", principal)
    }

    /// A logical id that begins with this function's key.
    pub fn id(&self, ending: &str) -> String {
        naming::of_function(self.key, ending)
    }

    /// The logical id of the function's log group. A function that is called as an API has another than in the
    /// framework, where one of its own and of the access log hides the other.
    pub fn log_group_id(&self) -> String {
        let id = self.id("LogGroup");
        match id.as_str() {
            naming::REST_LOG_GROUP | naming::HTTP_LOG_GROUP | naming::WEBSOCKET_LOG_GROUP => {
                self.id("FunctionLogGroup")
            }
            _ => id,
        }
    }
}

/// The alias that a function's settings ask for. Provisioned concurrency wins where several do, and what shifts traffic
/// comes last: it can shift that of any alias.
fn alias(key: &str, function: &Function, release: Option<&Release>) -> Option<AliasPlan> {
    if let Some((setting, name)) = function.alias_of_its_own() {
        let ending = match setting {
            "provisionedConcurrency" => "ProvConcLambdaAlias",
            "snapStart" => "SnapStartLambdaAlias",
            _ => "DurableLambdaAlias",
        };
        return Some(AliasPlan { name: name.to_owned(), logical_id: naming::of_function(key, ending) });
    }
    let name = release?.alias.clone();
    Some(AliasPlan { logical_id: format!("{}Alias{}", naming::lambda(key), naming::alphanumeric(&name)), name })
}
