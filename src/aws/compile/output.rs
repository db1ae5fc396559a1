//! Where features put what they make.

use indexmap::map::Entry;

use super::Compiled;
use super::plan::{FunctionPlan, Plan};
use super::role::Roles;
use crate::aws::template::{Template, TemplateResource};
use crate::config::diagnostic::Diagnostic;
use crate::engine::value::Value;

/// The template while it grows, the statements that features ask for, and what is wrong.
pub struct Output {
    pub template: Template,
    pub roles: Roles,
    problems: Vec<Diagnostic>,
}

impl Output {
    pub fn new(plan: &Plan) -> Self {
        let template = Template {
            service: plan.names.service.clone(),
            stage: plan.names.stage.clone(),
            region: plan.names.region.clone(),
            ..Template::default()
        };
        Self { template, roles: Roles::new(plan), problems: Vec::new() }
    }

    /// Adds a resource. Two that come to the same logical id are an error: one would hide the other.
    pub fn add(&mut self, logical_id: impl Into<String>, resource: TemplateResource) {
        match self.template.resources.entry(logical_id.into()) {
            Entry::Vacant(entry) => {
                entry.insert(resource);
            }
            Entry::Occupied(entry) => {
                let message = format!("two resources come to the logical id `{}`", entry.key());
                self.problems.push(
                    Diagnostic::error("duplicate-resource", message)
                        .help("give one of the functions or events another name"),
                );
            }
        }
    }

    /// Adds a resource unless an earlier function already brought it (a topic that several subscribe to).
    pub fn add_once(&mut self, logical_id: impl Into<String>, resource: TemplateResource) {
        self.template.resources.entry(logical_id.into()).or_insert(resource);
    }

    /// Adds an output of the framework's stack.
    pub fn output(&mut self, name: impl Into<String>, value: Value) {
        self.template.outputs.insert(name.into(), value);
    }

    /// Lets a function do something, through the role that hoist makes for it. Nothing happens to a role that is
    /// somebody else's.
    pub fn grant(
        &mut self,
        function: &FunctionPlan,
        actions: &'static [&'static str],
        resources: impl IntoIterator<Item = Value>,
    ) {
        self.roles.grant(&function.role, actions, resources);
    }

    pub fn problem(&mut self, problem: Diagnostic) {
        self.problems.push(problem);
    }

    pub fn finish(self) -> Compiled {
        Compiled { template: self.template, problems: self.problems }
    }
}
