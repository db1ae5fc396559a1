//! Where things stand: the line that says which account this is about, and the summary of what is deployed.

use serde_json::json;

use super::connection::Connection;
use super::prepare::Read;
use crate::aws::endpoints;
use crate::engine::resource::Live;
use crate::screen::Screen;
use crate::screen::style::HEAD;
use crate::screen::summary::{Deployed, Endpoint, FunctionLine};

/// `shop · dev · us-east-1 · account 123456789012`
pub fn head(screen: &Screen, read: &Read, connection: &Connection) {
    let service = read.service.name();
    let (stage, region) = (&read.target.stage, &read.target.region);
    let account = connection.aws.known_account().unwrap_or("unknown");
    screen.note(&format!("{HEAD}{service}{HEAD:#} · {stage} · {region} · account {account}"));
    screen.json(&json!({"type": "target", "service": service, "stage": stage, "region": region, "account": account}));
}

/// Endpoints and functions, from what is live.
pub fn show<'a>(screen: &Screen, read: &Read, live: impl Iterator<Item = &'a Live> + Clone) {
    let endpoints = endpoints::endpoints(&read.service, live.clone());
    let functions = endpoints::functions(&read.service, live);
    let deployed = Deployed {
        endpoints: endpoints
            .into_iter()
            .map(|endpoints::Endpoint { method, url, function }| Endpoint { method, url, function })
            .collect(),
        functions: functions
            .into_iter()
            .map(|endpoints::DeployedFunction { key, name }| FunctionLine { key, name })
            .collect(),
    };
    screen.result(&deployed.text());
    let mut line = deployed.json();
    if let Some(object) = line.as_object_mut() {
        object.insert("type".into(), "deployed".into());
    }
    screen.json(&line);
}
