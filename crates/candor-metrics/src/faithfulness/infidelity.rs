use std::ops::Range;

use burn::config::Config;
use burn::tensor::{DType, FloatDType, Tensor};
use candor_core::{
    ConfigError, DrawKey, ExplainError, InputError, MemoryBudget, Predictor, Target, host,
};
use rand::RngExt;
use rand_distr::StandardNormal;

use crate::explained::Explained;
use crate::model_scores::ModelScores;
use crate::stacked;

const NAME: &str = "Infidelity";

/// Settings of [`Infidelity`].
#[derive(Config, Debug)]
pub struct InfidelityConfig {
    /// Whether the predicted changes are first scaled to the seen ones by least squares, so that attributions in
    /// other units compare.
    #[config(default = false)]
    pub normalize: bool,
    /// Perturbations drawn a row.
    #[config(default = 10)]
    pub n_samples: usize,
    /// Standard deviation of the drawn perturbations, in units of the input; the authors' value for images in [0, 1].
    #[config(default = 0.2)]
    pub sigma: f64,
    /// Memory for altered inputs.
    #[config(default = "MemoryBudget::default()")]
    pub budget: MemoryBudget,
}

impl InfidelityConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// `n_samples` of zero; `sigma` that is not finite and positive.
    pub fn init(&self) -> Result<Infidelity, ConfigError> {
        Ok(Infidelity {
            normalize: self.normalize,
            n_samples: ConfigError::at_least_one("InfidelityConfig", "n_samples", self.n_samples)?,
            sigma: ConfigError::positive("InfidelityConfig", "sigma", self.sigma)?,
            budget: self.budget,
        })
    }
}

/// Infidelity: how badly the attributions predict the change of the output under perturbations. Lower is better.
///
/// ```text
/// mean_k (β I_k·a − (f(x) − f(x − I_k)))²
/// β = 1, or with `normalize` mean(I·a Δf) / mean((I·a)²), 0 where the denominator is 0
/// ```
///
/// `f` is the target's logit. With Gaussian `I` it judges gradient-like (local) attributions; contributions to a
/// difference from a baseline need `I = x − baseline`, whole or in blocks, through
/// [`evaluate_with`](Self::evaluate_with).
///
/// Memory: at most 256 perturbations at once, fewer where four times their size exceeds the budget, whatever
/// `n_samples`.
///
/// Source: Yeh et al. (2019), On the (in)fidelity and sensitivity of explanations, arXiv 1901.09392.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::Target;
/// use candor_metrics::faithfulness::InfidelityConfig;
///
/// let x = Tensor::<2>::from_floats([[1.0, 2.0]], &Device::flex());
/// let model = |x: Tensor<2>| x.sum_dim(1); // its gradient is (1, 1); half of it misses 0.5 of a step of 1
/// let infidelity = InfidelityConfig::new().init().unwrap();
/// let half = x.ones_like() * 0.5;
/// let step = Tensor::from_floats([[1.0, 0.0]], &Device::flex());
/// assert_eq!(infidelity.evaluate_with(&model, x, &half, &Target::Output(0), step).unwrap(), [0.25]);
/// ```
#[derive(Debug, Clone)]
pub struct Infidelity {
    normalize: bool,
    n_samples: usize,
    sigma: f64,
    budget: MemoryBudget,
}

impl Infidelity {
    /// One value a row, with Gaussian perturbations: row `r` of the batch draws from `key.row(key.row + r)`.
    ///
    /// # Errors
    ///
    /// Shapes that differ, attributions or scores that are not finite, a target that does not exist.
    pub fn evaluate<const D: usize>(
        &self,
        model: &impl Predictor<D>,
        inputs: Tensor<D>,
        attributions: &Tensor<D>,
        target: &Target,
        key: DrawKey,
    ) -> Result<Vec<f64>, ExplainError> {
        let like = inputs.clone();
        let draws = self.n_samples;
        self.measure(model, inputs, attributions, target, draws, |copies| {
            stacked::draw_like(&like, copies, draws, key, |rng| {
                self.sigma * rng.sample::<f64, _>(StandardNormal)
            })
        })
    }

