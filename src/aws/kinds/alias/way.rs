//! Who moves an alias: hoist, at once or in steps, or CodeDeploy.

use super::turn::Turn;
use crate::aws::release::shift::{Group, Shift};
use crate::aws::release::traffic::Move;
use crate::engine::failure::Failure;
use crate::engine::value::Value;

/// Takes the traffic where it is to go. `more` says whether the alias changes in anything else: CodeDeploy moves traffic and
/// nothing else.
///
/// # Errors
/// As [`Move::shift`] and [`Move::by_code_deploy`].
pub(super) async fn take(
    way: &Move<'_>,
    turn: &Turn,
    shift: Option<&Shift>,
    hint: Option<&Value>,
    more: bool,
) -> Result<(), Failure> {
    let weighted = turn.share > 0 || turn.others;
    match shift {
        Some(shift) => match &shift.group {
            Some(group) => {
                way.by_code_deploy(shift, group, weighted).await?;
                if more { way.at_once().await } else { Ok(()) }
            }
            None => way.shift(shift, turn.share, turn.others).await,
        },
        None => {
            // What CodeDeploy moves meanwhile is not fought: it is stopped first.
            if let Some(group) = hint.and_then(Group::of).filter(|_| weighted) {
                way.settle(&group, weighted).await?;
            }
            way.at_once().await
        }
    }
}
