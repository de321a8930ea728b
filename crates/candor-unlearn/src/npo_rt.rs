use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::Tensor;
use candor_core::{ConfigError, InputError};

use crate::terms::TermWeights;
use crate::{Npo, NpoConfig, SequenceLogProbs, UnlearnTerms};

/// Configuration of [`NpoRt`].
#[derive(Config, Debug)]
pub struct NpoRtConfig {
    /// Inverse temperature β of [`Npo`], finite and > 0. Default: 0.1.
    #[config(default = 0.1)]
    pub beta: f64,
    /// Weight of the NPO term, finite and >= 0. Default: 1.
    #[config(default = 1.0)]
    pub forget_weight: f64,
    /// Weight of the retain term, finite and >= 0. Default: 1.
    #[config(default = 1.0)]
    pub retain_weight: f64,
}

impl NpoRtConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A β that is not above zero, a weight that is negative, any not finite.
    pub fn init(&self) -> Result<NpoRt, ConfigError> {
        Ok(NpoRt {
            npo: NpoConfig::new().with_beta(self.beta).init()?,
            weights: TermWeights::new("NpoRtConfig", self.forget_weight, self.retain_weight)?,
        })
    }
}

/// NPO on the forget set, cross-entropy on a retain set: the paper's best recipe.
///
/// ```text
/// total = forget_weight · mean NPO + retain_weight · token mean of -log π on the retain batch
/// ```
///
/// Pair each forget batch with an equally large retain batch drawn at random.
///
/// # Edge cases
///
/// A retain batch without a scored token contributes 0; [`validate`](Self::validate) finds it.
///
/// # Source
///
/// arXiv 2404.05868 (`npo_grad_diff` in its code).
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_unlearn::{NpoRtConfig, SequenceLogProbs};
///
/// let device = Device::flex();
/// let labels = Tensor::<1, Int>::from_data([0], &device);
/// let coin = SequenceLogProbs::of_classes(Tensor::zeros([1, 2], &device), labels);
/// let terms = NpoRtConfig::new().with_beta(2.0).init().unwrap().forward(&coin, coin.sum(), &coin);
/// assert!((terms.total.into_scalar::<f32>() - 2.0 * 2f32.ln()).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct NpoRt {
    npo: Npo,
    weights: TermWeights,
}

impl NpoRt {
    /// The objective and its parts.
    ///
    /// # Shapes
    ///
    /// - forget, retain: the policy on a forget and a retain batch
    /// - forget_ref_logps: `[batch]`, the reference's [`sum`](SequenceLogProbs::sum) on the forget batch
    ///
    /// # Panics
    ///
    /// When the reference has another number of rows than the forget batch.
    pub fn forward(
        &self,
        forget: &SequenceLogProbs,
        forget_ref_logps: Tensor<1>,
        retain: &SequenceLogProbs,
    ) -> UnlearnTerms {
        let forgetting = self
            .npo
            .forward(forget.sum(), forget_ref_logps, Reduction::Mean);
        self.weights.combine(forgetting, retain.cross_entropy())
    }

    /// Looks for values the objective is not defined for; reads everything to the host.
    ///
    /// # Errors
    ///
    /// What [`Npo::validate`] refuses, NaN, or a retain batch without a scored token.
    pub fn validate(
        &self,
        forget: &SequenceLogProbs,
        forget_ref_logps: &Tensor<1>,
        retain: &SequenceLogProbs,
    ) -> Result<(), InputError> {
        self.npo.validate(&forget.sum(), forget_ref_logps)?;
        retain.validate()
    }
}
