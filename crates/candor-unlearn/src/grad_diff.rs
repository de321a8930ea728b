use burn::config::Config;
use candor_core::{ConfigError, InputError};

use crate::terms::TermWeights;
use crate::{GradientAscent, SequenceLogProbs, UnlearnTerms};

/// Configuration of [`GradDiff`].
#[derive(Config, Debug)]
pub struct GradDiffConfig {
    /// Weight of the ascent, finite and >= 0. Default: 1.
    #[config(default = 1.0)]
    pub forget_weight: f64,
    /// Weight of the retain term, finite and >= 0. Default: 1.
    #[config(default = 1.0)]
    pub retain_weight: f64,
}

impl GradDiffConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A weight that is negative or not finite.
    pub fn init(&self) -> Result<GradDiff, ConfigError> {
        Ok(GradDiff {
            weights: TermWeights::new("GradDiffConfig", self.forget_weight, self.retain_weight)?,
        })
    }
}

/// Gradient difference: ascent on the forget set, descent on a retain set.
///
/// ```text
/// total = -forget_weight · cross-entropy(forget) + retain_weight · cross-entropy(retain)
/// ```
///
/// The retain term slows the collapse of [`GradientAscent`], it does not prevent it.
///
/// # Edge cases
///
/// A batch without a scored token contributes 0; [`validate`](Self::validate) finds it.
///
/// # Source
///
/// Liu, Liu, Stone: Continual Learning and Private Unlearning, 2022, arXiv 2203.12817, as in arXiv 2404.05868.
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_unlearn::{GradDiffConfig, SequenceLogProbs};
///
/// let device = Device::flex();
/// let labels = Tensor::<1, Int>::from_data([0], &device);
/// let coin = SequenceLogProbs::of_classes(Tensor::zeros([1, 2], &device), labels);
/// let terms = GradDiffConfig::new().init().unwrap().forward(&coin, &coin);
/// assert_eq!(terms.total.into_scalar::<f32>(), 0.0);
/// ```
#[derive(Debug, Clone)]
pub struct GradDiff {
    weights: TermWeights,
}

impl GradDiff {
    /// The objective of a forget and a retain batch, and its parts.
    pub fn forward(&self, forget: &SequenceLogProbs, retain: &SequenceLogProbs) -> UnlearnTerms {
        self.weights
            .combine(GradientAscent.forward(forget), retain.cross_entropy())
    }

    /// Looks for values the objective is not defined for; reads both batches to the host.
    ///
    /// # Errors
    ///
    /// NaN, or a batch without a scored token.
    pub fn validate(
        &self,
        forget: &SequenceLogProbs,
        retain: &SequenceLogProbs,
    ) -> Result<(), InputError> {
        forget.validate()?;
        retain.validate()
    }
}
