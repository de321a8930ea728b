use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::Tensor;

use super::divergence::Heads;
use super::{Divergence, LinearLogits};
use crate::ConfigError;

/// Which way a Kullback-Leibler divergence between teacher `p` and student `q` looks.
#[derive(Config, Debug, Copy, PartialEq, Eq)]
#[allow(clippy::expl_impl_clone_on_copy)] // Config derives Clone
pub enum KlDirection {
    /// `KL(p || q)`: the student covers all that the teacher says.
    Forward,
    /// `KL(q || p)`: the student keeps to what the teacher finds likely.
    Reverse,
}

/// Configuration of [`LinearKl`].
#[derive(Config, Debug, PartialEq)]
pub struct LinearKlConfig {
    /// Which way the divergence looks. Default: forward.
    #[config(default = "KlDirection::Forward")]
    pub direction: KlDirection,
    /// What both logits are divided by, > 0. Default: 1.
    ///
    /// The value is not multiplied by its square.
    #[config(default = 1.0)]
    pub temperature: f64,
}

impl LinearKlConfig {
    /// Checks the configuration.
    ///
    /// # Errors
    ///
    /// Unless the temperature is finite and > 0.
    pub fn init(&self) -> Result<LinearKl, ConfigError> {
        ConfigError::positive("LinearKlConfig", "temperature", self.temperature)?;
        Ok(LinearKl {
            divergence: match self.direction {
                KlDirection::Forward => Divergence::ForwardKl,
                KlDirection::Reverse => Divergence::ReverseKl,
            },
            temperature: self.temperature,
        })
    }
}

/// Kullback-Leibler divergence between a student's and a teacher's distribution over a large vocabulary.
///
/// ```text
/// forward: KL(p || q) = Σ p (log p - log q)        reverse: KL(q || p)        p = softmax(teacher / T), q = softmax(student / T)
/// ```
///
/// The gradient reaches the student's hidden states, weight and bias; the teacher is constant. One sweep gives value
/// and gradients.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Tensor};
/// use candor_core::linear::{LinearKlConfig, LinearLogits};
///
/// let device = Device::flex();
/// let weight = Tensor::<2>::from_floats([[1.0], [0.0]], &device);
/// let logits = |hidden: f32| LinearLogits::new(Tensor::from_floats([[hidden]], &device), weight.clone());
/// let kl = LinearKlConfig::new().with_temperature(2.0).init()?;
/// assert_eq!(kl.forward(logits(3.0), logits(3.0), Reduction::Mean).into_scalar::<f32>(), 0.0);
/// assert!(kl.forward(logits(0.0), logits(3.0), Reduction::Mean).into_scalar::<f32>() > 0.0);
/// # Ok::<(), candor_core::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct LinearKl {
    divergence: Divergence,
    temperature: f64,
}

impl LinearKl {
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
        let heads = Heads::new("LinearKl", student, teacher, self.temperature);
        let row_weights = heads.even_weights(&reduction);
        heads.weighted_sum("LinearKl", row_weights, self.divergence)
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
        let heads = Heads::new("LinearKl", student, teacher, self.temperature);
        heads.weighted_sum("LinearKl", row_weights, self.divergence)
    }
}
