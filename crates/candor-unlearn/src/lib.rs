//! Unlearning objectives for [Burn](burn): make a trained model forget given examples, and nothing else.
//!
//! | type | minimises | needs |
//! |---|---|---|
//! | [`Npo`] | `(2/β) softplus(β r)`, `r = log π - log π_ref` on the forget set | a frozen reference |
//! | [`NpoRt`], [`NpoKl`] | the same + cross-entropy, or KL to the reference, on a retain set | reference, retain set |
//! | [`SimNpo`] | NPO on length-normalised log-probabilities | nothing else |
//! | [`GradientAscent`], [`GradDiff`], [`GaKl`] | the log-likelihood of the forget set, alone or with a retain term | |
//! | [`Idk`] | cross-entropy on refusals + on a retain set | refusal answers |
//! | [`DpoUnlearn`], [`KtoUnlearn`] | preference of refusals over the answers to forget | reference, refusal answers |
//!
//! All of them read log-probabilities of labels, so that they serve classifiers and language models alike:
//! [`SequenceLogProbs::of_classes`] takes logits `[batch, classes]`, [`SequenceLogProbs::of_tokens`] takes
//! `[batch, tokens, vocabulary]`; [`class_log_probs`] is the shortcut for `[batch]` log-probabilities of a classifier.
//! The reference never changes: cache its log-probabilities once.
//!
//! All from Zhang, Lin, Bai, Mei: Negative Preference Optimization, 2024, arXiv 2404.05868, and its code.
//!
//! ```
//! use burn::tensor::{Device, Int, Tensor};
//! use candor_unlearn::{NpoRtConfig, SequenceLogProbs};
//!
//! let device = Device::flex();
//! let scored = |label: i64| {
//!     let labels = Tensor::<1, Int>::from_data([label], &device);
//!     SequenceLogProbs::of_classes(Tensor::from_floats([[0.0, 0.0]], &device), labels)
//! };
//! let reference = scored(0).sum(); // the model has not moved yet: NPO is (2/β) ln 2
//! let terms = NpoRtConfig::new().with_beta(1.0).init()?.forward(&scored(0), reference, &scored(1));
//! assert!((terms.total.into_scalar::<f32>() - 3.0 * 2f32.ln()).abs() < 1e-6);
//! # Ok::<(), candor_core::ConfigError>(())
//! ```

mod dpo_unlearn;
mod ga_kl;
mod grad_diff;
mod gradient_ascent;
mod idk;
mod kto_unlearn;
mod log_sigmoid;
mod npo;
mod npo_kl;
mod npo_rt;
mod retain_kl;
mod sequence_log_probs;
mod sim_npo;
mod terms;

pub use dpo_unlearn::{DpoUnlearn, DpoUnlearnConfig};
pub use ga_kl::{GaKl, GaKlConfig};
pub use grad_diff::{GradDiff, GradDiffConfig};
pub use gradient_ascent::GradientAscent;
pub use idk::{Idk, IdkConfig};
pub use kto_unlearn::{KtoUnlearn, KtoUnlearnConfig};
pub use npo::{Npo, NpoConfig};
pub use npo_kl::{NpoKl, NpoKlConfig};
pub use npo_rt::{NpoRt, NpoRtConfig};
pub use retain_kl::{class_retain_kl, retain_kl, validate_retain_mask};
pub use sequence_log_probs::{IGNORE_INDEX, SequenceLogProbs, class_log_probs};
pub use sim_npo::{SimNpo, SimNpoConfig};
pub use terms::UnlearnTerms;
