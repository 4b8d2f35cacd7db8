//! Checks the graph of providers before anything is built: sync, pure, all faults at once.
//!
//! Upstream: [`Module`](super::Module) collects the nodes. Downstream: [`build`](super::build) runs what is left.

use std::{
    collections::{HashMap, HashSet},
    panic::Location,
};

use super::{
    error::{Asker, Fault},
    token::{Kind, Need},
};

/// A place in the user's code.
pub(super) type Place = &'static Location<'static>;

/// What the graph knows of a provider.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) at: Place,
    pub(super) needs: Vec<Need>,
}

/// A need that does not come from a provider.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) need: Need,
    pub(super) by: Asker,
    pub(super) at: Place,
}

/// The nodes, found by name. Of duplicates, the first counts.
pub(super) struct Graph<'a> {
    nodes: Vec<&'a Node>,
    by_name: HashMap<&'static str, usize>,
}

impl<'a> Graph<'a> {
    pub(super) fn new(nodes: impl IntoIterator<Item = &'a Node>) -> Self {
        let nodes: Vec<_> = nodes.into_iter().collect();
        let mut by_name = HashMap::new();
        for (index, node) in nodes.iter().enumerate() {
            by_name.entry(node.name).or_insert(index);
        }
        Self { nodes, by_name }
    }

    /// Everything that is wrong: first what stands twice, then what is missing, then what is circular.
    pub(super) fn faults(&self, asks: &[Ask]) -> Vec<Fault> {
        let of_providers = self.nodes.iter().flat_map(|node| {
            node.needs.iter().map(|need| (*need, Asker::Provider(node.name), node.at))
        });
        let of_others = asks.iter().map(|ask| (ask.need, ask.by, ask.at));
        let missing =
            of_providers.chain(of_others).filter_map(|(need, by, at)| self.missing(need, by, at));
        self.duplicates().into_iter().chain(missing).chain(self.circles()).collect()
    }

    /// The names that `needs` reach: they alone are built.
    pub(super) fn reached(&self, needs: &[Need]) -> HashSet<&'static str> {
        let mut reached = HashSet::new();
        let mut next: Vec<Need> = needs.to_vec();
        while let Some(need) = next.pop() {
            let Some(node) = self.node(need.name) else { continue };
            if reached.insert(node.name) {
                next.extend(&node.needs);
            }
        }
        reached
    }

    pub(super) fn node(&self, name: &str) -> Option<&'a Node> {
        self.by_name.get(name).map(|&index| self.nodes[index])
    }

    fn missing(&self, need: Need, by: Asker, at: Place) -> Option<Fault> {
        let Need { name, kind, optional } = need;
        match self.node(name) {
            Some(node) if node.kind == kind => None,
            Some(node) => Some(Fault::OtherType {
                name,
                kind: kind.name,
                by,
                at,
                provided: node.kind.name,
                provided_at: node.at,
            }),
            // An override of nothing is a fault of its own; it is reported where overrides are applied.
            None if optional || by == Asker::Override => None,
            None => Some(Fault::Missing { name, kind: kind.name, by, at }),
        }
    }

    fn duplicates(&self) -> Vec<Fault> {
        let mut places: Vec<Vec<Place>> = vec![Vec::new(); self.nodes.len()];
        for node in &self.nodes {
            places[self.by_name[node.name]].push(node.at);
        }
        let all = self.nodes.iter().zip(places).filter(|(_, at)| at.len() > 1);
        all.map(|(node, at)| Fault::Duplicate { name: node.name, at }).collect()
    }

    /// At least one circle for each knot of providers that wait for each other.
    fn circles(&self) -> Vec<Fault> {
        let mut walk =
            Walk { graph: self, done: HashSet::new(), path: Vec::new(), circles: Vec::new() };
        for node in &self.nodes {
            walk.visit(node.name);
        }
        walk.circles
    }
}

/// A walk along the needs, depth first; as deep as the longest chain of providers.
struct Walk<'g, 'a> {
    graph: &'g Graph<'a>,
    done: HashSet<&'static str>,
    path: Vec<&'static str>,
    circles: Vec<Fault>,
}

impl Walk<'_, '_> {
    fn visit(&mut self, name: &'static str) {
        let Some(node) = self.graph.node(name) else { return };
        if let Some(start) = self.path.iter().position(|&above| above == name) {
            let mut path = self.path[start..].to_vec();
            path.push(name);
            let circle = Fault::Circular { path };
            if !self.circles.contains(&circle) {
                self.circles.push(circle);
            }
            return;
        }
        if !self.done.insert(name) {
            return;
        }
        self.path.push(name);
        for need in &node.needs {
            self.visit(need.name);
        }
        self.path.pop();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAMES: [&str; 7] = ["A", "B", "C", "D", "E", "F", "G"];

    fn need(name: usize) -> Need {
        Need { name: NAMES[name], kind: Kind::of::<()>(), optional: false }
    }

    #[track_caller]
    fn nodes(edges: &[(usize, usize)]) -> Vec<Node> {
        let at = Location::caller();
        let needs = |from| edges.iter().filter(move |edge| edge.0 == from).map(|edge| need(edge.1));
        (0..NAMES.len())
            .map(|from| Node {
                name: NAMES[from],
                kind: Kind::of::<()>(),
                at,
                needs: needs(from).collect(),
            })
            .collect()
    }

    /// Whether every node can be built at some time, found the way a build goes.
    fn can_be_built(edges: &[(usize, usize)]) -> bool {
        let mut built = [false; NAMES.len()];
        for _ in NAMES {
            for node in 0..NAMES.len() {
                built[node] |= edges.iter().all(|edge| edge.0 != node || built[edge.1]);
            }
        }
        built.iter().all(|&built| built)
    }

    proptest! {
        // Goal: a graph without faults can be built, one that cannot be built has a fault whose path is real.
        #[test]
        fn circles_are_what_cannot_be_built(edges in prop::collection::vec((0..7_usize, 0..7_usize), 0..12)) {
            let nodes = nodes(&edges);
            let faults = Graph::new(&nodes).faults(&[]);
            prop_assert_eq!(faults.is_empty(), can_be_built(&edges));
            for fault in faults {
                let Fault::Circular { path } = fault else { panic!("only circles are possible: {fault}") };
                prop_assert_eq!(path.first(), path.last());
                for step in path.windows(2) {
                    prop_assert!(edges.iter().any(|edge| NAMES[edge.0] == step[0] && NAMES[edge.1] == step[1]));
                }
            }
        }

        // Goal: what is reached is closed under "needs", holds the ends, and nothing that no end needs.
        #[test]
        fn reached_is_what_the_ends_need(edges in prop::collection::vec((0..7_usize, 0..7_usize), 0..12), end in 0..7_usize) {
            let nodes = nodes(&edges);
            let reached = Graph::new(&nodes).reached(&[need(end)]);
            let mut expected = HashSet::from([end]);
            for _ in NAMES {
                let next: Vec<_> = edges.iter().filter(|edge| expected.contains(&edge.0)).map(|edge| edge.1).collect();
                expected.extend(next);
            }
            prop_assert_eq!(reached, expected.into_iter().map(|name| NAMES[name]).collect::<HashSet<_>>());
        }
    }
}
