use burn::config::Config;
use burn::tensor::Tensor;
use candor_core::{ConfigError, check_shape};

use crate::terms::TermWeights;
use crate::{GradientAscent, SequenceLogProbs, UnlearnTerms};

/// Configuration of [`GaKl`].
#[derive(Config, Debug)]
pub struct GaKlConfig {
    /// Weight of the ascent, finite and >= 0. Default: 1.
    #[config(default = 1.0)]
    pub forget_weight: f64,
    /// Weight of the KL term, finite and >= 0. Default: 1.
    #[config(default = 1.0)]
    pub retain_weight: f64,
}

impl GaKlConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A weight that is negative or not finite.
    pub fn init(&self) -> Result<GaKl, ConfigError> {
        Ok(GaKl {
            weights: TermWeights::new("GaKlConfig", self.forget_weight, self.retain_weight)?,
        })
    }
}

/// Gradient ascent held to the reference by a KL term on a retain set.
///
/// ```text
/// total = -forget_weight · cross-entropy(forget) + retain_weight · mean KL(π_ref ‖ π) on the retain batch
/// ```
///
/// # Source
///
/// A baseline of arXiv 2404.05868.
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_unlearn::{GaKlConfig, SequenceLogProbs, class_retain_kl};
///
/// let device = Device::flex();
/// let logits = Tensor::<2>::zeros([1, 2], &device);
/// let kl = class_retain_kl(logits.clone(), logits.clone());
/// let coin = SequenceLogProbs::of_classes(logits, Tensor::<1, Int>::from_data([0], &device));
/// let terms = GaKlConfig::new().init().unwrap().forward(&coin, kl);
/// assert!((terms.total.into_scalar::<f32>() + 2f32.ln()).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct GaKl {
    weights: TermWeights,
}

impl GaKl {
    /// The objective of a forget batch and a retain term `[1]` from [`retain_kl`](crate::retain_kl) or
    /// [`class_retain_kl`](crate::class_retain_kl), and its parts.
    ///
    /// # Panics
    ///
    /// When the retain term is not one value.
    pub fn forward(&self, forget: &SequenceLogProbs, retain_kl: Tensor<1>) -> UnlearnTerms {
        check_shape!("GaKl", retain_kl, [1]);
        self.weights
            .combine(GradientAscent.forward(forget), retain_kl)
    }
}
