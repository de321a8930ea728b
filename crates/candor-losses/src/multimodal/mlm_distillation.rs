use burn::config::Config;
use burn::tensor::{Int, Tensor, activation};
use candor_core::numerics::safe_div;
use candor_core::{ConfigError, InputError, check_shape, host, in_f32};

const NAME: &str = "MlmDistillLoss";

/// Configuration of [`MlmDistillLoss`].
#[derive(Config, Debug)]
pub struct MlmDistillLossConfig {
    /// Weight α of the momentum model's soft labels, in [0, 1]. Default: 0.4.
    #[config(default = 0.4)]
    pub alpha: f64,
}

impl MlmDistillLossConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// An α outside [0, 1].
    pub fn init(&self) -> Result<MlmDistillLoss, ConfigError> {
        if !(0.0..=1.0).contains(&self.alpha) {
            let config = "MlmDistillLossConfig";
            return Err(ConfigError::out_of_range(
                config,
                "alpha",
                self.alpha,
                "in [0, 1]",
            ));
        }
        Ok(MlmDistillLoss { alpha: self.alpha })
    }
}

/// Masked words, by the words themselves and by what a momentum model thinks of them (MLM with distillation).
///
/// ```text
/// loss of a masked token = (1 - α) (-log p_label) + α (-Σ_v soft_v log p_v),   p = softmax over the vocabulary
/// loss = mean over the masked tokens
/// ```
///
/// The published code takes the softmax of the second part over the sequence; here it is over the vocabulary.
///
/// # Edge cases
///
/// Labels of [`UNMASKED`](Self::UNMASKED) count in nothing. Without any masked token the loss is 0 with gradient 0, and
/// [`validate`](Self::validate) refuses. Soft labels get no gradient. To save memory pass the rows of masked
/// tokens alone, as a batch of one.
///
/// # Source
///
/// Li et al.: Align before Fuse, 2021, arXiv 2107.07651.
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_losses::multimodal::MlmDistillLossConfig;
///
/// let device = Device::flex();
/// let labels = Tensor::<2, Int>::from_data([[3, -100]], &device);
/// let (logits, soft) = (Tensor::<3>::zeros([1, 2, 4], &device), Tensor::<3>::full([1, 2, 4], 0.25, &device));
/// let loss = MlmDistillLossConfig::new().init().unwrap().forward(logits, labels, soft);
/// assert!((loss.into_scalar::<f32>() - 4f32.ln()).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct MlmDistillLoss {
    alpha: f64,
}

impl MlmDistillLoss {
    /// The label of a token that is not masked.
    pub const UNMASKED: i64 = -100;

    /// The same loss with α scaled by how far the ramp has come: 0 at the start, 1 (all of α) at its end and after.
    pub fn ramped(&self, progress: f64) -> Self {
        Self {
            alpha: self.alpha * progress.clamp(0.0, 1.0),
        }
    }

    /// The mean over the masked tokens, of shape `[1]`.
    ///
    /// # Shapes
    ///
    /// - logits: `[batch, tokens, vocabulary]`
    /// - labels: `[batch, tokens]`, in `0..vocabulary` or [`UNMASKED`](Self::UNMASKED)
    /// - soft_labels: `[batch, tokens, vocabulary]`, the momentum model's probabilities
    ///
    /// # Panics
    ///
    /// When the shapes differ.
    pub fn forward(
        &self,
        logits: Tensor<3>,
        labels: Tensor<2, Int>,
        soft_labels: Tensor<3>,
    ) -> Tensor<1> {
        let masked = labels.clone().not_equal_scalar(Self::UNMASKED).float();
        in_f32(
            self.forward_no_reduction(logits, labels, soft_labels),
            |losses| {
                let count = masked.cast(losses.dtype()).sum();
                safe_div(losses.sum(), count)
            },
        )
    }

    /// The loss of each token, `[batch, tokens]`, 0 where it is not masked.
    ///
    /// # Panics
    ///
    /// When the shapes differ.
    pub fn forward_no_reduction(
        &self,
        logits: Tensor<3>,
        labels: Tensor<2, Int>,
        soft_labels: Tensor<3>,
    ) -> Tensor<2> {
        let [batch, tokens, vocabulary] = logits.dims();
        check_shape!(NAME, labels, [batch, tokens]);
        check_shape!(NAME, soft_labels, [batch, tokens, vocabulary]);
        let unmasked = labels.clone().equal_scalar(Self::UNMASKED);
        let labels = labels.mask_fill(unmasked.clone(), 0);
        in_f32(logits, |logits| {
            let log_probs = activation::log_softmax(logits, 2);
            let label = log_probs.clone().gather(2, labels.unsqueeze_dim::<3>(2));
            let mut losses = -label.squeeze_dim::<2>(2);
            if self.alpha > 0.0 {
                let soft = soft_labels.without_autodiff().cast(log_probs.dtype());
                let distilled = -(soft * log_probs).sum_dim(2).squeeze_dim::<2>(2);
                losses = losses * (1.0 - self.alpha) + distilled * self.alpha;
            }
            losses.mask_fill(unmasked, 0.0)
        })
    }

    /// Looks for values the loss is not defined for; reads the labels and the soft labels to the host.
    ///
    /// # Errors
    ///
    /// Shapes that differ, no masked token, a label outside the vocabulary, a soft label outside [0, 1].
    pub fn validate(
        &self,
        logits: &Tensor<3>,
        labels: &Tensor<2, Int>,
        soft_labels: &Tensor<3>,
    ) -> Result<(), InputError> {
        let [batch, tokens, vocabulary] = logits.dims();
        InputError::check_dims(NAME, "labels", &labels.dims(), &[batch, tokens])?;
        InputError::check_dims(NAME, "soft_labels", &soft_labels.dims(), &logits.dims())?;
        let mut labels = host::ints(labels);
        if labels.iter().all(|&label| label == Self::UNMASKED) {
            return Err(InputError::Empty {
                component: NAME,
                argument: "labels",
                wanted: "at least one token must be masked",
            });
        }
        for label in labels.iter_mut().filter(|label| **label == Self::UNMASKED) {
            *label = 0;
        }
        InputError::check_labels(NAME, "labels", &labels, vocabulary)?;
        let soft_labels = host::floats(soft_labels);
        let legal = |share: f64| (-1e-6..=1.0 + 1e-6).contains(&share);
        InputError::check_values(NAME, "soft_labels", &soft_labels, "in [0, 1]", legal)
    }
}
