use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::{Int, Tensor};
use candor_core::numerics::{label_log_probs, log1mexp};
use candor_core::{ConfigError, InputError, check_shape, in_f32, reduce};

use super::label_check::check_labels;

/// Configuration of [`FocalLoss`].
#[derive(Config, Debug)]
pub struct FocalLossConfig {
    /// How fast easy examples fade, finite and >= 0; 0 is the cross-entropy. Default: 2, the paper's.
    #[config(default = 2.0)]
    pub gamma: f64,
}

impl FocalLossConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A γ that is negative or not finite.
    pub fn init(&self) -> Result<FocalLoss, ConfigError> {
        Ok(FocalLoss {
            gamma: ConfigError::non_negative("FocalLossConfig", "gamma", self.gamma)?,
        })
    }
}

/// Cross-entropy that fades on examples already classified well: `(1 - p)^γ (-log p)`, `p` the label's softmax.
///
/// # Edge cases
///
/// A label of probability 1 (to 1e-12) has loss 0 and gradient 0 for every γ, γ below 1 included, where the power alone has
/// an infinite slope.
///
/// # Source
///
/// Lin et al.: Focal Loss for Dense Object Detection, 2017, arXiv 1708.02002, in its softmax form.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_losses::classification::FocalLossConfig;
///
/// let device = Device::flex();
/// let (logits, labels) = (Tensor::zeros([1, 2], &device), Tensor::<1, Int>::from_data([0], &device));
/// let loss = FocalLossConfig::new().init().unwrap().forward(logits, labels, Reduction::Mean);
/// assert!((loss.into_scalar::<f32>() - 0.25 * 2f32.ln()).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct FocalLoss {
    gamma: f64,
}

impl FocalLoss {
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
        check_shape!("FocalLoss", labels, [batch]);
        in_f32(logits, |logits| {
            let log_probs = label_log_probs(logits, labels);
            let doubt = log1mexp(log_probs.clone().clamp_max(-1e-12));
            -(doubt * self.gamma).exp() * log_probs
        })
    }

    /// Looks for values the loss is not defined for; reads the labels to the host.
    ///
    /// # Errors
    ///
    /// Differing lengths, an empty batch, fewer than two classes, a label outside the classes.
    pub fn validate(&self, logits: &Tensor<2>, labels: &Tensor<1, Int>) -> Result<(), InputError> {
        check_labels("FocalLoss", logits, labels)
    }
}
