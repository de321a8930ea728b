use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::{Int, Tensor};
use candor_core::numerics::label_log_probs;
use candor_core::{ConfigError, InputError, check_shape, in_f32, reduce};

use super::comp_sum::phi;
use super::label_check::check_labels;

/// Configuration of [`GeneralizedCrossEntropy`].
#[derive(Config, Debug)]
pub struct GeneralizedCrossEntropyConfig {
    /// Between cross-entropy (towards 0) and mean absolute error (1); in (0, 1]. Default: 0.7, the paper's.
    #[config(default = 0.7)]
    pub q: f64,
    /// Probability up to which the loss is cut flat, in (0, 1); the paper uses 0.5. Default: none.
    #[config(default = "None")]
    pub truncation: Option<f64>,
}

impl GeneralizedCrossEntropyConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A q outside (0, 1], a truncation outside (0, 1).
    pub fn init(&self) -> Result<GeneralizedCrossEntropy, ConfigError> {
        const NAME: &str = "GeneralizedCrossEntropyConfig";
        if !(self.q > 0.0 && self.q <= 1.0) {
            return Err(ConfigError::out_of_range(NAME, "q", self.q, "in (0, 1]"));
        }
        match self.truncation {
            Some(at) if !(at > 0.0 && at < 1.0) => Err(ConfigError::out_of_range(
                NAME,
                "truncation",
                at,
                "in (0, 1)",
            )),
            truncation => Ok(GeneralizedCrossEntropy {
                q: self.q,
                truncation,
            }),
        }
    }
}

/// Cross-entropy for noisy labels: `(1 - p^q) / q`, `p` the label's softmax.
///
/// It is [`CompSumLoss`](super::CompSumLoss) with τ = 1 + q. Truncated at `k`, examples with `p <= k` cost the
/// constant `(1 - k^q) / q` and have no gradient: their labels are taken for wrong.
///
/// # Source
///
/// Zhang, Sabuncu: Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels, 2018,
/// arXiv 1805.07836.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_losses::classification::GeneralizedCrossEntropyConfig;
///
/// let device = Device::flex();
/// let (logits, labels) = (Tensor::zeros([1, 4], &device), Tensor::<1, Int>::from_data([0], &device));
/// let gce = GeneralizedCrossEntropyConfig::new().with_q(0.5).init().unwrap();
/// assert!((gce.forward(logits, labels, Reduction::Mean).into_scalar::<f32>() - 1.0).abs() < 1e-6); // (1 - √¼)/½
/// ```
#[derive(Debug, Clone)]
pub struct GeneralizedCrossEntropy {
    q: f64,
    truncation: Option<f64>,
}

impl GeneralizedCrossEntropy {
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
        check_shape!("GeneralizedCrossEntropy", labels, [batch]);
        in_f32(logits, |logits| {
            let log_probs = label_log_probs(logits, labels);
            let losses = phi(-log_probs.clone(), 1.0 + self.q);
            match self.truncation {
                Some(at) => {
                    let doubtful = log_probs.lower_equal_scalar(at.ln());
                    losses.mask_fill(doubtful, (1.0 - at.powf(self.q)) / self.q)
                }
                None => losses,
            }
        })
    }

    /// Looks for values the loss is not defined for; reads the labels to the host.
    ///
    /// # Errors
    ///
    /// Differing lengths, an empty batch, fewer than two classes, a label outside the classes.
    pub fn validate(&self, logits: &Tensor<2>, labels: &Tensor<1, Int>) -> Result<(), InputError> {
        check_labels("GeneralizedCrossEntropy", logits, labels)
    }
}
