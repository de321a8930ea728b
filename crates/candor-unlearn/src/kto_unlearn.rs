use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::Tensor;
use candor_core::{ConfigError, InputError, in_f32, reduce};

use crate::log_sigmoid::{check_log_probs, log_ratio, negative_log_sigmoid};

/// Configuration of [`KtoUnlearn`].
#[derive(Config, Debug)]
pub struct KtoUnlearnConfig {
    /// Inverse temperature β, finite and > 0. Default: 0.1.
    #[config(default = 0.1)]
    pub beta: f64,
}

impl KtoUnlearnConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A β that is not finite and above zero.
    pub fn init(&self) -> Result<KtoUnlearn, ConfigError> {
        Ok(KtoUnlearn {
            beta: ConfigError::positive("KtoUnlearnConfig", "beta", self.beta)?,
        })
    }
}

/// KTO that pushes answers below where refusals stand on average, without pairing them.
///
/// ```text
/// kl = mean over the batch of (log π - log π_ref)(refusal), a constant
/// r  = (log π - log π_ref)(answer)                loss = -(2/β) log sigmoid(kl - β r)
/// ```
///
/// `kl` is neither clamped nor multiplied by β, as in the authors' code for TOFU (whose constant 1 in front is dropped); no
/// gradient flows through it, nor to the references. A row's loss depends on the refusals of the whole batch, which need
/// not be as many as the answers.
///
/// # Source
///
/// Ethayarajh et al.: KTO, 2024, arXiv 2402.01306, as a baseline of arXiv 2404.05868.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Tensor};
/// use candor_unlearn::KtoUnlearnConfig;
///
/// let logps = || Tensor::<1>::from_floats([-5.0], &Device::flex());
/// let kto = KtoUnlearnConfig::new().with_beta(2.0).init().unwrap();
/// let loss = kto.forward(logps(), logps(), logps(), logps(), Reduction::Mean);
/// assert!((loss.into_scalar::<f32>() - 2f32.ln()).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct KtoUnlearn {
    beta: f64,
}

impl KtoUnlearn {
    /// The loss, reduced to `[1]`.
    ///
    /// # Shapes
    ///
    /// - policy_logps, ref_logps: `[batch]`, of the answers to forget
    /// - idk_logps, idk_ref_logps: `[refusals]`
    ///
    /// # Panics
    ///
    /// When a policy and its reference differ in length.
    pub fn forward(
        &self,
        policy_logps: Tensor<1>,
        ref_logps: Tensor<1>,
        idk_logps: Tensor<1>,
        idk_ref_logps: Tensor<1>,
        reduction: Reduction,
    ) -> Tensor<1> {
        let losses = self.forward_no_reduction(policy_logps, ref_logps, idk_logps, idk_ref_logps);
        reduce(losses, &reduction)
    }

    /// The loss of each row, `[batch]`.
    ///
    /// # Panics
    ///
    /// When a policy and its reference differ in length.
    pub fn forward_no_reduction(
        &self,
        policy_logps: Tensor<1>,
        ref_logps: Tensor<1>,
        idk_logps: Tensor<1>,
        idk_ref_logps: Tensor<1>,
    ) -> Tensor<1> {
        let refusals = log_ratio("KtoUnlearn", idk_logps.detach(), idk_ref_logps);
        let answers = log_ratio("KtoUnlearn", policy_logps, ref_logps);
        let baseline = in_f32(refusals, Tensor::mean);
        negative_log_sigmoid(baseline - answers * self.beta, self.beta)
    }

    /// Looks for values the loss is not defined for; reads all tensors to the host.
    ///
    /// # Errors
    ///
    /// A policy and reference of differing lengths, an empty batch, NaN.
    pub fn validate(
        &self,
        policy_logps: &Tensor<1>,
        ref_logps: &Tensor<1>,
        idk_logps: &Tensor<1>,
        idk_ref_logps: &Tensor<1>,
    ) -> Result<(), InputError> {
        const NAME: &str = "KtoUnlearn";
        check_log_probs(
            NAME,
            [("policy_logps", policy_logps), ("ref_logps", ref_logps)],
        )?;
        check_log_probs(
            NAME,
            [("idk_logps", idk_logps), ("idk_ref_logps", idk_ref_logps)],
        )
    }
}
