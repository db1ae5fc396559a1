//! hoist reads a `serverless.yml`, compares it with what is live in AWS and makes the account match.
//!
//! Data goes through the folders once, left to right (see `docs/architecture.md`):
//! `config` → `aws::compile` → `engine` (diff, plan, apply) → `screen`.

pub mod config;
pub mod engine;
pub mod package;

#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "aws")]
pub mod commands;
#[cfg(feature = "aws")]
pub mod screen;
