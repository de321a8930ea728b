use burn::config::Config;
use burn::tensor::Tensor;
use candor_core::{Attribution, ConfigError, ExplainError, Predictor, Target, output_gradient};

use super::perturbation::checked_values;

/// Configuration of [`VanillaGradient`].
#[derive(Config, Debug, PartialEq)]
pub struct VanillaGradientConfig {
    /// Report `|gradient|` (saliency) instead of the signed gradient.
    #[config(default = false)]
    pub abs: bool,
}

impl VanillaGradientConfig {
    /// The method.
    ///
    /// # Errors
    ///
    /// None: every setting is legal.
    pub fn init(&self) -> Result<VanillaGradient, ConfigError> {
        Ok(VanillaGradient { abs: self.abs })
    }
}

/// The gradient of the chosen score with respect to the input.
///
/// ```text
/// attr = ∇f(x)         gradient matching under additive N(0, σ²I) noise, σ → 0
/// ```
///
/// One forward and one backward pass of the whole batch. Signed by default, unlike Captum's `Saliency`, for a
/// sign that was thrown away cannot be had back. A model that ignores its input gives zeros.
///
/// Source: Simonyan et al. 2014, arXiv 1312.6034; the view as local approximation: arXiv 2206.01254.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::Target;
/// use candor_explain::attribution::VanillaGradientConfig;
///
/// let model = |x: Tensor<2>| x.square(); // ∇ of output 1 at (1, 3) is (0, 6)
/// let inputs = Tensor::<2>::from_floats([[1.0, 3.0]], &Device::flex());
/// let explained = VanillaGradientConfig::new().init()?.explain(&model, inputs, &Target::Output(1))?;
/// assert_eq!(explained.row(0), [0.0, 6.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct VanillaGradient {
    pub(super) abs: bool,
}

impl VanillaGradient {
    /// Explains each row of a batch.
    ///
    /// # Errors
    ///
    /// NaN or an infinity in the inputs, an output that does not exist, a model that left the autodiff graph.
    pub fn explain<const D: usize>(
        &self,
        model: &impl Predictor<D>,
        inputs: Tensor<D>,
        target: &Target,
    ) -> Result<Attribution<D>, ExplainError> {
        checked_values("VanillaGradient", &inputs)?;
        let rows = inputs.dims()[0];
        let gradient = output_gradient(model, inputs, target)?.gradient;
        let values = if self.abs { gradient.abs() } else { gradient };
        Ok(Attribution::new(values, target.clone(), rows))
    }
}
