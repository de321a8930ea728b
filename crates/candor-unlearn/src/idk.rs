use burn::config::Config;
use candor_core::{ConfigError, InputError};

use crate::terms::TermWeights;
use crate::{SequenceLogProbs, UnlearnTerms};

/// Configuration of [`Idk`].
#[derive(Config, Debug)]
pub struct IdkConfig {
    /// Weight of the refusals, finite and >= 0. Default: 1.
    #[config(default = 1.0)]
    pub forget_weight: f64,
    /// Weight of the retain term, finite and >= 0. Default: 1.
    #[config(default = 1.0)]
    pub retain_weight: f64,
}

impl IdkConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A weight that is negative or not finite.
    pub fn init(&self) -> Result<Idk, ConfigError> {
        Ok(Idk {
            weights: TermWeights::new("IdkConfig", self.forget_weight, self.retain_weight)?,
        })
    }
}

/// Teaches to say "I don't know": cross-entropy on refusals to the forget prompts, and on a retain set.
///
/// ```text
/// total = forget_weight · cross-entropy(refusals) + retain_weight · cross-entropy(retain)
/// ```
///
/// The authors put both batches into one and take one token mean; with equally many tokens on both sides that is half
/// of this total.
///
/// # Source
///
/// Maini et al.: TOFU, 2024, arXiv 2401.06121, as in arXiv 2404.05868.
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_unlearn::{IdkConfig, SequenceLogProbs};
///
/// let device = Device::flex();
/// let labels = Tensor::<1, Int>::from_data([0], &device);
/// let coin = SequenceLogProbs::of_classes(Tensor::zeros([1, 2], &device), labels);
/// let terms = IdkConfig::new().init().unwrap().forward(&coin, &coin);
/// assert!((terms.total.into_scalar::<f32>() - 2.0 * 2f32.ln()).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct Idk {
    weights: TermWeights,
}

impl Idk {
    /// The objective of a batch of refusals and a retain batch, and its parts.
    pub fn forward(&self, refusals: &SequenceLogProbs, retain: &SequenceLogProbs) -> UnlearnTerms {
        self.weights
            .combine(refusals.cross_entropy(), retain.cross_entropy())
    }

    /// Looks for values the objective is not defined for; reads both batches to the host.
    ///
    /// # Errors
    ///
    /// NaN, or a batch without a scored token.
    pub fn validate(
        &self,
        refusals: &SequenceLogProbs,
        retain: &SequenceLogProbs,
    ) -> Result<(), InputError> {
        refusals.validate()?;
        retain.validate()
    }
}
