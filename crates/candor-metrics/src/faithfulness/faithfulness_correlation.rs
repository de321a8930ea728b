use burn::config::Config;
use burn::tensor::{Bool, Int, Tensor, TensorData};
use candor_core::{
    ConfigError, DrawKey, ExplainError, InputError, MemoryBudget, Predictor, Target, host,
};
use rand::seq::index;
use serde::{Deserialize, Serialize};

use crate::correlation::pearson;
use crate::explained::{Explained, replace};
use crate::model_scores::ModelScores;
use crate::stacked;

const NAME: &str = "FaithfulnessCorrelation";

/// Settings of [`FaithfulnessCorrelation`].
#[derive(Config, Debug)]
pub struct FaithfulnessCorrelationConfig {
    /// Subsets drawn a row, at least two.
    #[config(default = 100)]
    pub n_samples: usize,
    /// Features a subset, between 1 and all. `None`: a quarter of them, so that subsets differ.
    pub subset_size: Option<usize>,
    /// Memory for altered inputs.
    #[config(default = "MemoryBudget::default()")]
    pub budget: MemoryBudget,
}

impl FaithfulnessCorrelationConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// Fewer than two samples; a `subset_size` of zero.
    pub fn init(&self) -> Result<FaithfulnessCorrelation, ConfigError> {
        const CONFIG: &str = "FaithfulnessCorrelationConfig";
        if self.n_samples < 2 {
            return Err(ConfigError::out_of_range(
                CONFIG,
                "n_samples",
                self.n_samples,
                ">= 2",
            ));
        }
        if let Some(size) = self.subset_size {
            ConfigError::at_least_one(CONFIG, "subset_size", size)?;
        }
        Ok(FaithfulnessCorrelation {
            n_samples: self.n_samples,
            subset_size: self.subset_size,
            budget: self.budget,
        })
    }
}

/// What [`FaithfulnessCorrelation`] found for one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FaithfulnessCorrelationReport {
    /// Pearson's correlation of the two lists below; 0 where one of them is constant to the precision it was
    /// computed in.
    pub correlation: f64,
    /// Sum of the attributions of each subset.
    pub sums: Vec<f64>,
    /// Drop of the target's logit when the subset goes to the baseline.
    pub deltas: Vec<f64>,
}

/// Faithfulness correlation: do sums of attributions predict what removing the features does? Higher is better.
///
/// ```text
/// Pearson over subsets S of  Σ_{i ∈ S} a_i  and  f(x) − f(x with S replaced by the baseline)
/// ```
///
/// `f` is the target's logit. Memory: at most 256 altered inputs at once, fewer where four times their size exceeds
/// the budget, plus two numbers a subset.
///
/// Source: Bhatt, Weller, Moura (2020), Evaluating and aggregating feature-based model explanations,
/// arXiv 2005.00631.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::{DrawKey, Target};
/// use candor_metrics::faithfulness::FaithfulnessCorrelationConfig;
///
/// let x = Tensor::<2>::from_floats([[1.0, 2.0, -4.0, 8.0]], &Device::flex());
/// let model = |x: Tensor<2>| x.sum_dim(1); // a linear model is explained exactly by its terms
/// let measure = FaithfulnessCorrelationConfig::new().init().unwrap();
/// let reports = measure
///     .evaluate(&model, x.clone(), &x, x.zeros_like(), &Target::Output(0), DrawKey::new(7))
///     .unwrap();
/// assert!((reports[0].correlation - 1.0).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct FaithfulnessCorrelation {
    n_samples: usize,
    subset_size: Option<usize>,
    budget: MemoryBudget,
}

impl FaithfulnessCorrelation {
    /// One report a row, with subsets drawn without replacement: row `r` of the batch draws from
    /// `key.row(key.row + r)`.
    ///
    /// # Errors
    ///
    /// Shapes that differ, attributions or scores that are not finite, subsets larger than the input, a target that
    /// does not exist.
    pub fn evaluate<const D: usize>(
        &self,
        model: &impl Predictor<D>,
        inputs: Tensor<D>,
        attributions: &Tensor<D>,
        baseline: Tensor<D>,
        target: &Target,
        key: DrawKey,
    ) -> Result<Vec<FaithfulnessCorrelationReport>, ExplainError> {
        let removal = Removal {
            explained: Explained::new(NAME, inputs, attributions)?,
            baseline,
            draws: self.n_samples,
        };
        let features = removal.explained.features;
        let size = self.subset_size.unwrap_or((features / 4).max(1));
        InputError::check_values(
            NAME,
            "subset_size",
            &[size as f64],
            "at most the number of features",
            |size| size <= features as f64,
        )?;
        self.measure(model, target, removal, |copy| {
            let mut rng = stacked::generator(key, copy, self.n_samples);
            index::sample(&mut rng, features, size).into_vec()
        })
    }

