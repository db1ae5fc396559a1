//! `s3`: changes in a bucket that the service makes, or in one that is there.
//!
//! For a bucket that is there, the framework writes a `Custom::S3` resource for each function, that a helper function acts
//! upon. hoist makes it one for each bucket, edits the notifications itself, and writes the permissions that the helper
//! would add.

use indexmap::IndexMap;

use super::super::output::Output;
use super::super::plan::{Plan, Triggered};
use super::super::tree::{self, Properties};
use crate::aws::naming;
use crate::aws::template::TemplateResource;
use crate::config::decode::Cf;
use crate::config::language::events::Trigger;
use crate::config::language::events::s3::S3;
use crate::config::node::Data;
use crate::engine::value::Value;

/// The event of those that name none.
const DEFAULT_EVENT: &str = "s3:ObjectCreated:*";

/// A bucket that the service makes, while its notifications are gathered.
struct Bucket {
    name: String,
    logical_id: String,
    settings: Option<Value>,
    notifications: Vec<Value>,
    after: Vec<String>,
}

pub(super) fn compile(plan: &Plan, output: &mut Output) {
    let events = plan.events(|trigger| match trigger {
        Trigger::S3(s3) => Some(&s3.0),
        _ => None,
    });
    let mut buckets: IndexMap<String, Bucket> = IndexMap::new();
    let mut of_others: Vec<Existing> = Vec::new();
    for event in events {
        if event.settings.existing == Some(true) {
            existing(&event, &mut of_others, output);
        } else {
            new(plan, &event, &mut buckets, output);
        }
    }
    for bucket in buckets.into_values() {
        let logical_id = bucket.logical_id.clone();
        output.add(logical_id, bucket.resource());
    }
    for bucket in of_others {
        output.add(bucket.logical_id.clone(), bucket.resource());
    }
}

impl Bucket {
    fn resource(self) -> TemplateResource {
        let lambda = Properties::new().with("LambdaConfigurations", Value::List(self.notifications));
        let mut properties = match self.settings {
            Some(Value::Map(settings)) => settings,
            _ => Default::default(),
        };
        let mut notifications = match properties.remove("NotificationConfiguration") {
            Some(Value::Map(given)) => given,
            _ => Default::default(),
        };
        if let Value::Map(lambda) = Value::from(lambda) {
            for (key, value) in lambda {
                notifications.entry(key).or_insert(value);
            }
        }
        properties.insert("NotificationConfiguration".to_owned(), Value::Map(notifications));
        properties.entry("BucketName".to_owned()).or_insert(Value::String(self.name));
        TemplateResource::new("AWS::S3::Bucket", Value::Map(properties)).after(self.after)
    }
}

/// A bucket of the service: its name, or a key of `provider.s3` with all its settings.
fn new(plan: &Plan, event: &Triggered<S3>, buckets: &mut IndexMap<String, Bucket>, output: &mut Output) {
    let (function, s3) = (event.function, event.settings);
    let Some(key) = s3.bucket.as_str() else {
        output.problem(
            event
                .problem("unknown-bucket", "a bucket that a CloudFormation function names cannot be made here")
                .help("add `existing: true` when the bucket is there, or is one of `resources`"),
        );
        return;
    };
    let settings = plan.service.provider.s3.get(key);
    let name = settings.and_then(|node| node.get("name")).and_then(|name| name.as_str()).unwrap_or(key);
    let bucket = buckets.entry(key.to_owned()).or_insert_with(|| Bucket {
        name: name.to_owned(),
        logical_id: format!("S3Bucket{}", naming::plain(key)),
        settings: settings.map(|node| match &node.data {
            Data::Map(map) => Value::Map(
                map.iter()
                    .filter(|(key, _)| *key != "name")
                    .map(|(key, entry)| (naming::upper_first(key), tree::from_node(&entry.value)))
                    .collect(),
            ),
            _ => Value::Null,
        }),
        notifications: Vec::new(),
        after: Vec::new(),
    });
    let rules = rules(event, |name, value| Properties::new().with("Name", name).with("Value", value).into());
    let filter = (!rules.is_empty())
        .then(|| Properties::new().with("S3Key", Properties::new().with("Rules", Value::List(rules))));
    let notification =
        Properties::new().with("Event", event_name(s3)).with("Function", function.target()).maybe("Filter", filter);
    bucket.notifications.push(notification.into());
    let permission_id = naming::permission(function.key, &format!("{}S3", naming::plain(key)));
    for dependency in std::iter::once(permission_id.as_str()).chain(function.alias_id()) {
        if !bucket.after.iter().any(|one| one == dependency) {
            bucket.after.push(dependency.to_owned());
        }
    }
    permission(event, permission_id, vec![Value::String(format!(":s3:::{name}"))], output);
}

