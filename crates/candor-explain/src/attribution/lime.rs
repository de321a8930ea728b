use burn::config::Config;
use burn::tensor::Tensor;
use candor_core::{Attribution, ConfigError, DrawKey, ExplainError, Predictor, Target};
use serde::{Deserialize, Serialize};

use super::perturbation::{Batching, Bernoulli, Draws, PerturbedModel};
use super::weighted_ridge::WeightedRidge;
use super::{Coalitions, LinearExplanation, Masker};

/// Norms below this count as this in the cosine distance.
const SMALLEST_NORM: f64 = 1e-8;

/// How far a perturbed input is from the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LimeDistance {
    /// `‖x_z − x‖₂`.
    Euclidean,
    /// `1 − x · x_z / (max(‖x‖, 1e-8) · max(‖x_z‖, 1e-8))`.
    Cosine,
}

/// How the weight of a sample falls with its distance `d`, at the width `κ`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LimeKernel {
    /// `exp(−d² / (2κ²))`, as in Captum and in the lime package.
    Half,
    /// `exp(−d² / κ²)`, as in the code of arXiv 2206.01254.
    Full,
}

/// Configuration of [`Lime`].
#[derive(Config, Debug, PartialEq)]
pub struct LimeConfig {
    /// Samples S: ≥ 1.
    #[config(default = 1000)]
    pub n_samples: usize,
    /// Width κ of the kernel, in units of the distance: > 0.
    #[config(default = 1.0)]
    pub kernel_width: f64,
    /// Penalty α on the squared weights: ≥ 0.
    #[config(default = 1.0)]
    pub ridge: f64,
    /// The distance that the kernel is applied to.
    #[config(default = "LimeDistance::Cosine")]
    pub distance: LimeDistance,
    /// The kernel.
    #[config(default = "LimeKernel::Half")]
    pub kernel: LimeKernel,
    /// How many samples and rows go into one call.
    #[config(default = "Batching::new()")]
    pub batching: Batching,
}

impl LimeConfig {
    /// The method.
    ///
    /// # Errors
    ///
    /// No sample, a width that is not finite and above zero, a negative penalty.
    pub fn init(&self) -> Result<Lime, ConfigError> {
        Ok(Lime {
            n_samples: ConfigError::at_least_one("LimeConfig", "n_samples", self.n_samples)?,
            kernel_width: ConfigError::positive("LimeConfig", "kernel_width", self.kernel_width)?,
            ridge: ConfigError::non_negative("LimeConfig", "ridge", self.ridge)?,
            distance: self.distance,
            kernel: self.kernel,
            batching: self.batching,
        })
    }
}

/// LIME: a weighted ridge regression of the score on random masks of the features.
///
/// ```text
/// min over β, b of Σ_i w_i (f(x_{z_i}) − β·z_i − b)² + α ‖β‖²,  z_ij ~ Bernoulli(½),  w = kernel(distance)
/// ```
///
/// Distances are taken in input space. The weights are not normalised and the intercept is not penalised, as in
/// scikit-learn. `α = 0` gives the solution of least norm where the masks do not determine one. `r_squared` is
/// the weighted R² (0 of a constant model). Every entry of a group gets the group's weight.
///
/// Defaults are Captum's width and distance with a mild ridge. The lime package's text explainers use
/// `κ = 0.75 √m` and 5000 samples. Peak memory is that of one call ([`Batching`]), S scores, and `(m + 2)²`
/// numbers of the regression, whatever S.
///
/// Source: Ribeiro et al. 2016, arXiv 1602.04938; arXiv 2206.01254.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::{DrawKey, Target};
/// use candor_explain::attribution::{LimeConfig, Masker};
///
/// let model = |x: Tensor<2>| x.sum_dim(1); // keeping x0 = 2 adds 2 to the score
/// let inputs = Tensor::<2>::from_floats([[2.0, 3.0]], &Device::flex());
/// let lime = LimeConfig::new().with_ridge(0.0).init()?;
/// let explained = lime.explain(&model, inputs, &Target::Output(0), &Masker::default(), DrawKey::new(1))?;
/// assert!((explained.row(0)[0] - 2.0).abs() < 1e-5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Lime {
    n_samples: usize,
    kernel_width: f64,
    ridge: f64,
    distance: LimeDistance,
    kernel: LimeKernel,
    batching: Batching,
}

impl Lime {
    /// Explains each row of a batch with masks of its own: row `r` uses the stream of `key.row + r`.
    ///
    /// # Errors
    ///
    /// NaN or an infinity in inputs or baseline, shapes that do not fit, an output that does not exist, a score
    /// that is not finite, more groups than the memory budget has room for, weights that all vanish.
    pub fn explain<const D: usize>(
        &self,
        model: &impl Predictor<D>,
        inputs: Tensor<D>,
        target: &Target,
        masker: &Masker<D>,
        key: DrawKey,
    ) -> Result<Attribution<D>, ExplainError> {
        let masked = self.masked(model, inputs, target, masker)?;
        let source = Bernoulli {
            key,
            count: self.n_samples,
            width: masked.groups(),
        };
        Ok(explained(&masked, &self.fit(&masked, &source)?))
    }

    /// Explains with given masks, the same for every row of the batch.
    ///
    /// # Errors
    ///
    /// As [`explain`](Self::explain), and no mask or masks of another number of groups.
    pub fn explain_with<const D: usize>(
        &self,
        model: &impl Predictor<D>,
        inputs: Tensor<D>,
        target: &Target,
        masker: &Masker<D>,
        coalitions: &Coalitions,
    ) -> Result<Attribution<D>, ExplainError> {
        let masked = self.masked(model, inputs, target, masker)?;
        Ok(explained(&masked, &self.fit(&masked, coalitions)?))
    }

