//! Where things stand: the line that says which account this is about, and the summary of what is deployed.

use serde_json::json;

use super::connection::Connection;
use super::prepare::{Place, Read};
use crate::aws::endpoints;
use crate::aws::partition::Partition;
use crate::engine::apply::Applied;
use crate::engine::plan::Plan;
use crate::engine::resource::Live;
use crate::screen::Screen;
use crate::screen::style::HEAD;
use crate::screen::summary::{Deployed, Endpoint, FunctionLine};

/// `shop · dev · us-east-1 · account 123456789012`
pub fn head(screen: &Screen, place: &Place, connection: &Connection) {
    let service = &place.service;
    let (stage, region) = (&place.target.stage, &place.target.region);
    let account = connection.aws.known_account().unwrap_or("unknown");
    screen.note(&format!("{HEAD}{service}{HEAD:#} · {stage} · {region} · account {account}"));
    screen.json(&json!({"type": "target", "service": service, "stage": stage, "region": region, "account": account}));
}

/// At most so many addresses are asked for just to be shown: they share Lambda's 15 calls a second.
const ASKED_FOR: usize = 15;

/// What is live after a deploy, with the addresses of function URLs that were taken from fingerprints and never read.
pub async fn live(connection: &Connection, plan: &Plan, applied: &Applied) -> Vec<Live> {
    let mut live: Vec<Live> = applied.live.values().cloned().collect();
    let assumed = plan.changes.iter().filter(|change| change.assumed && change.address.kind == "AWS::Lambda::Url");
    let parents: Vec<&Live> = assumed
        .filter_map(|change| applied.live.get(change.desired.as_ref()?.parent.as_ref()?))
        .take(ASKED_FOR)
        .collect();
    if let Some(kind) = connection.cloud.kind("AWS::Lambda::Url") {
        for parent in parents {
            // Only for show: what cannot be read now is left out.
            live.extend(kind.beneath(parent).await.unwrap_or_default());
        }
    }
    live
}

/// Endpoints and functions, from what is live.
pub fn show<'a>(screen: &Screen, read: &Read, live: impl Iterator<Item = &'a Live> + Clone) {
    let place = endpoints::Where {
        region: &read.target.region,
        partition: Partition::of(&read.target.region),
        stage: &read.target.stage,
    };
    let endpoints = endpoints::endpoints(&read.service, place, live.clone());
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
