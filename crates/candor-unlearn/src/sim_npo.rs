use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::{Int, Tensor};
use candor_core::numerics::safe_div;
use candor_core::{ConfigError, InputError, check_shape, host, in_f32, reduce};

use crate::log_sigmoid::{check_log_probs, negative_log_sigmoid};

/// Configuration of [`SimNpo`].
#[derive(Config, Debug)]
pub struct SimNpoConfig {
    /// Inverse temperature β of a token's mean log-probability, finite and > 0. Default: 4.5.
    #[config(default = 4.5)]
    pub beta: f64,
    /// Margin γ inside the sigmoid, finite. Default: 0.
    #[config(default = 0.0)]
    pub gamma: f64,
}

impl SimNpoConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A β that is not finite and above zero, a γ that is not finite.
    pub fn init(&self) -> Result<SimNpo, ConfigError> {
        Ok(SimNpo {
            beta: ConfigError::positive("SimNpoConfig", "beta", self.beta)?,
            gamma: ConfigError::finite("SimNpoConfig", "gamma", self.gamma)?,
        })
    }
}

/// NPO without a reference model, on log-probabilities divided by the length of the answer.
///
/// ```text
/// loss = -(2/β) log sigmoid(-(β/count) log π - γ) = (2/β) softplus((β/count) log π + γ)
/// ```
///
/// Saves the reference's memory and forward pass, and does not favour long answers. γ stands outside the product, unlike
/// in open-unlearning, where the margin is multiplied by β (γ = βδ).
///
/// # Edge cases
///
/// A row without scored tokens counts as `log π / count = 0`: `(2/β) softplus(γ)`, gradient 0.
///
/// # Source
///
/// Fan et al.: Simplicity Prevails: Rethinking Negative Preference Optimization for LLM Unlearning, 2024, arXiv 2410.07163.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_unlearn::SimNpoConfig;
///
/// let device = Device::flex(); // a certain answer: log π = 0
/// let (logps, counts) = (Tensor::zeros([1], &device), Tensor::<1, Int>::from_data([3], &device));
/// let loss = SimNpoConfig::new().with_beta(2.0).init().unwrap().forward(logps, counts, Reduction::Mean);
/// assert!((loss.into_scalar::<f32>() - 2f32.ln()).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct SimNpo {
    beta: f64,
    gamma: f64,
}

impl SimNpo {
    /// The loss, reduced to `[1]`.
    ///
    /// # Shapes
    ///
    /// - policy_logps: `[batch]`, [`sum`](crate::SequenceLogProbs::sum) of each forget row
    /// - token_counts: `[batch]`, its [`count`](crate::SequenceLogProbs::count)
    ///
    /// # Panics
    ///
    /// When the lengths differ.
    pub fn forward(
        &self,
        policy_logps: Tensor<1>,
        token_counts: Tensor<1, Int>,
        reduction: Reduction,
    ) -> Tensor<1> {
        reduce(
            self.forward_no_reduction(policy_logps, token_counts),
            &reduction,
        )
    }

    /// The loss of each row, `[batch]`.
    ///
    /// # Panics
    ///
    /// When the lengths differ.
    pub fn forward_no_reduction(
        &self,
        policy_logps: Tensor<1>,
        token_counts: Tensor<1, Int>,
    ) -> Tensor<1> {
        let [batch] = policy_logps.dims();
        check_shape!("SimNpo", token_counts, [batch]);
        in_f32(policy_logps, |policy_logps| {
            let counts = token_counts.float().cast(policy_logps.dtype());
            let mean = safe_div(policy_logps, counts);
            negative_log_sigmoid(mean * -self.beta - self.gamma, self.beta)
        })
    }

    /// Looks for values the loss is not defined for; reads both tensors to the host.
    ///
    /// # Errors
    ///
    /// Differing lengths, an empty batch, NaN, a negative count.
    pub fn validate(
        &self,
        policy_logps: &Tensor<1>,
        token_counts: &Tensor<1, Int>,
    ) -> Result<(), InputError> {
        check_log_probs("SimNpo", [("policy_logps", policy_logps)])?;
        InputError::check_dims(
            "SimNpo",
            "token_counts",
            &token_counts.dims(),
            &policy_logps.dims(),
        )?;
        let counts: Vec<f64> = host::ints(token_counts)
            .iter()
            .map(|&count| count as f64)
            .collect();
        InputError::check_values("SimNpo", "token_counts", &counts, ">= 0", |count| {
            count >= 0.0
        })
    }
}
