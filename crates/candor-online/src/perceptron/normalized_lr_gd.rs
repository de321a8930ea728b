use burn::config::Config;
use burn::tensor::{Tensor, activation};
use candor_core::numerics::softplus;
use candor_core::{ConfigError, in_f32};

use super::{LinearSeparator, SignedRows};

/// Configuration of [`NormalizedLrGd`].
#[derive(Config, Debug)]
pub struct NormalizedLrGdConfig {
    /// Step size γ, finite and > 0; 100 is recommended. Default: 1.
    #[config(default = 1.0)]
    pub step: f64,
}

impl NormalizedLrGdConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A step size that is not finite and above zero.
    pub fn init(&self) -> Result<NormalizedLrGd, ConfigError> {
        Ok(NormalizedLrGd {
            step: ConfigError::positive("NormalizedLrGdConfig", "step", self.step)?,
        })
    }
}

/// Gradient descent on the logistic loss whose step is γ times a weighted mean of rows, however many are right.
///
/// ```text
/// θ ← θ - γ β ∇f,   β = n / Σ σ(-m);   computed as θ ← θ + γ Σ w y a,   w = softmax(log σ(-m))
/// ```
///
/// No step is longer than γR, none vanishes. The number of iterations does not grow with n when γ is large, where plain
/// gradient descent's does. As a softmax it never is 0 · ∞: with margins of 1e5, where σ underflows, it still moves along
/// the worst row.
///
/// Source: arXiv 2412.08424.
///
/// ```
/// use burn::tensor::Device;
/// use candor_online::perceptron::{LinearSeparator, NormalizedLrGdConfig, SeparationConfig, worst_case_rows};
///
/// let rows = worst_case_rows(100, &Device::flex()).unwrap();
/// let method = NormalizedLrGdConfig::new().with_step(100.0).init().unwrap();
/// assert_eq!(method.fit(&rows, &SeparationConfig::new()).unwrap().iterations, 2);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NormalizedLrGd {
    step: f64,
}

impl LinearSeparator for NormalizedLrGd {
    fn shares(&self, _rows: &SignedRows, margins: Tensor<1>, _step: usize) -> Tensor<1> {
        activation::softmax(-softplus(margins), 0) * self.step
    }
}

/// What to multiply the gradient of a mean logistic loss with, so that it does not fade as rows come right: `n / Σ σ(-m)`.
///
/// For any binary logistic head: `loss * scale.detach()`, the margins being `y · logit`. Shape `[1]`. Where all σ
/// underflow it is the largest number of the precision: multiply the loss's rows by their softmax instead, as
/// [`NormalizedLrGd`] does.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_online::perceptron::normalized_logistic_scale;
///
/// let margins = Tensor::<1>::zeros([4], &Device::flex()); // σ = 1/2 in every row
/// assert_eq!(normalized_logistic_scale(margins).into_scalar::<f32>(), 2.0);
/// ```
pub fn normalized_logistic_scale(margins: Tensor<1>) -> Tensor<1> {
    let count = margins.dims()[0];
    in_f32(margins, |margins| {
        let mean = super::signed_rows::slopes(margins).sum() * (count as f64).recip();
        mean.clamp_min(f64::from(f32::MIN_POSITIVE)).recip()
    })
}
