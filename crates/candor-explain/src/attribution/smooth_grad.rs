use burn::config::Config;
use burn::tensor::Tensor;
use candor_core::{Attribution, ConfigError, DrawKey, ExplainError, InputError, Predictor, Target};

use super::perturbation::{Batching, Draws, Given, Normal, PerturbedModel};

/// Configuration of [`SmoothGrad`].
#[derive(Config, Debug, PartialEq)]
pub struct SmoothGradConfig {
    /// Standard deviation σ of the noise, in units of the input: > 0.
    #[config(default = 0.1)]
    pub sigma: f64,
    /// Draws S: ≥ 1.
    #[config(default = 50)]
    pub n_samples: usize,
    /// How many draws and rows go into one call.
    #[config(default = "Batching::new()")]
    pub batching: Batching,
}

impl SmoothGradConfig {
    /// The method.
    ///
    /// # Errors
    ///
    /// A σ that is not finite and above zero, or no draw.
    pub fn init(&self) -> Result<SmoothGrad, ConfigError> {
        Ok(SmoothGrad {
            sigma: ConfigError::positive("SmoothGradConfig", "sigma", self.sigma)?,
            n_samples: ConfigError::at_least_one("SmoothGradConfig", "n_samples", self.n_samples)?,
            batching: self.batching,
        })
    }
}

/// The mean gradient in a Gaussian neighbourhood.
///
/// ```text
/// attr = (1/S) Σ ∇f(x + σ ε_i),  ε ~ N(0, I)      gradient matching under additive N(0, σ²I) noise
/// ```
///
/// Signed. `standard_error` is the standard deviation of the gradients over the draws divided by √S (`None` of
/// a single draw). Default σ is 0.1, for inputs of unit scale. Peak memory is that of one call
/// ([`Batching`]) and four maps a row of it, whatever S.
///
/// Source: Smilkov et al. 2017, arXiv 1706.03825; arXiv 2206.01254.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::{DrawKey, Target};
/// use candor_explain::attribution::SmoothGradConfig;
///
/// let model = |x: Tensor<2>| x * 3.0; // a constant slope survives any smoothing
/// let inputs = Tensor::<2>::from_floats([[1.0, 2.0]], &Device::flex());
/// let smooth = SmoothGradConfig::new().init()?;
/// let explained = smooth.explain(&model, inputs, &Target::Output(0), DrawKey::new(7))?;
/// assert_eq!(explained.row(0), [3.0, 0.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct SmoothGrad {
    sigma: f64,
    n_samples: usize,
    batching: Batching,
}

impl SmoothGrad {
    /// Explains each row of a batch with noise of its own: row `r` uses the stream of `key.row + r`.
    ///
    /// # Errors
    ///
    /// NaN or an infinity in the inputs, an output that does not exist, a model that left the autodiff graph.
    pub fn explain<const D: usize>(
        &self,
        model: &impl Predictor<D>,
        inputs: Tensor<D>,
        target: &Target,
        key: DrawKey,
    ) -> Result<Attribution<D>, ExplainError> {
        let perturbed = PerturbedModel::new("SmoothGrad", model, inputs, target, self.batching)?;
        let noise = Normal {
            key,
            count: self.n_samples,
            width: perturbed.features(),
            sigma: self.sigma,
        };
        Self::smooth(&perturbed, &noise)
    }

    /// Explains with given standard normal draws `[draws, ..row]`, the same for every row of the batch.
    ///
    /// # Errors
    ///
    /// As [`explain`](Self::explain), and draws of another shape than a row, none, or not finite.
    pub fn explain_with<const D: usize>(
        &self,
        model: &impl Predictor<D>,
        inputs: Tensor<D>,
        target: &Target,
        epsilon: Tensor<D>,
    ) -> Result<Attribution<D>, ExplainError> {
        let mut wanted = inputs.dims();
        wanted[0] = epsilon.dims()[0];
        InputError::check_dims("SmoothGrad", "epsilon", &epsilon.dims(), &wanted)?;
        let perturbed = PerturbedModel::new("SmoothGrad", model, inputs, target, self.batching)?;
        let noise = (epsilon * self.sigma).reshape([wanted[0], perturbed.features()]);
        Self::smooth(&perturbed, &Given::of("SmoothGrad", "epsilon", &noise)?)
    }

    fn smooth<M: Predictor<D>, const D: usize>(
        perturbed: &PerturbedModel<'_, M, D>,
        noise: &impl Draws,
    ) -> Result<Attribution<D>, ExplainError> {
        let draws = noise.count();
        let moments = perturbed.gradients(noise, &vec![1.0; draws])?;
        let standard_error = (draws > 1).then(|| {
            let variance = moments.scatter.clone() / (draws - 1) as f64;
            perturbed.restore((variance / draws as f64).sqrt())
        });
        Ok(Attribution {
            standard_error,
            ..perturbed.attribution(moments.mean)
        })
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::tensor::Device;
    use candor_core::host::floats;

    use super::*;

    #[test]
    fn the_standard_error_is_that_of_the_mean() {
        // ∇x² at 0 + ε is 2ε: gradients 2, -2 have mean 0, deviation √8, and standard error √8/√2 = 2.
        let device = Device::flex();
        let smooth = SmoothGradConfig::new().with_sigma(1.0).init().unwrap();
        let epsilon = Tensor::<2>::from_floats([[1.0], [-1.0]], &device);
        let model = |x: Tensor<2>| x.square();
        let explained = smooth
            .explain_with(
                &model,
                Tensor::zeros([1, 1], &device),
                &Target::Output(0),
                epsilon,
            )
            .unwrap();
        assert_eq!(explained.row(0), [0.0]);
        assert_eq!(floats(&explained.standard_error.unwrap()), [2.0]);
        assert_eq!(explained.model_calls, 2);
    }
}
