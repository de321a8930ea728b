use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::{Int, Tensor};
use candor_core::numerics::one_hot_mask;
use candor_core::{ConfigError, InputError, check_shape, in_f32, reduce};

use super::comp_sum::phi;
use super::label_check::check_labels;

/// Configuration of [`RhoMarginCompSum`].
#[derive(Config, Debug)]
pub struct RhoMarginCompSumConfig {
    /// Member τ of the comp-sum family, finite and >= 0. Default: 1.
    #[config(default = 1.0)]
    pub tau: f64,
    /// Margin ρ, finite and > 0. Default: 1.
    #[config(default = 1.0)]
    pub rho: f64,
}

impl RhoMarginCompSumConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A τ that is negative, a ρ that is not positive, either not finite.
    pub fn init(&self) -> Result<RhoMarginCompSum, ConfigError> {
        Ok(RhoMarginCompSum {
            tau: ConfigError::non_negative("RhoMarginCompSumConfig", "tau", self.tau)?,
            rho: ConfigError::positive("RhoMarginCompSumConfig", "rho", self.rho)?,
        })
    }
}

/// The comp-sum loss of ρ-margins: bounded, and flat outside the margin.
///
/// ```text
/// loss = Φ^τ( Σ over the other classes of Φ_ρ(logit of the label - logit) )
/// Φ_ρ(v) = min(max(0, 1 - v/ρ), 1)
/// ```
///
/// Its supremum over a ball of perturbations is the adversarial loss that
/// [`SmoothAdversarialCompSum`](super::SmoothAdversarialCompSum) bounds from above; use it to measure, for training it
/// saturates. `Φ^τ` is that of [`CompSumLoss`](super::CompSumLoss).
///
/// # Edge cases
///
/// The gradient is `-1/ρ` where `0 < v < ρ` and 0 elsewhere, ties and the exact margin included.
///
/// # Source
///
/// Mao, Mohri, Zhong: Cross-Entropy Loss Functions, 2023, arXiv 2304.07288.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_losses::classification::RhoMarginCompSumConfig;
///
/// let device = Device::flex();
/// let logits = Tensor::<2>::from_floats([[2.0, 1.5, -9.0]], &device); // margins 1/2 and 11
/// let labels = Tensor::<1, Int>::from_data([0], &device);
/// let loss = RhoMarginCompSumConfig::new().with_tau(0.0).init().unwrap();
/// assert!((loss.forward(logits, labels, Reduction::Mean).into_scalar::<f32>() - 0.5).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct RhoMarginCompSum {
    tau: f64,
    rho: f64,
}

impl RhoMarginCompSum {
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
        let [batch, classes] = logits.dims();
        check_shape!("RhoMarginCompSum", labels, [batch]);
        in_f32(logits, |logits| {
            let label = one_hot_mask(labels.clone(), classes);
            let margins = logits.clone().gather(1, labels.reshape([batch, 1])) - logits;
            let violations = self.violation(margins).mask_fill(label, 0.0);
            phi(violations.sum_dim(1).reshape([batch]).log1p(), self.tau)
        })
    }

    /// Looks for values the loss is not defined for; reads the labels to the host.
    ///
    /// # Errors
    ///
    /// Differing lengths, an empty batch, fewer than two classes, a label outside the classes.
    pub fn validate(&self, logits: &Tensor<2>, labels: &Tensor<1, Int>) -> Result<(), InputError> {
        check_labels("RhoMarginCompSum", logits, labels)
    }

    /// Φ_ρ, with masks and not by a clamp, whose gradient at its two ends is 1.
    fn violation(&self, margins: Tensor<2>) -> Tensor<2> {
        let wrong = margins.clone().lower_equal_scalar(0.0);
        let beyond = margins.clone().greater_equal_scalar(self.rho);
        (margins * -self.rho.recip() + 1.0)
            .mask_fill(wrong, 1.0)
            .mask_fill(beyond, 0.0)
    }
}
