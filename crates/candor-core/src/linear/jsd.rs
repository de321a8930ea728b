use burn::config::Config;

use super::{Divergence, LinearDivergence};
use crate::ConfigError;

/// Generalised Jensen-Shannon divergence between a student's and a teacher's distribution over a large vocabulary.
///
/// ```text
/// β KL(p || m) + (1 - β) KL(q || m),   m = β p + (1 - β) q,   p = softmax(teacher / T), q = softmax(student / T)
/// ```
///
/// As in GKD (arXiv 2306.13649), `β = 0` is `KL(p || q)` and `β = 1` is `KL(q || p)`, their limits up to a factor.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Tensor};
/// use candor_core::linear::{LinearJsdConfig, LinearLogits};
///
/// let device = Device::flex();
/// let weight = Tensor::<2>::from_floats([[1.0], [0.0]], &device);
/// let logits = |hidden: f32| LinearLogits::new(Tensor::from_floats([[hidden]], &device), weight.clone());
/// let jsd = LinearJsdConfig::new().init()?;
/// // Certain of opposite classes: ln 2, the largest value there is.
/// let value = jsd.forward(logits(-1e3), logits(1e3), Reduction::Mean).into_scalar::<f32>();
/// assert!((value - 2f32.ln()).abs() < 1e-6);
/// # Ok::<(), candor_core::ConfigError>(())
/// ```
#[derive(Config, Debug, PartialEq)]
pub struct LinearJsdConfig {
    /// The teacher's share of the mixture, in [0, 1]. Default: 0.5.
    #[config(default = 0.5)]
    pub beta: f64,
    /// What both logits are divided by, > 0. Default: 1.
    #[config(default = 1.0)]
    pub temperature: f64,
}

impl LinearJsdConfig {
    /// Checks the configuration.
    ///
    /// # Errors
    ///
    /// Unless the share is in [0, 1] and the temperature finite and > 0.
    pub fn init(&self) -> Result<LinearDivergence, ConfigError> {
        let Self { beta, temperature } = *self;
        ConfigError::positive("LinearJsdConfig", "temperature", temperature)?;
        if !(0.0..=1.0).contains(&beta) {
            return Err(ConfigError::out_of_range(
                "LinearJsdConfig",
                "beta",
                beta,
                "in [0, 1]",
            ));
        }
        let divergence = if beta <= 0.0 {
            Divergence::ForwardKl
        } else if beta >= 1.0 {
            Divergence::ReverseKl
        } else {
            Divergence::JensenShannon { beta }
        };
        Ok(LinearDivergence::new("LinearJsd", divergence, temperature))
    }
}
