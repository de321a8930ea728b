//! Objectives that teach a generator of graphs what a wrong graph looks like, and the wrong graphs to teach with.
//!
//! | type | what it is for | source |
//! |---|---|---|
//! | [`GraphMaxMarginLoss`] | cross-entropy, and a margin token by token against a wrong graph | arXiv 2204.04813 |
//! | [`GraphInfoNceLoss`] | the gold graph's embedding near a right graph, far from wrong ones | arXiv 2204.04813 |
//! | [`masked_mean_pool`] | the embedding of a graph from a decoder's hidden states | arXiv 2204.04813 |
//! | [`SequenceMarginLoss`] | a margin between whole graphs, each fed to the decoder | baseline |
//! | [`TokenUnlikelihoodLoss`] | probability taken from a wrong graph's tokens | arXiv 1908.04319 |
//! | [`GraphPerturbation`] | one edit of a node or an edge | arXiv 2204.04813 |
//! | [`structural_edits`], [`semantic_edits`] | negatives: edits that break the structure, or only the meaning | arXiv 2204.04813 |
//! | [`synonym_positive`], [`reordered`] | positives: edits that leave the graph right | arXiv 2204.04813 |
//!
//! Graphs are [`ExplanationGraph`]s. Whether one is structurally right is told by `StructuralChecker` of
//! `candor_metrics::explanation_graphs`; what draws negatives takes it as a closure.

mod info_nce;
mod masked_mean_pool;
mod max_margin;
mod negatives;
mod perturbation;
mod positives;
mod sequence_margin;
mod token_check;
mod token_unlikelihood;

pub use candor_core::explanation_graph::{
    Edge, ExplanationGraph, GraphParseError, RELATIONS, is_relation, opposite_relation,
};

pub use info_nce::{GraphInfoNceLoss, GraphInfoNceLossConfig};
pub use masked_mean_pool::masked_mean_pool;
pub use max_margin::{GraphMaxMarginLoss, GraphMaxMarginLossConfig, MarginParts, PadMode};
pub use negatives::{draw_accepted, semantic_edits, structural_edits};
pub use perturbation::{GraphPerturbation, PerturbationError};
pub use positives::{reordered, reordered_by, replaceable_concepts, synonym_positive};
pub use sequence_margin::{SequenceMarginLoss, SequenceMarginLossConfig};
pub use token_unlikelihood::{TokenUnlikelihoodLoss, TokenUnlikelihoodLossConfig};
