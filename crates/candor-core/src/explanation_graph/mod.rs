//! Graphs of concepts that a language model writes as text: the language that `candor-losses`, which perturbs them, and
//! `candor-metrics`, which judges them, both speak.

mod graph;
mod relations;

pub use graph::{Edge, ExplanationGraph, GraphParseError};
pub use relations::{RELATIONS, is_relation, opposite_relation};
