use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::Tensor;

use super::divergence::Heads;
use super::{Divergence, LinearLogits};
use crate::ConfigError;

/// Configuration of [`LinearJsd`].
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
    pub fn init(&self) -> Result<LinearJsd, ConfigError> {
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
        let divergence = if beta == 0.0 {
            Divergence::ForwardKl
        } else if beta == 1.0 {
            Divergence::ReverseKl
        } else {
            Divergence::JensenShannon { beta }
        };
        Ok(LinearJsd {
            divergence,
            temperature,
        })
    }
}

/// Generalised Jensen-Shannon divergence between a student's and a teacher's distribution over a large vocabulary.
///
/// ```text
/// β KL(p || m) + (1 - β) KL(q || m),   m = β p + (1 - β) q,   p = softmax(teacher / T), q = softmax(student / T)
/// ```
///
/// As in GKD (arXiv 2306.13649), `β = 0` is `KL(p || q)` and `β = 1` is `KL(q || p)`, their limits up to a factor. The
/// gradient reaches the student's hidden states, weight and bias; the teacher is constant.
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
#[derive(Debug, Clone)]
pub struct LinearJsd {
    divergence: Divergence,
    temperature: f64,
}

impl LinearJsd {
    /// The reduced divergence, `[1]`; `Mean`, `Auto` and `BatchMean` divide by the rows.
    ///
    /// # Panics
    ///
    /// When rows or classes of student and teacher differ.
    pub fn forward(
        &self,
        student: LinearLogits,
        teacher: LinearLogits,
        reduction: Reduction,
    ) -> Tensor<1> {
        let heads = Heads::new("LinearJsd", student, teacher, self.temperature);
        let row_weights = heads.even_weights(&reduction);
        heads.weighted_sum("LinearJsd", row_weights, self.divergence)
    }

    /// `Σ weight · divergence`, `[1]`, for weights `[rows]`: 0 leaves a row out. No gradient reaches the weights.
    ///
    /// # Panics
    ///
    /// When rows or classes differ, or there is not one weight a row.
    pub fn forward_weighted(
        &self,
        student: LinearLogits,
        teacher: LinearLogits,
        row_weights: Tensor<1>,
    ) -> Tensor<1> {
        let heads = Heads::new("LinearJsd", student, teacher, self.temperature);
        heads.weighted_sum("LinearJsd", row_weights, self.divergence)
    }
}
