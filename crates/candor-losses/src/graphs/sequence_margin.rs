use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::{Tensor, activation};
use candor_core::{ConfigError, InputError, check_shape, host, in_f32, reduce};

/// Configuration of [`SequenceMarginLoss`].
#[derive(Config, Debug)]
pub struct SequenceMarginLossConfig {
    /// Margin β, finite and >= 0. Default: 1.
    #[config(default = 1.0)]
    pub beta: f64,
}

impl SequenceMarginLossConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A β that is negative or not finite.
    pub fn init(&self) -> Result<SequenceMarginLoss, ConfigError> {
        let beta = ConfigError::non_negative("SequenceMarginLossConfig", "beta", self.beta)?;
        Ok(SequenceMarginLoss { beta })
    }
}

/// A margin between the log-probabilities of a gold graph and of a wrong one, each fed to the decoder.
///
/// ```text
/// loss = max(0, β - log p(gold) + log p(negative))
/// ```
///
/// Costs a second pass of the decoder; [`GraphMaxMarginLoss`](super::GraphMaxMarginLoss) does without. Add it to the
/// cross-entropy: alone it lets both probabilities fall.
///
/// # Edge cases
///
/// At the kink the gradient is 0. Log-probabilities of `-inf` give a loss of `inf` or NaN: [`validate`](Self::validate)
/// looks for them.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Tensor};
/// use candor_losses::graphs::SequenceMarginLossConfig;
///
/// let device = Device::flex();
/// let (gold, wrong) = (Tensor::from_floats([-3.0, -3.0], &device), Tensor::from_floats([-3.5, -9.0], &device));
/// let loss = SequenceMarginLossConfig::new().init().unwrap();
/// assert_eq!(loss.forward(gold, wrong, Reduction::Sum).into_scalar::<f32>(), 0.5); // 0.5 and 0
/// ```
#[derive(Debug, Clone)]
pub struct SequenceMarginLoss {
    beta: f64,
}

impl SequenceMarginLoss {
    /// The loss, reduced to `[1]`.
    ///
    /// # Shapes
    ///
    /// - gold_log_probs: `[batch]`, log-probability of each gold graph
    /// - negative_log_probs: `[batch]`, of the wrong one
    ///
    /// # Panics
    ///
    /// When the lengths differ.
    pub fn forward(
        &self,
        gold_log_probs: Tensor<1>,
        negative_log_probs: Tensor<1>,
        reduction: Reduction,
    ) -> Tensor<1> {
        let losses = self.forward_no_reduction(gold_log_probs, negative_log_probs);
        reduce(losses, &reduction)
    }

    /// The loss of each pair, `[batch]`.
    ///
    /// # Panics
    ///
    /// When the lengths differ.
    pub fn forward_no_reduction(
        &self,
        gold_log_probs: Tensor<1>,
        negative_log_probs: Tensor<1>,
    ) -> Tensor<1> {
        let [batch] = gold_log_probs.dims();
        check_shape!("SequenceMarginLoss", negative_log_probs, [batch]);
        in_f32(gold_log_probs, |gold| {
            let negative = negative_log_probs.cast(gold.dtype());
            activation::relu(negative - gold + self.beta)
        })
    }

    /// Looks for values the loss is not defined for; reads both to the host.
    ///
    /// # Errors
    ///
    /// Differing lengths, an empty batch, a value that is not finite.
    pub fn validate(
        &self,
        gold_log_probs: &Tensor<1>,
        negative_log_probs: &Tensor<1>,
    ) -> Result<(), InputError> {
        const NAME: &str = "SequenceMarginLoss";
        let wanted = gold_log_probs.dims();
        InputError::check_dims(
            NAME,
            "negative_log_probs",
            &negative_log_probs.dims(),
            &wanted,
        )?;
        InputError::check_not_empty(NAME, "gold_log_probs", wanted[0])?;
        InputError::check_finite(NAME, "gold_log_probs", &host::floats(gold_log_probs))?;
        InputError::check_finite(
            NAME,
            "negative_log_probs",
            &host::floats(negative_log_probs),
        )
    }
}
