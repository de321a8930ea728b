use std::collections::BTreeMap;

use candor_core::DrawKey;
use candor_core::explanation_graph::ExplanationGraph;
use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};

use super::{GraphPerturbation, PerturbationError};

/// The concepts that neither text mentions and for which there is a synonym, by first appearance.
///
/// A text mentions a concept when, in lower case, it has the concept's characters in a row, as the benchmark counts it.
pub fn replaceable_concepts<'a>(
    graph: &'a ExplanationGraph,
    belief: &str,
    argument: &str,
    synonyms: &BTreeMap<String, Vec<String>>,
) -> Vec<&'a str> {
    let texts = [belief.to_lowercase(), argument.to_lowercase()];
    let mentioned = |concept: &str| texts.iter().any(|text| text.contains(concept));
    graph
        .concepts()
        .into_iter()
        .filter(|concept| !mentioned(concept))
        .filter(|concept| synonyms.get(*concept).is_some_and(|own| !own.is_empty()))
        .collect()
}

/// A positive: some of the [`replaceable_concepts`], at least one, each replaced by a synonym of it.
///
/// Which ones, and by which synonym, is drawn from the key; to choose yourself, apply
/// [`GraphPerturbation::ReplaceNode`]. `None` where no concept can be replaced.
///
/// Source: Saha, Yadav, Bansal, 2022, arXiv 2204.04813; the recipe follows its description, the synonyms are the caller's.
///
/// ```
/// use std::collections::BTreeMap;
/// use candor_core::DrawKey;
/// use candor_losses::graphs::{ExplanationGraph, synonym_positive};
///
/// let graph = ExplanationGraph::parse("(cannabis; is a; drug)(drug; causes; harm)").unwrap();
/// let synonyms = ["cannabis", "harm"].map(|concept| (concept.to_owned(), vec![format!("{concept} too")]));
/// let synonyms = BTreeMap::from(synonyms);
/// let positive = synonym_positive(&graph, "Ban cannabis", "It is bad", &synonyms, DrawKey::new(0));
/// assert_eq!(positive.unwrap().to_string(), "(cannabis; is a; drug)(drug; causes; harm too)");
/// ```
pub fn synonym_positive(
    graph: &ExplanationGraph,
    belief: &str,
    argument: &str,
    synonyms: &BTreeMap<String, Vec<String>>,
    key: DrawKey,
) -> Option<ExplanationGraph> {
    let mut rng = key.rng();
    let mut concepts = replaceable_concepts(graph, belief, argument, synonyms);
    if concepts.is_empty() {
        return None;
    }
    let count = rng.random_range(1..=concepts.len());
    concepts.shuffle(&mut rng);
    let edits = concepts.into_iter().take(count).filter_map(|concept| {
        let new = synonyms.get(concept)?.choose(&mut rng)?;
        Some(GraphPerturbation::ReplaceNode {
            old: concept.to_owned(),
            new: new.clone(),
        })
    });
    let edits: Vec<GraphPerturbation> = edits.collect();
    GraphPerturbation::apply_all(&edits, graph).ok()
}

/// A positive: the same edges in an order drawn from the key.
///
/// [`ExplanationGraph::dfs_linearized`] gives the other order that is right by definition.
pub fn reordered(graph: &ExplanationGraph, key: DrawKey) -> ExplanationGraph {
    let mut edges = graph.edges.clone();
    edges.shuffle(&mut key.rng());
    ExplanationGraph { edges }
}

/// A positive: the same edges in a given order, which names each position once.
///
/// # Errors
///
/// An order that leaves out or repeats an edge, or names one that is not there.
///
/// ```
/// use candor_losses::graphs::{ExplanationGraph, reordered_by};
///
/// let graph = ExplanationGraph::parse("(a; is a; b)(b; causes; c)").unwrap();
/// assert_eq!(reordered_by(&graph, &[1, 0]).unwrap().to_string(), "(b; causes; c)(a; is a; b)");
/// assert!(reordered_by(&graph, &[1, 1]).is_err());
/// ```
pub fn reordered_by(
    graph: &ExplanationGraph,
    order: &[usize],
) -> Result<ExplanationGraph, PerturbationError> {
    let mut sorted = order.to_vec();
    sorted.sort_unstable();
    if !sorted.into_iter().eq(0..graph.edges.len()) {
        return Err(PerturbationError::NotAnOrder {
            order: order.to_vec(),
            edges: graph.edges.len(),
        });
    }
    let edges = order
        .iter()
        .filter_map(|&edge| graph.edges.get(edge).cloned());
    Ok(ExplanationGraph {
        edges: edges.collect(),
    })
}
