use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::Tensor;
use candor_core::{ConfigError, InputError, check_shape};

use crate::terms::TermWeights;
use crate::{Npo, NpoConfig, SequenceLogProbs, UnlearnTerms};

/// Configuration of [`NpoKl`].
#[derive(Config, Debug)]
pub struct NpoKlConfig {
    /// Inverse temperature β of [`Npo`], finite and > 0. Default: 0.1.
    #[config(default = 0.1)]
    pub beta: f64,
    /// Weight of the NPO term, finite and >= 0. Default: 1.
    #[config(default = 1.0)]
    pub forget_weight: f64,
    /// Weight of the KL term, finite and >= 0. Default: 1.
    #[config(default = 1.0)]
    pub retain_weight: f64,
}

impl NpoKlConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A β that is not above zero, a weight that is negative, any not finite.
    pub fn init(&self) -> Result<NpoKl, ConfigError> {
        Ok(NpoKl {
            npo: NpoConfig::new().with_beta(self.beta).init()?,
            weights: TermWeights::new("NpoKlConfig", self.forget_weight, self.retain_weight)?,
        })
    }
}

/// NPO on the forget set, KL to the reference on a retain set, whose labels it does not need.
///
/// ```text
/// total = forget_weight · mean NPO + retain_weight · mean KL(π_ref ‖ π) on the retain batch
/// ```
///
/// # Source
///
/// arXiv 2404.05868 (`npo_KL` in its code).
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_unlearn::{NpoKlConfig, SequenceLogProbs, class_retain_kl};
///
/// let device = Device::flex();
/// let logits = Tensor::<2>::zeros([1, 2], &device);
/// let kl = class_retain_kl(logits.clone(), logits.clone());
/// let coin = SequenceLogProbs::of_classes(logits, Tensor::<1, Int>::from_data([0], &device));
/// let terms = NpoKlConfig::new().with_beta(2.0).init().unwrap().forward(&coin, coin.sum(), kl);
/// assert!((terms.total.into_scalar::<f32>() - 2f32.ln()).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct NpoKl {
    npo: Npo,
    weights: TermWeights,
}

impl NpoKl {
    /// The objective and its parts.
    ///
    /// # Shapes
    ///
    /// - forget: the policy on a forget batch
    /// - forget_ref_logps: `[batch]`, the reference's [`sum`](SequenceLogProbs::sum) on the forget batch
    /// - retain_kl: `[1]`, from [`retain_kl`](crate::retain_kl) or [`class_retain_kl`](crate::class_retain_kl)
    ///
    /// # Panics
    ///
    /// When the reference has another number of rows than the forget batch.
    pub fn forward(
        &self,
        forget: &SequenceLogProbs,
        forget_ref_logps: Tensor<1>,
        retain_kl: Tensor<1>,
    ) -> UnlearnTerms {
        check_shape!("NpoKl", retain_kl, [1]);
        let forgetting = self
            .npo
            .forward(forget.sum(), forget_ref_logps, Reduction::Mean);
        self.weights.combine(forgetting, retain_kl)
    }

    /// Looks for values the objective is not defined for; reads the log-probabilities to the host. A retain mask has its own
    /// check, [`validate_retain_mask`](crate::validate_retain_mask).
    ///
    /// # Errors
    ///
    /// What [`Npo::validate`] refuses.
    pub fn validate(
        &self,
        forget: &SequenceLogProbs,
        forget_ref_logps: &Tensor<1>,
    ) -> Result<(), InputError> {
        self.npo.validate(&forget.sum(), forget_ref_logps)
    }
}