/// A bucket that is there, while the notifications of all functions are gathered: S3 has one document for them.
struct Existing<'a> {
    name: Value,
    /// Of the first function that is called.
    logical_id: String,
    functions: IndexMap<&'a str, Called<'a>>,
    after: Vec<String>,
}

/// One function that a bucket calls.
struct Called<'a> {
    target: Value,
    condition: Option<&'a String>,
    configs: Vec<Value>,
}

impl Called<'_> {
    /// Its entry. A function that is not wanted wants nothing of the bucket.
    fn entry(self) -> Value {
        let entry = Properties::new().with("FunctionArn", self.target).with("BucketConfigs", Value::List(self.configs));
        match self.condition {
            None => entry.into(),
            Some(name) => {
                let choice = vec![name.as_str().into(), entry.into(), tree::reference("AWS::NoValue")];
                Properties::new().with("Fn::If", Value::List(choice)).into()
            }
        }
    }
}

impl Existing<'_> {
    fn resource(self) -> TemplateResource {
        let first = self.functions.values().next().and_then(|called| called.condition).cloned();
        let is_shared = self.functions.values().all(|called| called.condition == first.as_ref());
        let functions = self.functions.into_values().map(Called::entry).collect();
        let properties = Properties::new().with("BucketName", self.name).with("Functions", Value::List(functions));
        let mut resource = TemplateResource::new("Custom::S3", properties.into()).after(self.after);
        resource.condition = first.filter(|_| is_shared);
        resource
    }
}

/// A bucket that is there: our entries among its notifications.
fn existing<'a>(event: &Triggered<'_, 'a, S3>, buckets: &mut Vec<Existing<'a>>, output: &mut Output) {
    let (function, s3) = (event.function, event.settings);
    let rules = rules(event, |name, value| Properties::new().with(&naming::upper_first(name), value).into());
    let config: Value = Properties::new().with("Event", event_name(s3)).with("Rules", Value::List(rules)).into();
    let name: Value = (&s3.bucket).into();
    let permission_id =
        naming::permission(function.key, &format!("{}S3", naming::plain(&tree::source_name(&s3.bucket))));
    permission(event, permission_id.clone(), vec![":s3:::".into(), name.clone()], output);

    let at = buckets.iter().position(|bucket| bucket.name == name).unwrap_or_else(|| {
        let beginning = function.id("CustomS3");
        let number = 1 + buckets.iter().filter(|bucket| bucket.logical_id.starts_with(&beginning)).count();
        let logical_id = format!("{beginning}{number}");
        buckets.push(Existing { name, logical_id, functions: IndexMap::new(), after: Vec::new() });
        buckets.len() - 1
    });
    let bucket = &mut buckets[at];
    bucket.after.push(permission_id);
    bucket.after.extend(function.alias_id().map(str::to_owned));
    let called = bucket.functions.entry(function.key).or_insert_with(|| Called {
        target: function.target(),
        condition: function.function.condition.as_ref(),
        configs: Vec::new(),
    });
    called.configs.push(config);
}

/// S3 may call the function, for this bucket of this account.
fn permission(event: &Triggered<S3>, permission_id: String, bucket: Vec<Value>, output: &mut Output) {
    let mut arn = vec!["arn:".into(), tree::reference("AWS::Partition")];
    arn.extend(bucket);
    let permission = event
        .function
        .permission("s3.amazonaws.com")
        .with("SourceArn", tree::join("", arn))
        .with("SourceAccount", tree::reference("AWS::AccountId"));
    output.add_once(permission_id, event.function.beneath("AWS::Lambda::Permission", permission));
}

fn event_name(s3: &S3) -> &str {
    s3.event.as_ref().map_or(DEFAULT_EVENT, |event| event.as_str())
}

/// What the keys of objects begin or end with.
fn rules(event: &Triggered<S3>, make: impl Fn(&str, &Cf) -> Value) -> Vec<Value> {
    let rules = event.settings.rules.iter();
    rules
        .flat_map(|rule| [("prefix", &rule.prefix), ("suffix", &rule.suffix)])
        .filter_map(|(name, value)| Some(make(name, value.as_ref()?)))
        .collect()
}
