use burn::config::Config;
use burn::tensor::Tensor;
use candor_core::{ConfigError, in_f32};

/// Configuration of [`LogitSoftCap`].
#[derive(Config, Debug)]
pub struct LogitSoftCapConfig {
    /// The bound, finite and > 0; 30 is usual for a model's outputs, 50 for attention. Default: 30.
    #[config(default = 30.0)]
    pub cap: f64,
}

impl LogitSoftCapConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A cap that is not finite and above zero.
    pub fn init(&self) -> Result<LogitSoftCap, ConfigError> {
        Ok(LogitSoftCap {
            cap: ConfigError::positive("LogitSoftCapConfig", "cap", self.cap)?,
        })
    }
}

/// Bounds logits smoothly: `cap · tanh(logits / cap)`.
///
/// The usual alternative to [`QkNorm`](super::QkNorm) and [`AuxZLoss`](super::AuxZLoss). Unlike them it leaves no gradient
/// to logits far beyond the cap. Half precision is computed in `f32`.
///
/// Source: Gemma 2, 2024, arXiv 2408.00118.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_losses::stability::LogitSoftCapConfig;
///
/// let logits = Tensor::<1>::from_floats([0.0, 1e4, -1e4], &Device::flex());
/// let capped = LogitSoftCapConfig::new().init().unwrap().forward(logits);
/// assert_eq!(capped.into_data().to_vec::<f32>().unwrap(), [0.0, 30.0, -30.0]);
/// ```
#[derive(Debug, Clone)]
pub struct LogitSoftCap {
    cap: f64,
}

impl LogitSoftCap {
    /// The bounded logits, in the same shape.
    pub fn forward<const D: usize>(&self, logits: Tensor<D>) -> Tensor<D> {
        in_f32(logits, |logits| {
            (logits * self.cap.recip()).tanh() * self.cap
        })
    }
}
