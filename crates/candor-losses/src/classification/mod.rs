//! Objectives for class labels.
//!
//! | type | what it minimises | source |
//! |---|---|---|
//! | [`AnyLoss`] | 1 - any [confusion-matrix metric](ConfusionMetric), made soft by amplified probabilities | arXiv 2405.14745 |
//! | [`ScoreOrientedLoss`] | the same with thresholds drawn from a law | Marchetti et al. 2022 |
//! | [`CompSumLoss`] | one family from sum-exponential over cross-entropy to mean absolute error | arXiv 2304.07288 |
//! | [`RhoMarginCompSum`] | its bounded form on margins | arXiv 2304.07288 |
//! | [`SmoothAdversarialCompSum`] | its adversarial form, trained with [`PgdAttack`] | arXiv 2304.07288 |
//! | [`Trades`] | cross-entropy + KL between clean and attacked predictions | arXiv 1901.08573 |
//! | [`GeneralizedCrossEntropy`] | (1 - p^q) / q, for noisy labels, also truncated | arXiv 1805.07836 |
//! | [`FocalLoss`] | cross-entropy that fades on easy examples | arXiv 1708.02002 |
//! | [`GamblerLoss`] | cross-entropy that may abstain | arXiv 1907.00208, 2406.12058 |
//! | [`SigmoidCrossEntropy`] | binary cross-entropy a class, class-balanced if asked | arXiv 2406.12058, 2405.14745 |
//!
//! [`consistency`] tells what the comp-sum family guarantees for the zero-one error.

mod any_loss;
mod comp_sum;
mod confusion_metric;
pub mod consistency;
mod focal;
mod gambler;
mod generalized_cross_entropy;
mod label_check;
mod pgd_attack;
mod rho_margin_comp_sum;
mod score_oriented;
mod sigmoid_cross_entropy;
mod smooth_adversarial_comp_sum;
mod soft_confusion;
mod target_check;
mod trades;

pub use any_loss::{AnyLoss, AnyLossConfig};
pub use comp_sum::{CompSumLoss, CompSumLossConfig};
pub use confusion_metric::ConfusionMetric;
pub use focal::{FocalLoss, FocalLossConfig};
pub use gambler::{GamblerLoss, GamblerLossConfig};
pub use generalized_cross_entropy::{GeneralizedCrossEntropy, GeneralizedCrossEntropyConfig};
pub use pgd_attack::{PerturbationNorm, PgdAttack, PgdAttackConfig};
pub use rho_margin_comp_sum::{RhoMarginCompSum, RhoMarginCompSumConfig};
pub use score_oriented::{ScoreOrientedLoss, ScoreOrientedLossConfig};
pub use sigmoid_cross_entropy::{SigmoidCrossEntropy, SigmoidCrossEntropyConfig};
pub use smooth_adversarial_comp_sum::{SmoothAdversarialCompSum, SmoothAdversarialCompSumConfig};
pub use soft_confusion::SoftConfusion;
pub use trades::{Trades, TradesConfig};
