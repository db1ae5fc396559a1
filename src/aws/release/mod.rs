//! How a new version gets the traffic: in steps, watched, and back again when something is wrong.
//!
//! Nothing is kept outside the account: an alias' weights say how far a shift has come, so whoever is killed in the
//! middle leaves a service that answers, and the next deploy goes on from there. [`shift`] says which steps there are,
//! [`traffic`] takes them (or [`code_deploy`] has CodeDeploy take them), [`alarms`] and [`hooks`] say when they must not be taken. [`preflight`] and [`describe`] come before a
//! deploy, [`leave`] at its beginning, [`prune`] after it.

pub mod alarms;
pub mod before;
pub mod code_deploy;
pub mod describe;
pub mod hooks;
pub mod leave;
pub mod preflight;
pub mod prune;
pub mod shift;
pub mod traffic;
