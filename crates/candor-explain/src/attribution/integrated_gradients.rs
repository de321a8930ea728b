use burn::config::Config;
use burn::tensor::Tensor;
use candor_core::host::floats;
use candor_core::{Attribution, ConfigError, ExplainError, Predictor, Target, in_f32};

use super::perturbation::{Batching, Path, PerturbedModel};
use super::{Baseline, Quadrature};

/// Configuration of [`IntegratedGradients`].
#[derive(Config, Debug, PartialEq)]
pub struct IntegratedGradientsConfig {
    /// Steps of the quadrature: ≥ 1, ≥ 2 for the trapezoid.
    #[config(default = 50)]
    pub n_steps: usize,
    /// The quadrature rule.
    #[config(default = "Quadrature::GaussLegendre")]
    pub rule: Quadrature,
    /// How many steps and rows go into one call.
    #[config(default = "Batching::new()")]
    pub batching: Batching,
}

impl IntegratedGradientsConfig {
    /// The method, with its nodes and weights computed.
    ///
    /// # Errors
    ///
    /// No step, or a trapezoid of one.
    pub fn init(&self) -> Result<IntegratedGradients, ConfigError> {
        let (nodes, weights) = self.rule.rule(self.n_steps)?;
        Ok(IntegratedGradients {
            nodes,
            weights,
            batching: self.batching,
        })
    }
}

/// The gradient averaged along the straight path from a baseline, times the distance.
///
/// ```text
/// attr = (x − r) ⊙ Σ_k ω_k ∇f(r + a_k (x − r))
/// ```
///
/// Gradient matching under multiplicative noise `a·1`, `a ~ U(0, 1)`. The contributions sum to
/// `f(x) − f(r)` up to the error of the quadrature; `convergence_delta` is `Σ attr − (f(x) − f(r))`. 50
/// Gauss-Legendre steps are enough for smooth models; raise them where the delta is not small beside the
/// scores. A baseline equal to the input gives zeros. Peak memory is that of one call ([`Batching`]) and four
/// maps a row of it, whatever the number of steps.
///
/// Source: Sundararajan et al. 2017, arXiv 1703.01365; arXiv 2206.01254.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::Target;
/// use candor_explain::attribution::{Baseline, IntegratedGradientsConfig};
///
/// let model = |x: Tensor<2>| x.square(); // x1² is all the work of x1
/// let inputs = Tensor::<2>::from_floats([[1.0, 3.0]], &Device::flex());
/// let method = IntegratedGradientsConfig::new().init()?;
/// let explained = method.explain(&model, inputs, &Target::Output(1), &Baseline::Zeros)?;
/// assert!((explained.row(0)[1] - 9.0).abs() < 1e-5 && explained.convergence_delta.unwrap()[0].abs() < 1e-5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct IntegratedGradients {
    nodes: Vec<f64>,
    weights: Vec<f64>,
    batching: Batching,
}

impl IntegratedGradients {
    /// Explains each row of a batch against its baseline.
    ///
    /// # Errors
    ///
    /// NaN or an infinity in inputs or baseline, shapes that do not fit, an output that does not exist, a model
    /// that left the autodiff graph or whose score is not finite.
    pub fn explain<const D: usize>(
        &self,
        model: &impl Predictor<D>,
        inputs: Tensor<D>,
        target: &Target,
        baseline: &Baseline<D>,
    ) -> Result<Attribution<D>, ExplainError> {
        let path =
            PerturbedModel::new("IntegratedGradients", model, inputs, target, self.batching)?
                .multiplicative(baseline)?;
        let gradient = path.gradients(&Path(&self.nodes), &self.weights)?.mean;
        let values = path.along_slope(gradient);
        let totals = floats(&in_f32(values.clone(), |values| values.sum_dim(1)));
        let deltas = path.per_row(&Path(&[1.0, 0.0]), |row, ends| {
            Ok(totals[row] - (ends[0] - ends[1]))
        })?;
        Ok(Attribution {
            convergence_delta: Some(deltas),
            ..path.attribution(values)
        })
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn a_left_sum_of_a_rising_slope_falls_short_by_its_delta() {
        // f = x² from 0 to 2: the slope 4a at a = 0 and 1/2 has mean 1, times 2 is 2, and f rises by 4.
        let method = IntegratedGradientsConfig::new()
            .with_n_steps(2)
            .with_rule(Quadrature::RiemannLeft)
            .init()
            .unwrap();
        let inputs = Tensor::<2>::from_floats([[2.0]], &Device::flex());
        let explained = method
            .explain(
                &|x: Tensor<2>| x.square(),
                inputs,
                &Target::Output(0),
                &Baseline::Zeros,
            )
            .unwrap();
        assert_eq!(explained.row(0), [2.0]);
        assert_eq!(explained.convergence_delta.unwrap(), [-2.0]);
        assert_eq!(explained.model_calls, 4);
    }
}
