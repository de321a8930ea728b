use burn::config::Config;
use burn::tensor::Tensor;
use candor_core::{Attribution, ConfigError, ExplainError, Predictor, Target};

use super::Masker;
use super::perturbation::{Batching, PerturbedModel, WithoutEach};

/// Configuration of [`Occlusion`].
#[derive(Config, Debug, PartialEq)]
pub struct OcclusionConfig {
    /// How many perturbed rows go into one call.
    #[config(default = "Batching::new()")]
    pub batching: Batching,
}

impl OcclusionConfig {
    /// The method.
    ///
    /// # Errors
    ///
    /// None: every setting is legal.
    pub fn init(&self) -> Result<Occlusion, ConfigError> {
        Ok(Occlusion {
            batching: self.batching,
        })
    }
}

/// What the score loses when one group of features is put to the baseline.
///
/// ```text
/// attr_j = f(x) − f(x with group j = r)
/// ```
///
/// The squared-loss fit without intercept of `f(x) − f(x ⊙ (1 − ξ))` on `ξ = e_j`, `j` uniform. Every entry of a
/// group gets the group's value. Features that only matter together get nothing when taken away one by one. For
/// overlapping windows on an image see [`WindowOcclusion`](super::WindowOcclusion).
///
/// Cost: groups + 1 evaluations a row; peak memory that of one call ([`Batching`]).
///
/// Source: Zeiler and Fergus 2014, arXiv 1311.2901; arXiv 2206.01254.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::Target;
/// use candor_explain::attribution::{Masker, OcclusionConfig};
///
/// let model = |x: Tensor<2>| x.prod_dim(1); // either factor at zero loses the whole product
/// let inputs = Tensor::<2>::from_floats([[2.0, 3.0]], &Device::flex());
/// let method = OcclusionConfig::new().init()?;
/// let explained = method.explain(&model, inputs, &Target::Output(0), &Masker::default())?;
/// assert_eq!(explained.row(0), [6.0, 6.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Occlusion {
    batching: Batching,
}

impl Occlusion {
    /// Explains each row of a batch.
    ///
    /// # Errors
    ///
    /// NaN or an infinity in inputs or baseline, shapes that do not fit, an output that does not exist, a score
    /// that is not finite.
    pub fn explain<const D: usize>(
        &self,
        model: &impl Predictor<D>,
        inputs: Tensor<D>,
        target: &Target,
        masker: &Masker<D>,
    ) -> Result<Attribution<D>, ExplainError> {
        let masked = self.masked(model, inputs, target, masker)?;
        let losses = Self::losses(&masked)?;
        Ok(masked.spread(losses.iter().map(Vec::as_slice)))
    }

    /// One value a group, for each row of a batch.
    ///
    /// # Errors
    ///
    /// As [`explain`](Self::explain).
    pub fn explain_groups<const D: usize>(
        &self,
        model: &impl Predictor<D>,
        inputs: Tensor<D>,
        target: &Target,
        masker: &Masker<D>,
    ) -> Result<Vec<Vec<f64>>, ExplainError> {
        Self::losses(&self.masked(model, inputs, target, masker)?)
    }

    fn masked<'a, M: Predictor<D>, const D: usize>(
        &self,
        model: &'a M,
        inputs: Tensor<D>,
        target: &'a Target,
        masker: &Masker<D>,
    ) -> Result<PerturbedModel<'a, M, D>, ExplainError> {
        PerturbedModel::new("Occlusion", model, inputs, target, self.batching)?.masked(masker)
    }

    fn losses<M: Predictor<D>, const D: usize>(
        masked: &PerturbedModel<'_, M, D>,
    ) -> Result<Vec<Vec<f64>>, ExplainError> {
        let source = WithoutEach {
            groups: masked.groups(),
        };
        masked.per_row(&source, |_, scores| {
            Ok(scores[1..]
                .iter()
                .map(|without| scores[0] - without)
                .collect())
        })
    }
}
