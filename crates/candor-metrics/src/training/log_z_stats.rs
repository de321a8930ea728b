use burn::tensor::Tensor;
use candor_core::numerics::log_sum_exp;
use candor_core::{InputError, host};

use super::attention_logit_stats::at_least_f32;

/// Where log Z, the logarithm of the softmax's normaliser, is over a batch of output logits.
///
/// ```text
/// log Z = log Σ exp(logits) of a row;   mean, root mean square and largest magnitude over the rows
/// ```
///
/// Cross-entropy does not see a shift of all logits, so log Z may drift: a magnitude that grows through training is the
/// output-logit divergence, and the auxiliary z-loss holds it.
///
/// Source: Wortsman et al., 2023, arXiv 2309.14322.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_metrics::training::LogZStats;
///
/// let logits = Tensor::<2>::from_floats([[3.0], [-4.0]], &Device::flex()); // log Z is the logit
/// let stats = LogZStats::of(&logits).unwrap();
/// assert_eq!((stats.mean, stats.max_abs), (-0.5, 4.0));
/// assert!((stats.rms - 12.5f64.sqrt()).abs() < 1e-6);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogZStats {
    /// Mean.
    pub mean: f64,
    /// Root mean square.
    pub rms: f64,
    /// Largest magnitude.
    pub max_abs: f64,
}

impl LogZStats {
    /// Of logits `[rows, classes]`.
    ///
    /// # Errors
    ///
    /// No row, no class, a row whose log Z is not finite.
    pub fn of(logits: &Tensor<2>) -> Result<Self, InputError> {
        const NAME: &str = "LogZStats";
        InputError::check_not_empty(NAME, "logits", logits.shape().num_elements())?;
        let log_z = host::floats(&log_sum_exp(at_least_f32(logits), 1));
        InputError::check_finite(NAME, "log Z", &log_z)?;
        let count = log_z.len() as f64;
        let squares: f64 = log_z.iter().map(|value| value * value).sum();
        Ok(Self {
            mean: log_z.iter().sum::<f64>() / count,
            rms: (squares / count).sqrt(),
            max_abs: log_z.iter().fold(0.0, |max, value| max.max(value.abs())),
        })
    }
}