    /// One value a row, with the perturbations given.
    ///
    /// # Shapes
    ///
    /// - inputs, attributions: `[batch, ..]`
    /// - perturbations: `[batch · draws, ..]`, the draws of the first row first
    ///
    /// # Errors
    ///
    /// Shapes that do not fit, attributions, perturbations or scores that are not finite, a target that does not
    /// exist.
    pub fn evaluate_with<const D: usize>(
        &self,
        model: &impl Predictor<D>,
        inputs: Tensor<D>,
        attributions: &Tensor<D>,
        target: &Target,
        perturbations: Tensor<D>,
    ) -> Result<Vec<f64>, ExplainError> {
        let draws = stacked::per_row(NAME, "perturbations", &perturbations.dims(), &inputs.dims())?;
        let perturbations = perturbations.without_autodiff();
        self.measure(model, inputs, attributions, target, draws, |copies| {
            perturbations.clone().slice_dim(0, copies)
        })
    }

    fn measure<const D: usize>(
        &self,
        model: &impl Predictor<D>,
        inputs: Tensor<D>,
        attributions: &Tensor<D>,
        target: &Target,
        draws: usize,
        perturbation: impl Fn(Range<usize>) -> Tensor<D>,
    ) -> Result<Vec<f64>, ExplainError> {
        let explained = Explained::new(NAME, inputs, attributions)?;
        let inputs = &explained.inputs;
        let scores = ModelScores::logit(NAME, model, target, self.budget);
        let at_input = scores.of_inputs(inputs)?;
        let attributions = attributions.clone().without_autodiff();
        // The chunks that the model sees are the chunks whose products with the attributions are taken.
        let mut products = Vec::new();
        let perturbed = scores.of(inputs, draws, |copies| {
            let rows = stacked::rows_of(copies.clone(), draws, inputs);
            let perturbation = perturbation(copies);
            let product = dot(
                perturbation.clone(),
                attributions.clone().select(0, rows.clone()),
            );
            products.push(product);
            inputs.clone().select(0, rows) - perturbation
        })?;
        let predicted = host::floats(&Tensor::cat(products, 0));
        InputError::check_finite(NAME, "perturbation · attribution", &predicted)?;
        let rows = predicted.chunks(draws).zip(&perturbed).zip(at_input);
        Ok(rows
            .map(|((predicted, perturbed), at_input)| {
                let seen: Vec<f64> = perturbed.iter().map(|score| at_input - score).collect();
                self.mean_square(predicted, &seen)
            })
            .collect())
    }

    fn mean_square(&self, predicted: &[f64], seen: &[f64]) -> f64 {
        let mean = |of: &dyn Fn(f64, f64) -> f64| {
            let terms = predicted
                .iter()
                .zip(seen)
                .map(|(&predicted, &seen)| of(predicted, seen));
            terms.sum::<f64>() / predicted.len() as f64
        };
        let scale = if self.normalize {
            let energy = mean(&|predicted, _| predicted * predicted);
            if energy == 0.0 {
                0.0
            } else {
                mean(&|predicted, seen| predicted * seen) / energy
            }
        } else {
            1.0
        };
        mean(&|predicted, seen| (scale * predicted - seen).powi(2))
    }
}

/// Row by row the inner product; half precision is widened first.
fn dot<const D: usize>(left: Tensor<D>, right: Tensor<D>) -> Tensor<1> {
    let wide = |tensor: Tensor<D>| match tensor.dtype() {
        DType::F16 | DType::BF16 => tensor.cast(FloatDType::F32),
        _ => tensor,
    };
    let rows = left.dims()[0];
    (wide(left) * wide(right))
        .reshape([rows as i32, -1])
        .sum_dim(1)
        .squeeze_dim(1)
}