    /// The surrogate of each row for given masks, and the weight that each mask had in it.
    ///
    /// # Errors
    ///
    /// As [`explain_with`](Self::explain_with).
    pub fn surrogates_with<const D: usize>(
        &self,
        model: &impl Predictor<D>,
        inputs: Tensor<D>,
        target: &Target,
        masker: &Masker<D>,
        coalitions: &Coalitions,
    ) -> Result<Vec<LimeSurrogate>, ExplainError> {
        self.fit(&self.masked(model, inputs, target, masker)?, coalitions)
    }

    fn masked<'a, M: Predictor<D>, const D: usize>(
        &self,
        model: &'a M,
        inputs: Tensor<D>,
        target: &'a Target,
        masker: &Masker<D>,
    ) -> Result<PerturbedModel<'a, M, D>, ExplainError> {
        PerturbedModel::new("Lime", model, inputs, target, self.batching)?.masked(masker)
    }

    fn fit<M: Predictor<D>, const D: usize>(
        &self,
        masked: &PerturbedModel<'_, M, D>,
        source: &impl Draws,
    ) -> Result<Vec<LimeSurrogate>, ExplainError> {
        let (groups, features) = (masked.groups(), masked.features());
        let baseline = masked.host_baseline();
        let mut z = vec![0.0; groups];
        masked.per_row(source, |row, scores| {
            let mut solver = WeightedRidge::new("Lime", groups, true, masked.memory())?;
            let baseline = &baseline[row * features..(row + 1) * features];
            let overlap = Overlap::new(masked.host_row(row), baseline, masked.ids(), groups);
            let mut weights = Vec::with_capacity(scores.len());
            for (draw, &score) in scores.iter().enumerate() {
                source.write(row, draw, &mut z);
                let weight = self.weight(&overlap, &z);
                solver.add(&z, score, weight);
                weights.push(weight);
            }
            Ok(LimeSurrogate {
                explanation: solver.solve(self.ridge)?,
                weights,
            })
        })
    }

    fn weight(&self, overlap: &Overlap, z: &[f64]) -> f64 {
        let squared = match self.distance {
            LimeDistance::Euclidean => overlap.squared_distance(z),
            LimeDistance::Cosine => overlap.cosine_distance(z).powi(2),
        };
        let scale = match self.kernel {
            LimeKernel::Half => 2.0,
            LimeKernel::Full => 1.0,
        };
        (-squared / (scale * self.kernel_width.powi(2))).exp()
    }
}

/// The local regression of one row.
#[derive(Debug, Clone, PartialEq)]
pub struct LimeSurrogate {
    /// The regression on the masks.
    pub explanation: LinearExplanation,
    /// The kernel's weight of each mask.
    pub weights: Vec<f64>,
}

fn explained<M: Predictor<D>, const D: usize>(
    masked: &PerturbedModel<'_, M, D>,
    surrogates: &[LimeSurrogate],
) -> Attribution<D> {
    let r_squared = surrogates
        .iter()
        .filter_map(|row| row.explanation.r2)
        .collect();
    Attribution {
        r_squared: Some(r_squared),
        ..masked.spread(
            surrogates
                .iter()
                .map(|row| row.explanation.weights.as_slice()),
        )
    }
}

/// What each group adds to the products of an input `x`, its masked form `x_z` and the baseline `r`.
///
/// With these the distance of a mask costs as many steps as there are groups, and no tensor.
struct Overlap {
    /// `Σ x²` of each group.
    input: Vec<f64>,
    /// `Σ x r` of each group.
    cross: Vec<f64>,
    /// `Σ r²` of each group.
    baseline: Vec<f64>,
    /// `Σ (x − r)²` of each group.
    moved: Vec<f64>,
}

impl Overlap {
    fn new(input: &[f64], baseline: &[f64], ids: &[usize], groups: usize) -> Self {
        let sums = |term: fn(f64, f64) -> f64| {
            let mut sums = vec![0.0; groups];
            for ((&x, &r), &id) in input.iter().zip(baseline).zip(ids) {
                sums[id] += term(x, r);
            }
            sums
        };
        Self {
            input: sums(|x, _| x * x),
            cross: sums(|x, r| x * r),
            baseline: sums(|_, r| r * r),
            moved: sums(|x, r| (x - r).powi(2)),
        }
    }

    fn squared_distance(&self, z: &[f64]) -> f64 {
        self.moved
            .iter()
            .zip(z)
            .map(|(moved, z)| (1.0 - z) * moved)
            .sum()
    }

    fn cosine_distance(&self, z: &[f64]) -> f64 {
        let mixed = |kept: &[f64], gone: &[f64]| -> f64 {
            let pairs = kept.iter().zip(gone).zip(z);
            pairs
                .map(|((kept, gone), z)| z * kept + (1.0 - z) * gone)
                .sum()
        };
        let norm = |squared: f64| squared.sqrt().max(SMALLEST_NORM);
        let (product, masked) = (
            mixed(&self.input, &self.cross),
            mixed(&self.input, &self.baseline),
        );
        1.0 - product / (norm(self.input.iter().sum()) * norm(masked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_of_a_mask_by_hand() {
        // x = (3, 4), r = (0, 1); without the second: x_z = (3, 1).
        let overlap = Overlap::new(&[3.0, 4.0], &[0.0, 1.0], &[0, 1], 2);
        let z = [1.0, 0.0];
        approx::assert_abs_diff_eq!(overlap.squared_distance(&z), 9.0);
        approx::assert_abs_diff_eq!(
            overlap.cosine_distance(&z),
            1.0 - 13.0 / (5.0 * 10f64.sqrt()),
            epsilon = 1e-15
        );
        approx::assert_abs_diff_eq!(overlap.squared_distance(&[1.0, 1.0]), 0.0);
    }
}
