//! Names for what the file leaves without one: CloudFormation would make up a random suffix, hoist takes the logical id.

use crate::aws::ownership::Scope;
use crate::engine::fingerprint::short_digest;

/// `shop-dev-HelloEventsRuleSchedule1`, cut and told apart by a digest where it would be longer than `longest`.
pub fn generated(scope: &Scope, logical_id: &str, longest: usize) -> String {
    let name = format!("{}{logical_id}", scope.prefix());
    if name.len() <= longest {
        return name;
    }
    let digest = short_digest(&name, 4);
    let kept: String = name.chars().take(longest.saturating_sub(digest.len() + 1)).collect();
    format!("{kept}-{digest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_and_stay_apart() {
        let scope = Scope::new("shop", "dev");
        assert_eq!(generated(&scope, "A", 64), "shop-dev-A");
        let (one, other) = ("A".repeat(70), format!("{}B", "A".repeat(70)));
        assert_eq!(generated(&scope, &one, 64).len(), 64);
        assert_ne!(generated(&scope, &one, 64), generated(&scope, &other, 64));
    }
}
