//! Variables: `${self:custom.table}`, `${opt:stage, 'dev'}`, `${file(./x.yml):key}`.

mod cells;
mod finish;
pub mod grammar;
pub mod remote;
mod report;
mod resolver;
mod rounds;
pub(super) mod script;
mod sources;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use self::remote::Remote;
use self::resolver::{Resolver, Stop};
use super::diagnostic::Diagnostic;
use super::node::{Data, Node, Sources};

pub(super) use self::resolver::Inputs;
pub(super) use self::sources::is_script;
pub use self::sources::table;

/// What the values that variables make may take in memory, in bytes.
const MAX_BYTES: usize = 64 << 20;

/// Resolves every variable of a configuration. What could not be resolved is left open, and reported. The addresses that
/// `${self:..}` asked for come along.
pub(super) async fn resolve(
    root: Node,
    inputs: &Inputs,
    sources: &mut Sources,
    remote: Option<&dyn Remote>,
) -> (Node, Vec<Diagnostic>, BTreeSet<String>) {
    let mut resolver = Resolver::new(root, inputs, sources);
    let root = resolver.root;
    rounds::resolve(&mut resolver, remote, root).await;
    let tree = finish::tree(&mut resolver, root);
    (tree, resolver.diagnostics, resolver.asked)
}

/// Resolves single values before the rest, without an account: what the stage and the environment depend on. A value
/// that is not there is `None`.
pub(super) async fn resolve_some<const N: usize>(
    root: Node,
    inputs: &Inputs,
    sources: &mut Sources,
    paths: [&[&str]; N],
) -> ([Option<Node>; N], Vec<Diagnostic>) {
    let place = root.place;
    let mut resolver = Resolver::new(root, inputs, sources);
    let root = resolver.root;
    let mut found = [const { None }; N];
    for (path, slot) in paths.iter().zip(&mut found) {
        let settled =
            rounds::settle(&mut resolver, None, |resolver| resolver.navigate(root, path).map(|found| found.cell));
        match settled.await {
            Ok(cell) => {
                rounds::resolve(&mut resolver, None, cell).await;
                *slot = Some(finish::tree(&mut resolver, cell));
            }
            Err(Stop::Deferred(text)) => *slot = Some(Node::new(Data::Deferred(text), place)),
            Err(_) => {}
        }
    }
    (found, resolver.diagnostics)
}
