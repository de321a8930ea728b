use burn::config::Config;
use burn::tensor::Tensor;
use candor_core::ConfigError;

use super::{OutputSummary, SphericalLoss, SphericalSlopes};

/// Configuration of [`SphericalSoftmaxLoss`].
#[derive(Config, Debug)]
pub struct SphericalSoftmaxLossConfig {
    /// Floor ε of a squared output, finite and > 0. Default: 1e-2; the paper tunes it.
    #[config(default = 1e-2)]
    pub epsilon: f64,
}

impl SphericalSoftmaxLossConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// An ε that is not finite and above zero.
    pub fn init(&self) -> Result<SphericalSoftmaxLoss, ConfigError> {
        let epsilon = ConfigError::positive("SphericalSoftmaxLossConfig", "epsilon", self.epsilon)?;
        Ok(SphericalSoftmaxLoss { epsilon })
    }
}

/// Cross-entropy of a softmax whose exponentials are replaced by squares.
///
/// ```text
/// p_k = (o_k² + ε) / Σ (o² + ε)      loss = -log p_label = log(q + D ε) - log(a² + ε)
/// ```
///
/// It does not see signs: `o` and `-o` cost the same, so predict by the largest `o²`. The gradient at an output of
/// zero is zero.
///
/// # Edge cases
///
/// Logits of ±1e4 give a finite loss and gradient. An ε below the smallest number of the logits' precision is zero there:
/// a label's output of 0 then costs infinity.
///
/// # Source
///
/// de Brébisson, Vincent: An Exploration of Softmax Alternatives Belonging to the Spherical Loss Family, 2015,
/// arXiv 1511.05042.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_losses::spherical::{SphericalLoss, SphericalSoftmaxLossConfig};
///
/// let device = Device::flex();
/// let (logits, labels) = (Tensor::from_floats([[1.0, -1.0]], &device), Tensor::<1, Int>::from_data([1], &device));
/// let loss = SphericalSoftmaxLossConfig::new().init().unwrap().forward(logits, labels, Reduction::Mean);
/// assert!((loss.into_scalar::<f32>() - 2f32.ln()).abs() < 1e-6); // equal squares, p = 1/2
/// ```
#[derive(Debug, Clone)]
pub struct SphericalSoftmaxLoss {
    epsilon: f64,
}

impl SphericalLoss for SphericalSoftmaxLoss {
    fn name(&self) -> &'static str {
        "SphericalSoftmaxLoss"
    }

    fn slopes(&self, summary: OutputSummary) -> SphericalSlopes {
        let label = summary.label * summary.label + self.epsilon;
        let all = summary.squares + summary.classes as f64 * self.epsilon;
        SphericalSlopes {
            loss: all.ln() - label.ln(),
            label: -2.0 * summary.label / label,
            squares: all.recip(),
            sum: 0.0,
        }
    }

    fn forward_summaries(
        &self,
        label_outputs: Tensor<1>,
        squares: Tensor<1>,
        _sums: Tensor<1>,
        classes: usize,
    ) -> Tensor<1> {
        let all = squares + classes as f64 * self.epsilon;
        all.log() - (label_outputs.square() + self.epsilon).log()
    }
}
