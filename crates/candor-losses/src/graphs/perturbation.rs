use candor_core::explanation_graph::{Edge, ExplanationGraph};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why an edit cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PerturbationError {
    /// The graph has no such edge.
    #[error("edge {edge} does not exist, the graph has {edges} edges")]
    NoSuchEdge {
        /// The edge asked for.
        edge: usize,
        /// How many there are.
        edges: usize,
    },
    /// No edge of the graph has this concept.
    #[error("the graph has no concept {concept:?}")]
    NoSuchConcept {
        /// The concept asked for.
        concept: String,
    },
    /// An order that does not name every edge once.
    #[error("the order {order:?} does not name each of {edges} edges once")]
    NotAnOrder {
        /// The order given.
        order: Vec<usize>,
        /// How many edges there are.
        edges: usize,
    },
}

/// One edit of a graph.
///
/// The edges keep their order; an added one comes last. A concept that replaces another may be in the graph already:
/// the two then are one node.
///
/// Source: Saha, Yadav, Bansal: Explanation Graph Generation via Pre-trained Language Models, 2022, arXiv 2204.04813.
///
/// ```
/// use candor_losses::graphs::{ExplanationGraph, GraphPerturbation};
///
/// let graph = ExplanationGraph::parse("(a; is a; b)(b; desires; c)").unwrap();
/// let edited = GraphPerturbation::ReplaceRelation(1, "not desires".to_owned()).apply(&graph).unwrap();
/// assert_eq!(edited.to_string(), "(a; is a; b)(b; not desires; c)");
/// assert!(GraphPerturbation::RemoveEdge(2).apply(&graph).is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GraphPerturbation {
    /// Removes the edge at this position.
    RemoveEdge(usize),
    /// Adds an edge at the end.
    AddEdge(Edge),
    /// Gives the edge at this position another relation.
    ReplaceRelation(usize, String),
    /// Writes another concept wherever an edge has the old one.
    ReplaceNode {
        /// The concept to replace.
        old: String,
        /// What is written for it.
        new: String,
    },
    /// Lets the edge at this position point the other way.
    ReverseEdge(usize),
}

impl GraphPerturbation {
    /// The edited graph.
    ///
    /// # Errors
    ///
    /// An edge or a concept that the graph does not have.
    pub fn apply(&self, graph: &ExplanationGraph) -> Result<ExplanationGraph, PerturbationError> {
        let mut edited = graph.clone();
        match self {
            Self::RemoveEdge(edge) => {
                edge_of(&mut edited, *edge)?;
                edited.edges.remove(*edge);
            }
            Self::AddEdge(edge) => edited.edges.push(edge.clone()),
            Self::ReplaceRelation(edge, relation) => {
                edge_of(&mut edited, *edge)?.relation.clone_from(relation);
            }
            Self::ReplaceNode { old, new } => replace(&mut edited, old, new)?,
            Self::ReverseEdge(edge) => {
                let edge = edge_of(&mut edited, *edge)?;
                std::mem::swap(&mut edge.head, &mut edge.tail);
            }
        }
        Ok(edited)
    }

    /// The graph after several edits, each of the graph that the one before it left.
    ///
    /// # Errors
    ///
    /// As [`apply`](Self::apply), of the first edit that cannot be made.
    pub fn apply_all(
        edits: &[Self],
        graph: &ExplanationGraph,
    ) -> Result<ExplanationGraph, PerturbationError> {
        edits
            .iter()
            .try_fold(graph.clone(), |graph, edit| edit.apply(&graph))
    }
}

fn edge_of(graph: &mut ExplanationGraph, edge: usize) -> Result<&mut Edge, PerturbationError> {
    let edges = graph.edges.len();
    graph
        .edges
        .get_mut(edge)
        .ok_or(PerturbationError::NoSuchEdge { edge, edges })
}

fn replace(graph: &mut ExplanationGraph, old: &str, new: &str) -> Result<(), PerturbationError> {
    let mut found = false;
    let ends = graph
        .edges
        .iter_mut()
        .flat_map(|edge| [&mut edge.head, &mut edge.tail]);
    for concept in ends.filter(|concept| concept.as_str() == old) {
        new.clone_into(concept);
        found = true;
    }
    if found {
        Ok(())
    } else {
        Err(PerturbationError::NoSuchConcept {
            concept: old.to_owned(),
        })
    }
}
