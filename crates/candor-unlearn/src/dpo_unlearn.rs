use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::Tensor;
use candor_core::{ConfigError, InputError, check_shape, reduce};

use crate::log_sigmoid::{check_log_probs, log_ratio, negative_log_sigmoid};

/// Configuration of [`DpoUnlearn`].
#[derive(Config, Debug)]
pub struct DpoUnlearnConfig {
    /// Inverse temperature β, finite and > 0. Default: 0.1.
    #[config(default = 0.1)]
    pub beta: f64,
}

impl DpoUnlearnConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A β that is not finite and above zero.
    pub fn init(&self) -> Result<DpoUnlearn, ConfigError> {
        Ok(DpoUnlearn {
            beta: ConfigError::positive("DpoUnlearnConfig", "beta", self.beta)?,
        })
    }
}

/// DPO that prefers a refusal to the answer to be forgotten.
///
/// ```text
/// z = (log π - log π_ref)(refusal) - (log π - log π_ref)(answer)        loss = -(2/β) log sigmoid(β z)
/// ```
///
/// The factor 2/β, which ordinary DPO lacks, makes it comparable with [`Npo`](crate::Npo): that is this loss without the
/// refusal. Log-probabilities are sums over a row's tokens. No gradient reaches the references.
///
/// # Source
///
/// Rafailov et al.: Direct Preference Optimization, 2023, arXiv 2305.18290, as a baseline of arXiv 2404.05868.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Tensor};
/// use candor_unlearn::DpoUnlearnConfig;
///
/// let logps = || Tensor::<1>::from_floats([-5.0], &Device::flex());
/// let dpo = DpoUnlearnConfig::new().with_beta(2.0).init().unwrap();
/// let loss = dpo.forward(logps(), logps(), logps(), logps(), Reduction::Mean);
/// assert!((loss.into_scalar::<f32>() - 2f32.ln()).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct DpoUnlearn {
    beta: f64,
}

impl DpoUnlearn {
    /// The loss, reduced to `[1]`.
    ///
    /// # Shapes
    ///
    /// - policy_logps, ref_logps: `[batch]`, of the answers to forget
    /// - idk_logps, idk_ref_logps: `[batch]`, of the refusals to the same prompts
    ///
    /// # Panics
    ///
    /// When the lengths differ.
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
    /// When the lengths differ.
    pub fn forward_no_reduction(
        &self,
        policy_logps: Tensor<1>,
        ref_logps: Tensor<1>,
        idk_logps: Tensor<1>,
        idk_ref_logps: Tensor<1>,
    ) -> Tensor<1> {
        let [batch] = policy_logps.dims();
        check_shape!("DpoUnlearn", idk_logps, [batch]);
        let refusal = log_ratio("DpoUnlearn", idk_logps, idk_ref_logps);
        let answer = log_ratio("DpoUnlearn", policy_logps, ref_logps);
        negative_log_sigmoid((refusal - answer) * self.beta, self.beta)
    }

    /// Looks for values the loss is not defined for; reads all tensors to the host.
    ///
    /// # Errors
    ///
    /// Differing lengths, an empty batch, NaN.
    pub fn validate(
        &self,
        policy_logps: &Tensor<1>,
        ref_logps: &Tensor<1>,
        idk_logps: &Tensor<1>,
        idk_ref_logps: &Tensor<1>,
    ) -> Result<(), InputError> {
        check_log_probs(
            "DpoUnlearn",
            [
                ("policy_logps", policy_logps),
                ("ref_logps", ref_logps),
                ("idk_logps", idk_logps),
                ("idk_ref_logps", idk_ref_logps),
            ],
        )
    }
}
