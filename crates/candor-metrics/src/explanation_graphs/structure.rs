//! A graph's structure: what is left when its edges are a set.

use std::collections::BTreeMap;

use candor_core::explanation_graph::ExplanationGraph;
use petgraph::algo::{connected_components, toposort};
use petgraph::graph::DiGraph;

/// Concepts, and relations between them; of a (head, tail) pair that is repeated the last relation stays.
pub(super) fn structure(graph: &ExplanationGraph) -> DiGraph<&str, &str> {
    let mut structure = DiGraph::new();
    let concepts = graph.concepts().into_iter();
    let nodes: BTreeMap<&str, _> = concepts
        .map(|concept| (concept, structure.add_node(concept)))
        .collect();
    for edge in &graph.edges {
        let ends = nodes
            .get(edge.head.as_str())
            .zip(nodes.get(edge.tail.as_str()));
        if let Some((&head, &tail)) = ends {
            structure.update_edge(head, tail, edge.relation.as_str());
        }
    }
    structure
}

/// Whether all concepts hang together when edges may be walked both ways; no concept does not.
pub(super) fn is_connected(structure: &DiGraph<&str, &str>) -> bool {
    connected_components(structure) == 1
}

/// Whether no walk along the edges comes back; an edge from a concept to itself does.
pub(super) fn is_acyclic(structure: &DiGraph<&str, &str>) -> bool {
    toposort(structure, None).is_ok()
}
