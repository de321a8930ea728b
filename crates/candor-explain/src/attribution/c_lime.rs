use burn::config::Config;
use burn::tensor::Tensor;
use candor_core::{Attribution, ConfigError, DrawKey, ExplainError, Predictor, Target};

use super::perturbation::{Batching, Draws, Given, Normal, PerturbedModel};
use super::weighted_ridge::{Regression, fit_scores};

/// Configuration of [`CLime`].
#[derive(Config, Debug, PartialEq)]
pub struct CLimeConfig {
    /// Standard deviation σ of the noise, in units of the input: > 0.
    #[config(default = 0.1)]
    pub sigma: f64,
    /// Samples S: ≥ 1. Fewer than features + 1 leave the solution of least norm.
    #[config(default = 1000)]
    pub n_samples: usize,
    /// How many samples and rows go into one call.
    #[config(default = "Batching::new()")]
    pub batching: Batching,
}

impl CLimeConfig {
    /// The method.
    ///
    /// # Errors
    ///
    /// A σ that is not finite and above zero, or no sample.
    pub fn init(&self) -> Result<CLime, ConfigError> {
        Ok(CLime {
            sigma: ConfigError::positive("CLimeConfig", "sigma", self.sigma)?,
            n_samples: ConfigError::at_least_one("CLimeConfig", "n_samples", self.n_samples)?,
            batching: self.batching,
        })
    }
}

/// C-LIME: an affine least-squares fit to the score in a Gaussian neighbourhood.
///
/// ```text
/// attr = β of  min over β, b of Σ_i (f(x + ξ_i) − β·ξ_i − b)²,  ξ ~ N(0, σ²I)
/// ```
///
/// Approaches [`SmoothGrad`](super::SmoothGrad) as S grows, without a gradient of the model. `r_squared` says
/// how straight the score is in this neighbourhood. Peak memory is that of one call ([`Batching`]), S scores, and
/// `(features + 2)²` numbers of the regression, whatever S.
///
/// Source: Agarwal et al. 2021, arXiv 2102.10618; arXiv 2206.01254.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::{DrawKey, Target};
/// use candor_explain::attribution::CLimeConfig;
///
/// let model = |x: Tensor<2>| x.sum_dim(1) * 3.0; // slope 3 in both features
/// let inputs = Tensor::<2>::from_floats([[1.0, 2.0]], &Device::flex());
/// let explained = CLimeConfig::new().init()?.explain(&model, inputs, &Target::Output(0), DrawKey::new(7))?;
/// assert!((explained.row(0)[1] - 3.0).abs() < 1e-4 && explained.r_squared.unwrap()[0] > 0.9999);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct CLime {
    sigma: f64,
    n_samples: usize,
    batching: Batching,
}

impl CLime {
    /// Explains each row of a batch with noise of its own: row `r` uses the stream of `key.row + r`.
    ///
    /// # Errors
    ///
    /// NaN or an infinity in the inputs, an output that does not exist, a score that is not finite, more features
    /// than the memory budget has room for.
    pub fn explain<const D: usize>(
        &self,
        model: &impl Predictor<D>,
        inputs: Tensor<D>,
        target: &Target,
        key: DrawKey,
    ) -> Result<Attribution<D>, ExplainError> {
        let perturbed = PerturbedModel::new("CLime", model, inputs, target, self.batching)?;
        let noise = Normal {
            key,
            count: self.n_samples,
            width: perturbed.features(),
            sigma: self.sigma,
        };
        explained(&perturbed, &noise)
    }

    /// Explains with given displacements `[draws, features]` (σ is not applied), the same for every row.
    ///
    /// # Errors
    ///
    /// As [`explain`](Self::explain), and displacements of another width, none, or not finite.
    pub fn explain_with<const D: usize>(
        &self,
        model: &impl Predictor<D>,
        inputs: Tensor<D>,
        target: &Target,
        displacements: &Tensor<2>,
    ) -> Result<Attribution<D>, ExplainError> {
        let perturbed = PerturbedModel::new("CLime", model, inputs, target, self.batching)?;
        let noise = Given::of("CLime", "displacements", displacements)?;
        explained(&perturbed, &noise)
    }
}

fn explained<M: Predictor<D>, const D: usize>(
    perturbed: &PerturbedModel<'_, M, D>,
    noise: &impl Draws,
) -> Result<Attribution<D>, ExplainError> {
    let surrogates = fit_scores(perturbed, noise, Regression::new(true, 0.0), |_, _| 1.0)?;
    Ok(Attribution {
        r_squared: Some(surrogates.iter().filter_map(|row| row.r2).collect()),
        ..perturbed.spread(surrogates.iter().map(|row| row.weights.as_slice()))
    })
}
