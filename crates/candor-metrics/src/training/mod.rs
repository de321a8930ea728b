//! Will this training blow up when the model or the learning rate grows?
//!
//! | measure | what it tells |
//! |---|---|
//! | [`AttentionLogitStats`] | how large attention logits have become; runs above [`DANGEROUS_ATTENTION_LOGIT`] diverged |
//! | [`LogZStats`] | how far the output logits have drifted |
//! | [`root_mean_square`], [`epsilon_attenuation`] | how large a gradient is, and how much of Adam's update its ε leaves |
//! | [`lr_sensitivity`] | how much is lost over a sweep of learning rates |
//! | [`NormExtrapolation`] | what a statistic will be at a size not yet trained |
//!
//! With the feature `train`, [`burn_train`] has the first two as metrics of burn-train. The remedies are in
//! candor-losses, module `stability`.
//!
//! Source: Wortsman et al.: Small-scale proxies for large-scale Transformer training instabilities, 2023,
//! arXiv 2309.14322.

mod attention_logit_stats;
#[cfg(feature = "train")]
pub mod burn_train;
mod epsilon_attenuation;
mod log_z_stats;
mod lr_sensitivity;
mod norm_extrapolation;
mod root_mean_square;

pub use attention_logit_stats::{AttentionLogitStats, DANGEROUS_ATTENTION_LOGIT};
pub use epsilon_attenuation::epsilon_attenuation;
pub use log_z_stats::LogZStats;
pub use lr_sensitivity::{LrSensitivity, LrWeighting, lr_sensitivity};
pub use norm_extrapolation::{CrossingDirection, NormExtrapolation};
pub use root_mean_square::root_mean_square;
