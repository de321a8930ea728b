//! Distillation of logits.
//!
//! | type | what it matches | source |
//! |---|---|---|
//! | [`HintonKd`] | the softened class probabilities | arXiv 1503.02531 |
//! | [`DkdLoss`] | the label's probability and the distribution of the others, weighted apart | arXiv 2203.08679 |

mod dkd;
mod hinton_kd;

pub use dkd::{DkdLoss, DkdLossConfig, DkdTerms};
pub use hinton_kd::{HintonKd, HintonKdConfig};
