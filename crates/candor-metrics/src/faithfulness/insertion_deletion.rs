use std::ops::Range;

use burn::config::Config;
use burn::tensor::Tensor;
use candor_core::{ConfigError, ExplainError, InputError, MemoryBudget, Predictor, Target};
use serde::{Deserialize, Serialize};

use super::Curve;
use crate::explained::Explained;
use crate::model_scores::ModelScores;
use crate::ranking::{ascending, descending};

const NAME: &str = "InsertionDeletion";

/// Whether features are taken away from the input or put into the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CurveMode {
    /// Start at the input and replace features by the baseline.
    Deletion,
    /// Start at the baseline and put the input's features in.
    Insertion,
}

/// Which features go first. Attributions are ordered with their sign; ties go to the lower index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FeatureOrder {
    /// From the largest attribution down (MoRF).
    MostRelevantFirst,
    /// From the smallest attribution up (LeRF).
    LeastRelevantFirst,
}

/// Settings of [`InsertionDeletion`].
#[derive(Config, Debug)]
pub struct InsertionDeletionConfig {
    /// Deletion or insertion.
    pub mode: CurveMode,
    /// Steps of the curve, between 1 and the number of features. `None`: all features one by one, at most 50 steps,
    /// beyond which the area hardly moves.
    pub n_steps: Option<usize>,
    /// Which features go first.
    #[config(default = "FeatureOrder::MostRelevantFirst")]
    pub order: FeatureOrder,
    /// Memory for altered inputs.
    #[config(default = "MemoryBudget::default()")]
    pub budget: MemoryBudget,
}

impl InsertionDeletionConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// `n_steps` of zero.
    pub fn init(&self) -> Result<InsertionDeletion, ConfigError> {
        if let Some(n_steps) = self.n_steps {
            ConfigError::at_least_one("InsertionDeletionConfig", "n_steps", n_steps)?;
        }
        Ok(InsertionDeletion {
            mode: self.mode,
            n_steps: self.n_steps,
            order: self.order,
            budget: self.budget,
        })
    }
}

/// Insertion and deletion curves: how fast the target's probability moves as features go in the explanation's order.
///
/// ```text
/// s_i = floor(d·i/n + 1/2),  i = 0..n
/// deletion   c_i = p(input with the first s_i features of the order replaced by the baseline)     lower area is better
/// insertion  c_i = p(baseline with the first s_i features of the order taken from the input)      higher area is better
/// ```
///
/// `p` is the softmax probability of the target. The curve also carries the AOPC (mean drop), which is meant for
/// deletion in MoRF order, where higher is better. A baseline of zeros rewards explainers with the same baseline:
/// report it beside the number.
///
/// Memory: at most 256 altered inputs at once, fewer where four times their size exceeds the budget.
///
/// Source: Petsiuk, Das, Saenko (2018), RISE, arXiv 1806.07421; AOPC: Samek et al. (2015), arXiv 1509.06321.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::Target;
/// use candor_metrics::faithfulness::{CurveMode, InsertionDeletionConfig};
///
/// let model = |x: Tensor<2>| x; // without its only useful feature the two logits tie
/// let x = Tensor::<2>::from_floats([[1e4, 0.0]], &Device::flex());
/// let deletion = InsertionDeletionConfig::new(CurveMode::Deletion).init().unwrap();
/// let curves = deletion.evaluate(&model, x.clone(), &x, x.zeros_like(), &Target::Output(0)).unwrap();
/// assert_eq!(curves[0].values, [1.0, 0.5, 0.5]);
/// ```
#[derive(Debug, Clone)]
pub struct InsertionDeletion {
    mode: CurveMode,
    n_steps: Option<usize>,
    order: FeatureOrder,
    budget: MemoryBudget,
}

impl InsertionDeletion {
    /// One curve a row.
    ///
    /// # Shapes
    ///
    /// - inputs, attributions: `[batch, ..]`
    /// - baseline: `[batch, ..]` or `[1, ..]`
    ///
    /// # Errors
    ///
    /// Shapes that differ, attributions or scores that are not finite, more steps than features, a target that
    /// does not exist.
    pub fn evaluate<const D: usize>(
        &self,
        model: &impl Predictor<D>,
        inputs: Tensor<D>,
        attributions: &Tensor<D>,
        baseline: Tensor<D>,
        target: &Target,
    ) -> Result<Vec<Curve>, ExplainError> {
        let explained = Explained::new(NAME, inputs, attributions)?;
        let replaced = self.replaced(explained.features)?;
        let ranked = explained.ranked(baseline, |row| match self.order {
            FeatureOrder::MostRelevantFirst => descending(row),
            FeatureOrder::LeastRelevantFirst => ascending(row),
        })?;
        let scores = ModelScores::probability(NAME, model, target, self.budget);
        let curves = ranked.scores(&scores, &replaced)?;
        Ok(curves.into_iter().map(Curve::new).collect())
    }

    /// The places of the order that hold the baseline, step by step.
    fn replaced(&self, features: usize) -> Result<Vec<Range<usize>>, InputError> {
        let steps = self.n_steps.unwrap_or(features.min(50));
        InputError::check_values(
            NAME,
            "n_steps",
            &[steps as f64],
            "at most the number of features",
            |steps| steps <= features as f64,
        )?;
        let range = |step: usize| {
            let moved = (2 * features * step + steps) / (2 * steps);
            match self.mode {
                CurveMode::Deletion => 0..moved,
                CurveMode::Insertion => moved..features,
            }
        };
        Ok((0..=steps).map(range).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_round_half_up() {
        let config = InsertionDeletionConfig::new(CurveMode::Deletion).with_n_steps(Some(2));
        let ends: Vec<usize> = config
            .init()
            .unwrap()
            .replaced(5)
            .unwrap()
            .iter()
            .map(|range| range.end)
            .collect();
        assert_eq!(ends, [0, 3, 5]);
    }
}
