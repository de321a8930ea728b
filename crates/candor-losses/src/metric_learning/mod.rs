//! Objectives for embeddings: few-shot episodes and triplets.
//!
//! | component | what it is | source |
//! |---|---|---|
//! | [`prototypes`], [`nearest_prototype`] | class means of a support set, and classification by the nearest | arXiv 1703.05175 |
//! | [`ProtoCrossEntropyLoss`] | the objective of prototypical networks | arXiv 1703.05175 |
//! | [`ProtoTripletLoss`] | a margin between the own prototype and the nearest wrong one | arXiv 2305.09062 |
//! | [`IcnnLoss`], [`IcnnOriginalLoss`] | how well rows cluster by class, from their nearest neighbours | arXiv 2305.09062 |
//! | [`EpisodeLoss`] | the mean of chosen terms over an episode of support and query rows | arXiv 2305.09062 |
//! | [`TripletMarginLoss`] | a margin between a row of the same class and one of another | arXiv 1503.03832 |
//! | [`TripletMiner`], [`Triplets`] | which triplets to train: batch-hard, semi-hard, all | arXiv 1703.07737 |
//!
//! Episodes are drawn by `EpisodeSampler` of `candor-data`. The few-shot objectives leave embeddings as they are, the
//! triplet objectives normalise them.

mod distances;
mod episode;
mod icnn;
mod icnn_original;
mod neighbours;
mod proto_cross_entropy;
mod proto_triplet;
mod prototypes;
mod row_check;
mod triplet_margin;
mod triplet_miner;
mod triplets;

pub use episode::{EpisodeLoss, EpisodeLossConfig, EpisodeTerm};
pub use icnn::{IcnnLoss, IcnnLossConfig, IcnnScore};
pub use icnn_original::{IcnnOriginalLoss, IcnnOriginalLossConfig, IcnnOriginalScore};
pub use proto_cross_entropy::{ProtoCrossEntropyLoss, ProtoCrossEntropyLossConfig};
pub use proto_triplet::{ProtoTripletLoss, ProtoTripletLossConfig};
pub use prototypes::{nearest_prototype, prototypes, validate_support};
pub use triplet_margin::{TripletMarginLoss, TripletMarginLossConfig};
pub use triplet_miner::{Hardness, TripletMiner, TripletMinerConfig};
pub use triplets::Triplets;
