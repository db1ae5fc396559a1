//! Walking through the pages of a list, and noticing one that never ends.

use crate::engine::failure::{Failure, Reason};

/// More pages than any list that hoist reads can have.
const MOST: usize = 10_000;

/// The pages of one list.
#[derive(Debug)]
pub struct Pages {
    operation: &'static str,
    last: Option<String>,
    seen: usize,
}

impl Pages {
    /// The pages that this operation gives.
    pub fn new(operation: &'static str) -> Self {
        Self { operation, last: None, seen: 0 }
    }

    /// The token of the page to ask for next, if there is one.
    ///
    /// # Errors
    /// The token is the one that was just used, or there are more pages than any list can have.
    pub fn next(&mut self, token: Option<&str>) -> Result<Option<String>, Failure> {
        let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(None) };
        self.seen += 1;
        if self.last.as_deref() == Some(token) || self.seen > MOST {
            return Err(Failure::new(Reason::Server, format!("{} gives pages without an end", self.operation)));
        }
        self.last = Some(token.to_owned());
        Ok(Some(token.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_without_an_end_is_an_error() {
        let mut pages = Pages::new("GetResources");
        assert_eq!(pages.next(Some("a")).unwrap().as_deref(), Some("a"));
        assert_eq!(pages.next(Some("b")).unwrap().as_deref(), Some("b"));
        assert!(pages.next(Some("b")).is_err());
        assert_eq!(pages.next(Some("")).unwrap(), None);
    }
}