    /// One report a row, with the subsets given.
    ///
    /// # Shapes
    ///
    /// - inputs, attributions: `[batch, ..]`
    /// - baseline: `[batch, ..]` or `[1, ..]`
    /// - subsets: `[batch · draws, size]`, distinct feature numbers, the draws of the first row first
    ///
    /// # Errors
    ///
    /// Shapes that do not fit, fewer than two subsets a row, attributions or scores that are not finite, a feature or
    /// target that does not exist.
    pub fn evaluate_with<const D: usize>(
        &self,
        model: &impl Predictor<D>,
        inputs: Tensor<D>,
        attributions: &Tensor<D>,
        baseline: Tensor<D>,
        target: &Target,
        subsets: &Tensor<2, Int>,
    ) -> Result<Vec<FaithfulnessCorrelationReport>, ExplainError> {
        let [count, size] = subsets.dims();
        InputError::check_not_empty(NAME, "subsets", size)?;
        let removal = Removal {
            draws: stacked::per_row(NAME, "subsets", &[count], &inputs.dims()[..1])?,
            explained: Explained::new(NAME, inputs, attributions)?,
            baseline,
        };
        InputError::check_values(
            NAME,
            "subsets a row",
            &[removal.draws as f64],
            ">= 2",
            |draws| draws >= 2.0,
        )?;
        let chosen = host::ints(subsets);
        InputError::check_labels(NAME, "subsets", &chosen, removal.explained.features)?;
        self.measure(model, target, removal, |copy| {
            chosen[copy * size..(copy + 1) * size]
                .iter()
                .map(|&feature| feature as usize)
                .collect()
        })
    }

    fn measure<const D: usize>(
        &self,
        model: &impl Predictor<D>,
        target: &Target,
        removal: Removal<D>,
        subset: impl Fn(usize) -> Vec<usize>,
    ) -> Result<Vec<FaithfulnessCorrelationReport>, ExplainError> {
        let Removal {
            explained,
            baseline,
            draws,
        } = removal;
        let baseline = explained.baseline(baseline)?;
        let scores = ModelScores::logit(NAME, model, target, self.budget);
        let at_input = scores.of_inputs(&explained.inputs)?;
        let without = scores.of(&explained.inputs, draws, |copies| {
            let (inputs, features) = (&explained.inputs, explained.features);
            let mut mask = vec![false; copies.len() * features];
            for (line, copy) in copies.clone().enumerate() {
                for feature in subset(copy) {
                    mask[line * features + feature] = true;
                }
            }
            let mask = TensorData::new(mask, [copies.len(), features]);
            let mask = Tensor::<2, Bool>::from_data(mask, &inputs.device());
            replace(
                inputs,
                &baseline,
                stacked::rows_of(copies, draws, inputs),
                mask,
            )
        })?;
        let precision = explained
            .inputs
            .dtype()
            .finfo()
            .map_or(0.0, |info| info.epsilon);
        let report = |(row, without): (usize, Vec<f64>)| {
            let sum = |draw| {
                let features = subset(row * draws + draw);
                features
                    .iter()
                    .map(|&feature| explained.attributions[row][feature])
                    .sum()
            };
            let sums: Vec<f64> = (0..draws).map(sum).collect();
            let deltas: Vec<f64> = without.iter().map(|score| at_input[row] - score).collect();
            let correlation = if varies(&without, precision) {
                pearson(&sums, &deltas).unwrap_or(0.0)
            } else {
                0.0
            };
            FaithfulnessCorrelationReport {
                correlation,
                sums,
                deltas,
            }
        };
        Ok(without.into_iter().enumerate().map(report).collect())
    }
}

/// Whether scores differ by more than the last bits that the model computes in: the noise of a model that does not
/// react at all must not be correlated with anything.
fn varies(scores: &[f64], precision: f64) -> bool {
    let low = scores.iter().copied().fold(f64::INFINITY, f64::min);
    let high = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    high - low > 4.0 * precision * low.abs().max(high.abs())
}

/// What is removed from what, and how often.
struct Removal<const D: usize> {
    explained: Explained<D>,
    baseline: Tensor<D>,
    draws: usize,
}
