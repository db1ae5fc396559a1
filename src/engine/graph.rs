//! What must come before what: a directed graph of positions, without a word about what stands at them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A graph of the nodes `0..len`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    before: Vec<Vec<usize>>,
    after: Vec<Vec<usize>>,
}

impl Graph {
    /// Nodes without any order.
    pub fn new(len: usize) -> Self {
        Self { before: vec![Vec::new(); len], after: vec![Vec::new(); len] }
    }

    /// The graph in which node `i` comes after each of `before[i]`. Positions beyond the end are left out.
    pub fn from_predecessors(before: &[Vec<usize>]) -> Self {
        let mut graph = Self::new(before.len());
        for (later, earlier) in before.iter().enumerate() {
            for &earlier in earlier {
                graph.add(earlier, later);
            }
        }
        graph
    }

    pub fn len(&self) -> usize {
        self.before.len()
    }

    pub fn is_empty(&self) -> bool {
        self.before.is_empty()
    }

    /// Says that `earlier` comes before `later`. A node before itself, or one that is not there, is left out.
    pub fn add(&mut self, earlier: usize, later: usize) {
        if earlier != later && earlier < self.len() && later < self.len() && !self.before[later].contains(&earlier) {
            self.before[later].push(earlier);
            self.after[earlier].push(later);
        }
    }

    /// Adds it only where it closes no circle; gives whether it did.
    pub fn add_unless_circular(&mut self, earlier: usize, later: usize) -> bool {
        let fits = !self.reaches(later, earlier);
        if fits {
            self.add(earlier, later);
        }
        fits
    }

    /// What comes directly before a node.
    pub fn before(&self, node: usize) -> &[usize] {
        self.before.get(node).map_or(&[], Vec::as_slice)
    }

    /// What comes directly after a node.
    pub fn after(&self, node: usize) -> &[usize] {
        self.after.get(node).map_or(&[], Vec::as_slice)
    }

    /// For each node, what comes directly before it, sorted.
    pub fn into_predecessors(self) -> Vec<Vec<usize>> {
        let mut before = self.before;
        before.iter_mut().for_each(|nodes| nodes.sort_unstable());
        before
    }

    /// All nodes that a path leads to from one, itself among them, in no order.
    pub fn reachable(&self, from: usize) -> Vec<usize> {
        let mut all = Vec::new();
        self.walk(from, |node| {
            all.push(node);
            false
        });
        all
    }

    /// Whether a path leads from one node to another. A node reaches itself.
    pub fn reaches(&self, from: usize, to: usize) -> bool {
        self.walk(from, |node| node == to)
    }

    /// Visits what can be reached from a node until `is_found` says so; gives whether it did.
    fn walk(&self, from: usize, mut is_found: impl FnMut(usize) -> bool) -> bool {
        let mut seen = vec![false; self.len()];
        let mut stack = vec![from];
        while let Some(node) = stack.pop() {
            if seen.get(node).is_none_or(|seen| *seen) {
                continue;
            }
            if is_found(node) {
                return true;
            }
            seen[node] = true;
            stack.extend(self.after(node));
        }
        false
    }

    /// Every node after all that come before it; among equals the lowest position first.
    ///
    /// # Errors
    /// The nodes of a circle, in order from its lowest position, when there is one.
    pub fn order(&self) -> Result<Vec<usize>, Vec<usize>> {
        let mut open: Vec<usize> = self.before.iter().map(Vec::len).collect();
        let mut ready: BinaryHeap<Reverse<usize>> =
            (0..self.len()).filter(|&node| open[node] == 0).map(Reverse).collect();
        let mut order = Vec::with_capacity(self.len());
        while let Some(Reverse(node)) = ready.pop() {
            order.push(node);
            for &next in self.after(node) {
                open[next] -= 1;
                if open[next] == 0 {
                    ready.push(Reverse(next));
                }
            }
        }
        if order.len() == self.len() { Ok(order) } else { Err(self.circle(&open)) }
    }

    /// A circle among the nodes that still wait for something. Each of them waits for another of them, so that going
    /// back from any of them comes round.
    fn circle(&self, open: &[usize]) -> Vec<usize> {
        let Some(mut node) = (0..self.len()).find(|&node| open[node] > 0) else { return Vec::new() };
        let mut path = Vec::new();
        loop {
            if let Some(start) = path.iter().position(|&seen| seen == node) {
                let mut circle = path.split_off(start);
                circle.reverse();
                let lowest = circle.iter().enumerate().min_by_key(|(_, node)| **node).map_or(0, |(at, _)| at);
                circle.rotate_left(lowest);
                return circle;
            }
            path.push(node);
            match self.before[node].iter().find(|&&earlier| open[earlier] > 0) {
                Some(&earlier) => node = earlier,
                None => return path,
            }
        }
    }

    /// For each node, the weight of the heaviest path that starts at it, its own weight included.
    /// In a graph with a circle the nodes of the circle count only their own.
    pub fn longest_remaining(&self, weight: impl Fn(usize) -> u64) -> Vec<u64> {
        let mut longest: Vec<u64> = (0..self.len()).map(&weight).collect();
        for node in self.order().unwrap_or_default().into_iter().rev() {
            let rest = self.after(node).iter().map(|&next| longest[next]).max().unwrap_or(0);
            longest[node] = weight(node).saturating_add(rest);
        }
        longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_respects_every_edge_and_prefers_low_positions() {
        let graph = Graph::from_predecessors(&[vec![3], vec![], vec![0, 1], vec![]]);
        assert_eq!(graph.order(), Ok(vec![1, 3, 0, 2]));
    }

    #[test]
    fn a_circle_is_named_in_order() {
        let graph = Graph::from_predecessors(&[vec![], vec![3, 0], vec![1], vec![2], vec![3]]);
        let circle = graph.order().unwrap_err();
        assert_eq!(circle.len(), 3);
        for (index, &node) in circle.iter().enumerate() {
            let next = circle[(index + 1) % circle.len()];
            assert!(graph.after(node).contains(&next), "{circle:?}");
        }
    }

    #[test]
    fn the_longest_path_counts_weights() {
        let graph = Graph::from_predecessors(&[vec![], vec![0], vec![1], vec![0]]);
        assert_eq!(graph.longest_remaining(|node| if node == 3 { 10 } else { 1 }), [11, 2, 1, 10]);
    }

    #[test]
    fn an_edge_that_would_close_a_circle_is_refused() {
        let mut graph = Graph::new(3);
        graph.add(0, 1);
        graph.add(1, 2);
        assert!(!graph.add_unless_circular(2, 0));
        assert!(graph.add_unless_circular(0, 2));
        assert!(graph.order().is_ok());
    }

    #[test]
    fn what_is_not_there_is_left_out() {
        let mut graph = Graph::from_predecessors(&[vec![0, 7], vec![0, 0]]);
        graph.add(9, 0);
        assert_eq!(graph.into_predecessors(), [vec![], vec![0]]);
    }
}
