//! Objectives that pull two views of one thing together and push everything else away.
//!
//! | type | what it minimises | source |
//! |---|---|---|
//! | [`InfoNceLoss`] | cross-entropy of finding the positive among the negatives: in the batch, a memory bank, or similarities of your own | arXiv 1807.03748 |
//! | [`NtXentLoss`] | the same over both views at once, each row the anchor of its partner | arXiv 2002.05709 |
//! | [`SupConLoss`] | the same with every row of the anchor's class as a positive | arXiv 2004.11362 |
//! | [`HardInfoNceLoss`] | InfoNCE over the hardest negatives only | arXiv 2012.09740 |
//! | [`SimpleContrastiveLoss`] | similarities as they are: no temperature, no hardness | arXiv 2012.09740 |
//! | [`HardSimpleContrastiveLoss`] | the same over the hardest negatives only | arXiv 2012.09740 |
//!
//! Those with a [`SimilarityForm`] also take similarities that you computed yourself.
//!
//! [`PenaltyAnalysis`] tells which negatives a temperature pushes, [`low_temperature_limit`] and
//! [`high_temperature_limit`] what the loss becomes at both ends. How uniform and how tolerant embeddings are is measured in
//! `candor_metrics::representation`.
//!
//! **Memory.** The matrix of similarities never exists as a whole: every `forward` holds as many of its rows as its
//! [`MemoryBudget`](candor_core::MemoryBudget) allows, and 65,536 x 65,536 pairs take no more than 2 x 2.

mod gradient_parts;
mod hard_info_nce;
mod hard_simple;
mod hardest;
mod info_nce;
mod limits;
mod nt_xent;
mod penalty_analysis;
mod row_chunks;
mod similarities;
mod similarity_form;
mod simple;
mod sup_con;

pub use gradient_parts::GradientParts;
pub use hard_info_nce::{HardInfoNceLoss, HardInfoNceLossConfig};
pub use hard_simple::{HardSimpleContrastiveLoss, HardSimpleContrastiveLossConfig};
pub use info_nce::{InfoNceLoss, InfoNceLossConfig};
pub use limits::{high_temperature_limit, low_temperature_limit};
pub use nt_xent::{NtXentLoss, NtXentLossConfig};
pub use penalty_analysis::{Penalties, PenaltyAnalysis, PenaltyAnalysisConfig, TemperatureEffect};
pub use similarity_form::SimilarityForm;
pub use simple::{SimpleContrastiveLoss, SimpleContrastiveLossConfig};
pub use sup_con::{SupConLoss, SupConLossConfig};
