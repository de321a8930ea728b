//! How much do two explanations of one input agree?
//!
//! Scores of one instance are slices, cut to their true length (no padding). Every measure refuses slices of
//! different lengths, empty ones and values that are not finite.

mod agreement_matrix;
mod attention_aggregator;
mod kendall_tau;
mod kendall_top_k;
mod pair;
mod pairwise_rank_agreement;
mod pearson;
mod rank_biased_overlap;
mod spearman;
mod token_reduce;
mod top_k_agreement;
mod weighted_kendall_tau;

pub use agreement_matrix::{AgreementMatrix, AgreementMeasure, TopKDepth};
pub use attention_aggregator::AttentionAggregator;
pub use kendall_tau::kendall_tau;
pub use kendall_top_k::{KendallTopK, KendallTopKConfig, KendallTopKReport};
pub use pairwise_rank_agreement::pairwise_rank_agreement;
pub use pearson::pearson_r;
pub use rank_biased_overlap::rank_biased_overlap;
pub use spearman::spearman_rho;
pub use token_reduce::TokenReduce;
pub use top_k_agreement::TopKAgreement;
pub use weighted_kendall_tau::weighted_kendall_tau;
