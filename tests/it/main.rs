//! Whole-program tests: the built binary against the practice cloud, read back with an independent client (boto3).
//!
//! One binary, because each links the AWS crates again. `support` is the builder that every test starts from.

mod allowed;
mod authorizers;
mod bad_answers;
mod bad_input;
mod balancer;
mod code_deploy;
mod crash;
mod crash_apis;
mod crash_domains;
mod crash_triggers;
mod deploy;
mod destinations;
mod devices;
mod domains;
mod edge;
mod event_fields;
mod events;
mod fields;
mod handover;
mod history;
mod http;
mod interrupts;
mod machine;
mod ownership;
mod packaging;
mod pools;
mod releases;
mod remove;
mod routes;
mod run_and_look;
mod safe;
mod scaling;
mod secrets;
mod shared_api;
mod snapshots;
mod storm;
mod support;
mod throttled;
mod throttling;
mod topics;
mod triggers;
mod two_at_once;
mod verify;
mod writes;
