//! Objectives of hidden states and a large vocabulary, without the logits.
//!
//! A language model's last step multiplies hidden states `[rows, width]` with an output matrix `[classes, width]`. The
//! logits `[rows, classes]` are most of the memory of its training, and an objective needs only a few sums of them.
//! These operators compute the logits tile by tile, keep the sums, and know their gradients in closed form: exact, and
//! never more than a tile of logits in memory.
//!
//! | operator | value | products in forward and backward |
//! |---|---|---|
//! | [`linear_log_probs`], [`linear_statistics`] | log-probability of each row's target; its entropy, top-1 hit, mean logit | 8 N H V: the backward pass computes each tile again |
//! | [`LinearCrossEntropy`] | cross-entropy with label smoothing, ignored rows, z-loss | 6 N H V: gradients come with the value |
//! | [`LinearDivergence`] from [`LinearKlConfig`] or [`LinearJsdConfig`] | divergence of a student's distribution from a teacher's | 6 N H V, and 2 N H V for the teacher |
//! | [`mod@reference`] | the same from materialised logits | |
//!
//! Take [`linear_log_probs`] where a loss is made of the tokens' log-probabilities (preferences, unlearning, policy
//! gradients): any function of them can follow. Take the others where one number is all that follows.
//!
//! Flex, ndarray and the CubeCL backends (wgpu, CUDA) have the operators as Burn backend extensions, with and without
//! autodiff and fusion; on any other backend the same calls run the composition in [`mod@reference`].
//!
//! **Memory.** A tile takes at most its [`LinearLogits`]' budget. Beside it there are the gradients asked for, in `f32`
//! for half-precision operands, and nothing that grows with rows times classes.
//!
//! **Precision.** Sums and results are of `f64` for `f64` operands, else of `f32`; gradients are of their operand's
//! type. Logits of ±1e4 give finite results.
//!
//! Source: the chunked cross-entropy of Liger-Kernel (arXiv 2410.10989) and Cut Cross-Entropy (arXiv 2411.09009);
//! the per-token form follows TRL's chunked log-probabilities.

mod cross_entropy;
mod divergence;
mod fused;
mod jsd;
mod kl;
mod logits;
pub mod reference;
mod statistics;

pub use cross_entropy::{LinearCrossEntropy, LinearCrossEntropyConfig};
pub use divergence::LinearDivergence;
pub use fused::Divergence;
pub use jsd::LinearJsdConfig;
pub use kl::{KlDirection, LinearKlConfig};
pub use logits::LinearLogits;
pub(crate) use logits::LogitMap;
pub use statistics::{TokenStatistics, linear_log_probs, linear_statistics};
