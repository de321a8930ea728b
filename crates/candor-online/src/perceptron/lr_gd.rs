use burn::config::Config;
use burn::tensor::Tensor;
use candor_core::ConfigError;

use super::signed_rows::slopes;
use super::{LinearSeparator, SignedRows};

/// Configuration of [`LrGd`].
#[derive(Config, Debug)]
pub struct LrGdConfig {
    /// Step size γ, finite and > 0; 100 separates fast. Default: 1.
    #[config(default = 1.0)]
    pub step: f64,
}

impl LrGdConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A step size that is not finite and above zero.
    pub fn init(&self) -> Result<LrGd, ConfigError> {
        Ok(LrGd {
            step: ConfigError::positive("LrGdConfig", "step", self.step)?,
        })
    }
}

/// Gradient descent on the logistic loss.
///
/// ```text
/// θ ← θ + γ/n Σ σ(-m) y a
/// ```
///
/// For γ → ∞, θ/γ walks the way of [`BatchPerceptron`](super::BatchPerceptron), which may need n R²/μ² iterations. Large
/// steps find some separating hyperplane, not that of the largest margin.
///
/// Source: arXiv 2412.08424.
///
/// ```
/// use burn::tensor::Device;
/// use candor_online::perceptron::{LinearSeparator, LrGdConfig, SeparationConfig, worst_case_rows};
///
/// let rows = worst_case_rows(100, &Device::flex()).unwrap();
/// let method = LrGdConfig::new().with_step(100.0).init().unwrap();
/// assert_eq!(method.fit(&rows, &SeparationConfig::new()).unwrap().iterations, 31);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LrGd {
    step: f64,
}

impl LinearSeparator for LrGd {
    fn shares(&self, rows: &SignedRows, margins: Tensor<1>, _step: usize) -> Tensor<1> {
        slopes(margins) * (self.step / rows.count() as f64)
    }
}
