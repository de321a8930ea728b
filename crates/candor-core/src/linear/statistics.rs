use burn::backend::Dispatch;
use burn::tensor::{Int, Tensor};

use super::fused::{Column, FusedLinear};
use super::{LinearLogits, reference};
use crate::check_shape;

/// What one pass over the vocabulary says of each row's distribution, each `[rows]`.
///
/// Gradients flow through all but [`top1`](Self::top1), so any function of them is a loss.
#[derive(Debug, Clone)]
pub struct TokenStatistics {
    /// `log p(target)`, nats.
    pub log_probs: Tensor<1>,
    /// `log Σ exp(logit)`.
    pub log_sum_exp: Tensor<1>,
    /// `-Σ p log p`, nats.
    pub entropy: Tensor<1>,
    /// The mean of the logits.
    pub mean_logit: Tensor<1>,
    /// 1 where no class has a larger logit than the target, else 0.
    pub top1: Tensor<1>,
}

impl TokenStatistics {
    /// Mean of `log p` over the classes, `[rows]`: what label smoothing adds.
    pub fn mean_log_prob(&self) -> Tensor<1> {
        self.mean_logit.clone() - self.log_sum_exp.clone()
    }
}

/// Log-probability of each row's target `[rows]`, as `[rows]`.
///
/// ```text
/// log p(target) = z_target - log Σ exp(z)
/// ```
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_core::linear::{LinearLogits, linear_log_probs};
///
/// let device = Device::flex().autodiff();
/// let hidden = Tensor::<2>::from_floats([[1.0, 0.0]], &device).require_grad();
/// let weight = Tensor::<2>::from_floats([[0.0, 1.0], [0.0, -1.0]], &device);
/// let targets = Tensor::<1, Int>::from_data([1], &device);
/// let log_probs = linear_log_probs(LinearLogits::new(hidden.clone(), weight), targets);
/// assert!((log_probs.clone().into_scalar::<f32>() + 2f32.ln()).abs() < 1e-6);
/// // Row 1 of the weight less the mean of both.
/// let gradient = hidden.grad(&log_probs.sum().backward()).unwrap();
/// assert_eq!(gradient.into_data().to_vec::<f32>().unwrap(), [0.0, -1.0]);
/// ```
///
/// A target outside the classes is not looked for: [`LinearCrossEntropy::validate`](super::LinearCrossEntropy::validate)
/// does.
///
/// # Panics
///
/// When there is not one target a row.
pub fn linear_log_probs(logits: LinearLogits, targets: Tensor<1, Int>) -> Tensor<1> {
    linear_statistics(logits, targets).log_probs
}

/// Log-probability of each row's target, and what else the same pass knows.
///
/// # Panics
///
/// When there is not one target `[rows]` a row.
pub fn linear_statistics(logits: LinearLogits, targets: Tensor<1, Int>) -> TokenStatistics {
    let [rows, _] = logits.dims();
    check_shape!("linear_statistics", targets, [rows]);
    if rows == 0 || !logits.is_fused() {
        return reference::statistics(logits, targets);
    }
    let (bias, plan) = (logits.bias_or_empty(), logits.plan());
    let statistics = Tensor::<2>::from_dispatch(Dispatch::linear_statistics(
        logits.hidden.into_dispatch(),
        logits.weight.into_dispatch(),
        bias.into_dispatch(),
        targets.into_dispatch(),
        plan,
    ));
    let column = |of: Column| {
        let column = of as usize;
        statistics
            .clone()
            .slice_dim(1, column..column + 1)
            .reshape([rows])
    };
    TokenStatistics {
        log_probs: column(Column::LogProb),
        log_sum_exp: column(Column::LogSumExp),
        entropy: column(Column::Entropy),
        mean_logit: column(Column::MeanLogit),
        top1: column(Column::Top1).detach(),
    }
}
