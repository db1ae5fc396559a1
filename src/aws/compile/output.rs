//! Where features put what they make.

use indexmap::map::Entry;

use super::Compiled;
use super::plan::{FunctionPlan, Plan};
use super::role::Roles;
use crate::aws::naming;
use crate::aws::template::{Template, TemplateResource};
use crate::config::diagnostic::Diagnostic;
use crate::config::node::Place;
use crate::engine::value::Value;

/// The template while it grows, the statements that features ask for, and what is wrong.
pub struct Output {
    pub template: Template,
    pub roles: Roles,
    problems: Vec<Diagnostic>,
    functions: Vec<Owner>,
}

/// A function, to whom a logical id can be traced back.
struct Owner {
    /// What its logical ids begin with.
    beginning: String,
    key: String,
    /// Where the key stands.
    place: Option<Place>,
}

impl Output {
    pub fn new(plan: &Plan) -> Self {
        let template = Template {
            service: plan.names.service.clone(),
            stage: plan.names.stage.clone(),
            region: plan.names.region.clone(),
            ..Template::default()
        };
        let function = |function: &FunctionPlan| Owner {
            beginning: naming::function(function.key),
            key: function.key.to_owned(),
            place: plan.service.functions.key_place(function.key),
        };
        let functions = plan.functions.iter().map(function).collect();
        Self { template, roles: Roles::new(plan), problems: Vec::new(), functions }
    }

    /// Adds a resource. Two that come to the same logical id are an error: one would hide the other.
    pub fn add(&mut self, logical_id: impl Into<String>, resource: TemplateResource) {
        match self.template.resources.entry(logical_id.into()) {
            Entry::Vacant(entry) => {
                entry.insert(resource);
            }
            Entry::Occupied(entry) => {
                let logical_id = entry.key().clone();
                self.duplicate(&logical_id);
            }
        }
    }

    /// Says that two resources come to one logical id, once for each function that is to blame.
    fn duplicate(&mut self, logical_id: &str) {
        let message = format!("two resources come to the logical id `{logical_id}`");
        let mut problem =
            Diagnostic::error("duplicate-resource", message).help("give one of the functions or events another name");
        let begins = |one: &&Owner| logical_id.starts_with(one.beginning.as_str());
        let length = self.functions.iter().filter(begins).map(|one| one.beginning.len()).max();
        let owners: Vec<_> =
            self.functions.iter().filter(begins).filter(|one| Some(one.beginning.len()) == length).collect();
        if let [first, _, ..] = owners.as_slice()
            && let Some(at) = first.place
        {
            problem = problem.related(format!("`{}` has the same", first.key), at);
        }
        if let Some(last) = owners.last() {
            problem = problem.path(format!("functions.{}", last.key));
            problem.place = last.place;
        }
        let known = |one: &Diagnostic| one.code == problem.code && one.path.is_some() && one.path == problem.path;
        if !self.problems.iter().any(known) {
            self.problems.push(problem);
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
