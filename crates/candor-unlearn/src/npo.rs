use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::{Tensor, activation};
use candor_core::{ConfigError, InputError, in_f32, reduce};

use crate::log_sigmoid::{check_log_probs, log_ratio, negative_log_sigmoid};

/// Configuration of [`Npo`].
#[derive(Config, Debug)]
pub struct NpoConfig {
    /// Inverse temperature β, finite and > 0: the larger, the sooner a forgotten example is left alone. Default: 0.1.
    #[config(default = 0.1)]
    pub beta: f64,
}

impl NpoConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A β that is not finite and above zero.
    pub fn init(&self) -> Result<Npo, ConfigError> {
        Ok(Npo {
            beta: ConfigError::positive("NpoConfig", "beta", self.beta)?,
        })
    }
}

/// Negative preference optimization: forgets examples, and loses interest in those it has forgotten.
///
/// ```text
/// r = log π - log π_ref          loss = (2/β) softplus(β r) = -(2/β) log sigmoid(-β r)
/// dloss/dlog π = 2 sigmoid(β r)  in (0, 2): 1 at the start, 0 once r is far below zero
/// ```
///
/// Use it instead of [`GradientAscent`](crate::GradientAscent) for more than a handful of steps: that one keeps pushing until the
/// model collapses. As β goes to 0 it becomes gradient ascent. Log-probabilities are sums over a row's
/// tokens, not means: a mean would divide β by the length of the answer.
///
/// # Edge cases
///
/// At `r = 0` the loss is `(2/β) ln 2`, also for a row without scored tokens. For `r` of ±1e4 it is `2 max(r, 0)`, with
/// a finite gradient. No gradient reaches the reference.
///
/// # Source
///
/// Zhang, Lin, Bai, Mei: Negative Preference Optimization: From Catastrophic Collapse to Effective Unlearning, 2024,
/// arXiv 2404.05868.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Tensor};
/// use candor_unlearn::NpoConfig;
///
/// let logps = Tensor::<1>::from_floats([-3.0, -7.0], &Device::flex());
/// let npo = NpoConfig::new().with_beta(2.0).init().unwrap();
/// let loss = npo.forward(logps.clone(), logps, Reduction::Mean); // nothing forgotten yet
/// assert!((loss.into_scalar::<f32>() - 2f32.ln()).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct Npo {
    beta: f64,
}

impl Npo {
    /// The loss, reduced to `[1]`.
    ///
    /// # Shapes
    ///
    /// - policy_logps, ref_logps: `[batch]`, log-probability of each forget row under the model and the frozen reference
    ///
    /// # Panics
    ///
    /// When the lengths differ.
    pub fn forward(
        &self,
        policy_logps: Tensor<1>,
        ref_logps: Tensor<1>,
        reduction: Reduction,
    ) -> Tensor<1> {
        reduce(
            self.forward_no_reduction(policy_logps, ref_logps),
            &reduction,
        )
    }

    /// The loss of each row, `[batch]`.
    ///
    /// # Panics
    ///
    /// When the lengths differ.
    pub fn forward_no_reduction(&self, policy_logps: Tensor<1>, ref_logps: Tensor<1>) -> Tensor<1> {
        let ratio = log_ratio("Npo", policy_logps, ref_logps);
        negative_log_sigmoid(ratio * -self.beta, self.beta)
    }

    /// How strongly each row is still pushed, as a share of gradient ascent: `2 sigmoid(β r)`, `[batch]`, without gradient.
    ///
    /// # Panics
    ///
    /// When the lengths differ.
    pub fn adaptive_weight(&self, policy_logps: Tensor<1>, ref_logps: Tensor<1>) -> Tensor<1> {
        let ratio = log_ratio("Npo", policy_logps.detach(), ref_logps);
        in_f32(ratio, |ratio| activation::sigmoid(ratio * self.beta) * 2.0)
    }

    /// Looks for values the loss is not defined for; reads both tensors to the host.
    ///
    /// # Errors
    ///
    /// Differing lengths, an empty batch, NaN.
    pub fn validate(
        &self,
        policy_logps: &Tensor<1>,
        ref_logps: &Tensor<1>,
    ) -> Result<(), InputError> {
        check_log_probs(
            "Npo",
            [("policy_logps", policy_logps), ("ref_logps", ref_logps)],
        )
    }
}
