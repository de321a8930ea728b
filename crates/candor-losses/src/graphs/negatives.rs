use std::collections::BTreeMap;

use candor_core::DrawKey;
use candor_core::explanation_graph::{Edge, ExplanationGraph, opposite_relation};
use rand::seq::SliceRandom;

use super::GraphPerturbation;

/// Edits that may break a graph's structure: candidates for structural negatives, each a list to apply in order.
///
/// For every edge: it is removed; its reverse is added, so that there is a cycle; both, the reverse of the next edge
/// being added. For every concept: all its edges are removed. Whether the structure is broken is for the check to say
/// that [`draw_accepted`] is given.
///
/// Source: Saha, Yadav, Bansal, 2022, arXiv 2204.04813; the recipes follow its description, as the authors' generator is
/// not published.
///
/// ```
/// use candor_losses::graphs::{ExplanationGraph, GraphPerturbation, structural_edits};
///
/// let graph = ExplanationGraph::parse("(a; is a; b)(b; causes; c)").unwrap();
/// let edits = structural_edits(&graph);
/// assert_eq!(edits[0], [GraphPerturbation::RemoveEdge(0)]);
/// let cyclic = GraphPerturbation::apply_all(&edits[2], &graph).unwrap();
/// assert_eq!(cyclic.to_string(), "(a; is a; b)(b; causes; c)(b; is a; a)");
/// ```
pub fn structural_edits(graph: &ExplanationGraph) -> Vec<Vec<GraphPerturbation>> {
    let edges = graph.edges.iter().enumerate();
    let removals = edges
        .clone()
        .map(|(index, _)| vec![GraphPerturbation::RemoveEdge(index)]);
    let cycles = edges.clone().map(|(_, edge)| vec![add_reverse(edge)]);
    let next = graph.edges.iter().skip(1).chain(graph.edges.first());
    let exchanges = edges
        .zip(next)
        .map(|((index, _), next)| vec![GraphPerturbation::RemoveEdge(index), add_reverse(next)]);
    let concepts = graph.concepts().into_iter();
    let without = concepts.map(|concept| remove_concept(graph, concept));
    removals
        .chain(cycles)
        .chain(exchanges)
        .chain(without)
        .collect()
}

/// Edits that change a graph's meaning and not its structure: candidates for semantic negatives.
///
/// For every edge its relation is replaced by the opposite one; for every concept that `substitutes` has an entry for,
/// the concept by each of the entry's (antonyms, or other concepts).
///
/// ```
/// use std::collections::BTreeMap;
/// use candor_losses::graphs::{ExplanationGraph, GraphPerturbation, semantic_edits};
///
/// let graph = ExplanationGraph::parse("(a; is a; good thing)").unwrap();
/// let antonyms = BTreeMap::from([("good thing".to_owned(), vec!["bad thing".to_owned()])]);
/// let edits = semantic_edits(&graph, &antonyms);
/// let edited = edits.iter().map(|edit| GraphPerturbation::apply_all(edit, &graph).unwrap().to_string());
/// assert_eq!(edited.collect::<Vec<_>>(), ["(a; is not a; good thing)", "(a; is a; bad thing)"]);
/// ```
pub fn semantic_edits(
    graph: &ExplanationGraph,
    substitutes: &BTreeMap<String, Vec<String>>,
) -> Vec<Vec<GraphPerturbation>> {
    let relations = graph.edges.iter().enumerate().filter_map(|(index, edge)| {
        let opposite = opposite_relation(&edge.relation)?;
        Some(GraphPerturbation::ReplaceRelation(
            index,
            opposite.to_owned(),
        ))
    });
    let concepts = graph.concepts();
    let concepts = concepts.iter().flat_map(|concept| {
        let substitutes = substitutes.get(*concept).into_iter().flatten();
        substitutes.map(|new| GraphPerturbation::ReplaceNode {
            old: (*concept).to_owned(),
            new: new.clone(),
        })
    });
    relations.chain(concepts).map(|edit| vec![edit]).collect()
}

/// The first edited graph that `accept` holds for, the edits being tried in an order drawn from the key.
///
/// A structural negative is one that the structural check fails, a semantic negative one that passes it. `None` where no
/// edit is accepted. Edits that cannot be made are passed over. To choose by draws of your own, apply an edit yourself.
///
/// ```
/// use candor_core::DrawKey;
/// use candor_losses::graphs::{ExplanationGraph, draw_accepted, structural_edits};
///
/// let graph = ExplanationGraph::parse("(a; is a; b)(b; causes; c)(c; causes; d)").unwrap();
/// let too_few = |graph: &ExplanationGraph| graph.edges.len() < 3; // or !checker.check_graph(graph, ..).correct()
/// let negative = draw_accepted(&graph, &structural_edits(&graph), too_few, DrawKey::new(1));
/// assert!(negative.unwrap().edges.len() < 3);
/// ```
pub fn draw_accepted(
    graph: &ExplanationGraph,
    edits: &[Vec<GraphPerturbation>],
    accept: impl Fn(&ExplanationGraph) -> bool,
    key: DrawKey,
) -> Option<ExplanationGraph> {
    let mut order: Vec<&Vec<GraphPerturbation>> = edits.iter().collect();
    order.shuffle(&mut key.rng());
    order
        .into_iter()
        .filter_map(|edits| GraphPerturbation::apply_all(edits, graph).ok())
        .find(|edited| accept(edited))
}

fn add_reverse(edge: &Edge) -> GraphPerturbation {
    GraphPerturbation::AddEdge(Edge::new(
        edge.tail.as_str(),
        edge.relation.as_str(),
        edge.head.as_str(),
    ))
}

/// From the last edge to the first, so that the positions of those to come stay what they are.
fn remove_concept(graph: &ExplanationGraph, concept: &str) -> Vec<GraphPerturbation> {
    let edges = graph.edges.iter().enumerate().rev();
    edges
        .filter(|(_, edge)| edge.head == concept || edge.tail == concept)
        .map(|(index, _)| GraphPerturbation::RemoveEdge(index))
        .collect()
}
