//! Whole-program tests: the built binary against the practice cloud, read back with an independent client (boto3).
//!
//! One binary, because each links the AWS crates again. `support` is the builder that every test starts from.

mod bad_answers;
mod bad_input;
mod crash;
mod deploy;
mod events;
mod fields;
mod http;
mod interrupts;
mod ownership;
mod packaging;
mod releases;
mod remove;
mod run_and_look;
mod safe;
mod storm;
mod support;
mod throttled;
mod two_at_once;
