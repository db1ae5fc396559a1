//! What can start now.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use crate::engine::graph::Graph;
use crate::engine::kind::Cloud;
use crate::engine::plan::{Action, Change, Plan};

/// Something to do, by the position of its change in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Node {
    Change(usize),
    /// Deletes the old one of a replaced resource, when nothing needs it any more.
    Cleanup(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Started,
    Done,
    Given,
}

/// The longest remaining path, and how many wait: one role for a hundred functions goes before a hundred log groups.
type Priority = (u64, usize);

pub(super) struct Schedule {
    nodes: Vec<Node>,
    places: HashMap<Node, usize>,
    graph: Graph,
    /// What stands before another one that may start once this is there, before it is done.
    early: HashSet<(usize, usize)>,
    /// What is there and not done.
    there: HashSet<usize>,
    /// How many before it are not done.
    missing: Vec<usize>,
    state: Vec<State>,
    priority: Vec<Priority>,
    ready: BinaryHeap<(Priority, Reverse<usize>)>,
    /// Writers at work, and who waits for them.
    writers: HashMap<String, Vec<usize>>,
}

impl Schedule {
    pub fn new(plan: &Plan, cloud: &dyn Cloud) -> Self {
        let mut nodes: Vec<Node> =
            (0..plan.changes.len()).filter(|&position| plan.changes[position].is_write()).map(Node::Change).collect();
        let replaced: Vec<usize> = (0..plan.changes.len())
            .filter(|&position| matches!(plan.changes[position].action, Action::Replace { .. }))
            .collect();
        nodes.extend(replaced.iter().copied().map(Node::Cleanup));
        let places: HashMap<Node, usize> = nodes.iter().enumerate().map(|(place, &node)| (node, place)).collect();
        let mut graph = Graph::new(nodes.len());
        let cleanups: HashSet<usize> = replaced.into_iter().collect();
        for (later, before) in plan.after.iter().enumerate() {
            let Some(&later_place) = places.get(&Node::Change(later)) else { continue };
            for earlier in before {
                if let Some(&earlier_place) = places.get(&Node::Change(*earlier)) {
                    graph.add(earlier_place, later_place);
                }
                if cleanups.contains(earlier) {
                    let cleanup = places[&Node::Cleanup(*earlier)];
                    if matches!(plan.changes[later].action, Action::Delete) {
                        // What the old one pointed at goes after it.
                        graph.add_unless_circular(cleanup, later_place);
                    } else {
                        // The old one goes when everybody has turned to the new one.
                        graph.add_unless_circular(later_place, cleanup);
                    }
                }
            }
        }
        for &position in &cleanups {
            graph.add_unless_circular(places[&Node::Change(position)], places[&Node::Cleanup(position)]);
        }
        let early = followers(plan, cloud, &nodes, &graph);
        for &(earlier, follower) in &early {
            for next in graph.after(follower).to_vec() {
                graph.add(earlier, next);
            }
        }
        let paths = graph.longest_remaining(|place| match nodes[place] {
            Node::Change(position) => weight(&plan.changes[position]),
            Node::Cleanup(_) => 1,
        });
        let priority: Vec<Priority> =
            paths.into_iter().enumerate().map(|(place, path)| (path, graph.after(place).len())).collect();
        let missing: Vec<usize> = (0..nodes.len()).map(|place| graph.before(place).len()).collect();
        let ready = (0..nodes.len())
            .filter(|&place| missing[place] == 0)
            .map(|place| (priority[place], Reverse(place)))
            .collect();
        let state = vec![State::Open; nodes.len()];
        Self {
            nodes,
            places,
            graph,
            early,
            there: HashSet::new(),
            missing,
            state,
            priority,
            ready,
            writers: HashMap::new(),
        }
    }

    /// The most urgent of what can start.
    pub fn next(&mut self) -> Option<Node> {
        while let Some((_, Reverse(place))) = self.ready.pop() {
            if self.state[place] == State::Open {
                self.state[place] = State::Started;
                return Some(self.nodes[place]);
            }
        }
        None
    }

    /// Becomes the one writer of a key; or waits for it, and is given by [`Schedule::next`] again later.
    pub fn take_writer(&mut self, node: Node, key: &str) -> bool {
        let place = self.places[&node];
        match self.writers.get_mut(key) {
            Some(waiting) => {
                self.state[place] = State::Open;
                waiting.push(place);
                false
            }
            None => {
                self.writers.insert(key.to_owned(), Vec::new());
                true
            }
        }
    }

    pub fn free_writer(&mut self, key: &str) {
        for place in self.writers.remove(key).unwrap_or_default() {
            self.ready.push((self.priority[place], Reverse(place)));
        }
    }

    /// What a node makes is there: what may follow early starts.
    pub fn there(&mut self, node: Node) {
        let place = self.places[&node];
        if self.state[place] == State::Started && self.there.insert(place) {
            self.unlock(place, |is_early| is_early);
        }
    }

    pub fn done(&mut self, node: Node) {
        let place = self.places[&node];
        self.state[place] = State::Done;
        let was_there = self.there.contains(&place);
        self.unlock(place, |is_early| !(is_early && was_there));
    }

    fn unlock(&mut self, place: usize, which: impl Fn(bool) -> bool) {
        for &next in self.graph.after(place) {
            if !which(self.early.contains(&(place, next))) {
                continue;
            }
            self.missing[next] -= 1;
            if self.missing[next] == 0 && self.state[next] == State::Open {
                self.ready.push((self.priority[next], Reverse(next)));
            }
        }
    }

    /// Gives up on a node and on everything that comes after it; gives the latter.
    pub fn fail(&mut self, node: Node) -> Vec<Node> {
        let place = self.places[&node];
        self.state[place] = State::Given;
        let mut skipped = Vec::new();
        let mut stack: Vec<usize> = self.graph.after(place).to_vec();
        while let Some(next) = stack.pop() {
            if self.state[next] == State::Open {
                self.state[next] = State::Given;
                skipped.push(self.nodes[next]);
                stack.extend(self.graph.after(next));
            }
        }
        skipped.sort_unstable();
        skipped
    }

    /// What was neither done nor given up.
    pub fn open(&self) -> Vec<Node> {
        let open = |&place: &usize| matches!(self.state[place], State::Open | State::Started);
        (0..self.nodes.len()).filter(open).map(|place| self.nodes[place]).collect()
    }
}

/// What is new, with what is new after it and may follow early.
fn followers(plan: &Plan, cloud: &dyn Cloud, nodes: &[Node], graph: &Graph) -> HashSet<(usize, usize)> {
    let created = |place: usize| match nodes[place] {
        Node::Change(position) => {
            Some(&plan.changes[position]).filter(|change| matches!(change.action, Action::Create))
        }
        Node::Cleanup(_) => None,
    };
    let mut found = HashSet::new();
    for place in 0..nodes.len() {
        let Some(earlier) = created(place) else { continue };
        for &next in graph.after(place) {
            let kind = created(next).and_then(|later| cloud.kind(&later.address.kind));
            if kind.is_some_and(|kind| kind.follows_early(&earlier.address.kind)) {
                found.insert((place, next));
            }
        }
    }
    found
}

/// How long a change takes, roughly and relative to others.
fn weight(change: &Change) -> u64 {
    match change.action {
        Action::Create | Action::Replace { .. } => 4,
        Action::Update { .. } | Action::Adopt { .. } => 3,
        Action::Delete => 2,
        Action::Retain | Action::Nothing => 0,
    }
}
