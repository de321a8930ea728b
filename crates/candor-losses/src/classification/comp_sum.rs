use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::{Int, Tensor};
use candor_core::numerics::{expm1, label_log_probs};
use candor_core::{ConfigError, InputError, check_shape, in_f32, reduce};

use super::label_check::check_labels;

/// Configuration of [`CompSumLoss`].
#[derive(Config, Debug)]
pub struct CompSumLossConfig {
    /// Member τ of the family, finite and >= 0. Default: 1, the cross-entropy.
    #[config(default = 1.0)]
    pub tau: f64,
}

impl CompSumLossConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A τ that is negative or not finite.
    pub fn init(&self) -> Result<CompSumLoss, ConfigError> {
        Ok(CompSumLoss {
            tau: ConfigError::non_negative("CompSumLossConfig", "tau", self.tau)?,
        })
    }
}

/// The comp-sum family: one knob τ from the sum-exponential loss over cross-entropy to mean absolute error.
///
/// ```text
/// p = softmax(logits)_label        u = 1/p - 1
/// loss = Φ^τ(u) = ((1 + u)^(1-τ) - 1) / (1 - τ),   log(1 + u) at τ = 1
/// ```
///
/// | τ | loss | |
/// |---|---|---|
/// | 0 | Σ exp(logit - logit of the label) | explodes on outliers |
/// | 1 | -log p | cross-entropy |
/// | 1 to 2 | (1 - p^(τ-1)) / (τ-1) | generalised cross-entropy, q = τ - 1 |
/// | 2 | 1 - p | mean absolute error (half of ‖onehot - p‖₁) |
///
/// The gradient is `p^(τ-1) (softmax - onehot)`: from τ = 2 on it vanishes on hard examples, so that many classes do not
/// train from scratch. Use τ = 1 or slightly above; [`consistency`](super::consistency) has the guarantees.
///
/// # Edge cases
///
/// For τ < 1 the exponent `(1-τ)(-log p)` is continued linearly above 60, so that logits of ±1e4 give a finite loss
/// and gradient. Within 1e-6 of τ = 1 the loss is the cross-entropy. NaN logits give NaN.
///
/// # Source
///
/// Mao, Mohri, Zhong: Cross-Entropy Loss Functions: Theoretical Analysis and Applications, 2023, arXiv 2304.07288.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_losses::classification::CompSumLossConfig;
///
/// let device = Device::flex();
/// let (logits, labels) = (Tensor::zeros([1, 5], &device), Tensor::<1, Int>::from_data([3], &device));
/// let sum_exponential = CompSumLossConfig::new().with_tau(0.0).init().unwrap();
/// let loss = sum_exponential.forward(logits, labels, Reduction::Mean); // four other classes, exp(0) each
/// assert!((loss.into_scalar::<f32>() - 4.0).abs() < 1e-5);
/// ```
#[derive(Debug, Clone)]
pub struct CompSumLoss {
    tau: f64,
}

impl CompSumLoss {
    /// The loss, reduced to `[1]`.
    ///
    /// # Shapes
    ///
    /// - logits: `[batch, classes]`
    /// - labels: `[batch]`, in `0..classes`
    ///
    /// # Panics
    ///
    /// When there is not one label a row.
    pub fn forward(
        &self,
        logits: Tensor<2>,
        labels: Tensor<1, Int>,
        reduction: Reduction,
    ) -> Tensor<1> {
        reduce(self.forward_no_reduction(logits, labels), &reduction)
    }

    /// The loss of each row, `[batch]`.
    ///
    /// # Panics
    ///
    /// When there is not one label a row.
    pub fn forward_no_reduction(&self, logits: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
        let [batch, _] = logits.dims();
        check_shape!("CompSumLoss", labels, [batch]);
        in_f32(logits, |logits| {
            phi(-label_log_probs(logits, labels), self.tau)
        })
    }

    /// Looks for values the loss is not defined for; reads the labels to the host.
    ///
    /// # Errors
    ///
    /// Differing lengths, an empty batch, fewer than two classes, a label outside the classes.
    pub fn validate(&self, logits: &Tensor<2>, labels: &Tensor<1, Int>) -> Result<(), InputError> {
        check_labels("CompSumLoss", logits, labels)
    }
}

/// Φ^τ(u) from `log(1 + u)`, which for a softmax is the negative log-probability of the label.
pub(super) fn phi(log_one_plus_u: Tensor<1>, tau: f64) -> Tensor<1> {
    /// exp(60) = 1e26 leaves room for the linear part within f32.
    const LINEAR_FROM: f64 = 60.0;
    let slope = 1.0 - tau;
    if slope.abs() < 1e-6 {
        return log_one_plus_u;
    }
    let exponent = log_one_plus_u * slope;
    let power = expm1(exponent.clone().clamp_max(LINEAR_FROM));
    let beyond = (exponent - LINEAR_FROM).clamp_min(0.0) * LINEAR_FROM.exp();
    (power + beyond) * slope.recip()
}

#[cfg(test)]
mod tests {
    use burn::tensor::{DType, Device};
    use candor_core::host::floats;

    use super::*;

    #[test]
    fn next_to_the_cross_entropy_nothing_cancels() {
        // Φ^τ(u) = l + (1-τ) l²/2 + ... with l = log(1 + u).
        for tau in [1.0 - 1e-5, 1.0 + 1e-5, 1.0 + 1e-4] {
            let log = Tensor::<1>::from_data([3.0], (&Device::flex(), DType::F32));
            let l = 3.0f64;
            let wanted = ((1.0 - tau) * l).exp_m1() / (1.0 - tau);
            assert!(
                (floats(&phi(log, tau))[0] / wanted - 1.0).abs() < 1e-6,
                "tau {tau}"
            );
        }
    }

    #[test]
    fn the_linear_part_joins_without_a_step() {
        let around = Tensor::<1>::from_data(
            [59.999_999, 60.0, 60.000_001],
            (&Device::flex(), DType::F64),
        );
        let values = floats(&phi(around, 0.0));
        for pair in values.windows(2) {
            assert!((pair[1] - pair[0]) / pair[0] < 2e-6 && pair[1] > pair[0]);
        }
    }
}
