//! Is a generated explanation graph well built, close to the gold one, and of use?
//!
//! | measure | question |
//! |---|---|
//! | [`StructuralChecker`] | is it a graph as the benchmark wants one: connected, acyclic, of the vocabulary, about both texts? |
//! | [`graph_edit_distance`] | how many edits turn the gold graph into it? |
//! | [`edge_match_score`] | how well do its edges pair up with the gold ones, by any similarity? |
//! | [`graph_bert_score`] | the same, by the tokens of any text encoder |
//! | [`edge_importance_accuracy`] | does each edge help to tell the stance? |
//! | [`GraphBenchmark`] | all rows of a test set: stance, structure, distance, and semantics by a classifier |
//!
//! Graphs are [`ExplanationGraph`]s or their text. Edits that make right and wrong graphs are in `candor_losses::graphs`.

mod assignment;
mod benchmark;
mod edge_importance;
mod edge_match;
mod edit_distance;
mod graph_bert_score;
mod structural_check;
mod structure;

pub use candor_core::explanation_graph::{Edge, ExplanationGraph, GraphParseError, RELATIONS};

pub use benchmark::{
    Annotation, BenchmarkReport, BenchmarkRow, GraphBenchmark, GraphBenchmarkError,
};
pub use edge_importance::edge_importance_accuracy;
pub use edge_match::{EdgeMatch, corpus_mean, edge_match_score};
pub use edit_distance::{GraphEditDistance, GraphTooLarge, graph_edit_distance};
pub use graph_bert_score::{edge_similarities, graph_bert_score};
pub use structural_check::{StructuralChecker, StructuralCheckerConfig, StructuralReport};
