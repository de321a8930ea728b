use burn::config::Config;

use super::{Divergence, LinearDivergence};
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

/// Kullback-Leibler divergence between a student's and a teacher's distribution over a large vocabulary.
///
/// ```text
/// forward: KL(p || q) = Σ p (log p - log q)        reverse: KL(q || p)        p = softmax(teacher / T), q = softmax(student / T)
/// ```
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
    pub fn init(&self) -> Result<LinearDivergence, ConfigError> {
        ConfigError::positive("LinearKlConfig", "temperature", self.temperature)?;
        let divergence = match self.direction {
            KlDirection::Forward => Divergence::ForwardKl,
            KlDirection::Reverse => Divergence::ReverseKl,
        };
        Ok(LinearDivergence::new(
            "LinearKl",
            divergence,
            self.temperature,
        ))
    }
}
