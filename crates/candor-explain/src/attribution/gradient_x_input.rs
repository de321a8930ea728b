use burn::config::Config;
use burn::tensor::Tensor;
use candor_core::{Attribution, ConfigError, ExplainError, Predictor, Target};

use super::VanillaGradient;

/// Configuration of [`GradientXInput`]; it has no setting.
#[derive(Config, Debug, PartialEq)]
pub struct GradientXInputConfig {}

impl GradientXInputConfig {
    /// The method.
    ///
    /// # Errors
    ///
    /// None: there is nothing to set.
    pub fn init(&self) -> Result<GradientXInput, ConfigError> {
        Ok(GradientXInput {})
    }
}

/// Gradient times input.
///
/// ```text
/// attr = x ⊙ ∇f(x)     gradient matching under multiplicative noise a·1, a ~ U(a0, 1), a0 → 1
/// ```
///
/// Exact for a linear model with a baseline of zero; elsewhere it says what the slope at `x` would give if it
/// held all the way to zero. An entry of zero gets no attribution, whatever the model does with it.
///
/// Source: Shrikumar et al. 2016, arXiv 1605.01713; arXiv 2206.01254.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::Target;
/// use candor_explain::attribution::GradientXInputConfig;
///
/// let model = |x: Tensor<2>| x.square(); // x1 · ∂x1²/∂x1 = 3 · 6
/// let inputs = Tensor::<2>::from_floats([[1.0, 3.0]], &Device::flex());
/// let explained = GradientXInputConfig::new().init()?.explain(&model, inputs, &Target::Output(1))?;
/// assert_eq!(explained.row(0), [0.0, 18.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct GradientXInput {}

impl GradientXInput {
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
        let inputs = inputs.without_autodiff();
        let gradient = VanillaGradient { abs: false }.explain(model, inputs.clone(), target)?;
        Ok(Attribution {
            values: gradient.values.clone() * inputs,
            ..gradient
        })
    }
}
