//! `s3`: changes in a bucket that the service makes, or in one that is there.
//!
//! For a bucket that is there, the framework writes a `Custom::S3` resource that a helper function acts upon. hoist keeps
//! that shape, edits the notifications itself, and writes the permission that the helper would add.

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
    for event in events {
        if event.settings.existing == Some(true) {
            existing(&event, output);
        } else {
            new(plan, &event, &mut buckets, output);
        }
    }
    for bucket in buckets.into_values() {
        let logical_id = bucket.logical_id.clone();
        output.add(logical_id, bucket.resource());
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

/// A bucket that is there: our entries among its notifications.
fn existing(event: &Triggered<S3>, output: &mut Output) {
    let (function, s3) = (event.function, event.settings);
    let rules = rules(event, |name, value| Properties::new().with(&naming::upper_first(name), value).into());
    let config: Value = Properties::new().with("Event", event_name(s3)).with("Rules", Value::List(rules)).into();
    let bucket: Value = (&s3.bucket).into();
    let id = |number: usize| function.id(&format!("CustomS3{number}"));
    let permission_id =
        naming::permission(function.key, &format!("{}S3", naming::plain(&tree::source_name(&s3.bucket))));
    permission(event, permission_id.clone(), vec![":s3:::".into(), bucket.clone()], output);

    // One resource for each bucket of the function; the framework knows one bucket only.
    let mut number = 1;
    while let Some(resource) = output.template.resources.get_mut(&id(number)) {
        if resource.properties.get("BucketName") == Some(&bucket) {
            if let Value::Map(properties) = &mut resource.properties
                && let Some(Value::List(configs)) = properties.get_mut("BucketConfigs")
            {
                configs.push(config);
            }
            return;
        }
        number += 1;
    }
    let properties = Properties::new()
        .with("FunctionName", function.name.as_str())
        .with("FunctionArn", function.target())
        .with("BucketName", bucket)
        .with("BucketConfigs", Value::List(vec![config]));
    let resource = function.beneath("Custom::S3", properties).after([permission_id]);
    output.add(id(number), resource);
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
