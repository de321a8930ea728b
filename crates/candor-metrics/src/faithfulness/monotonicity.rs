use burn::config::Config;
use burn::tensor::Tensor;
use candor_core::{ConfigError, ExplainError, MemoryBudget, Predictor, Target};
use serde::{Deserialize, Serialize};

use crate::explained::Explained;
use crate::model_scores::ModelScores;
use crate::ranking::{absolute, ascending};

const NAME: &str = "Monotonicity";

/// Settings of [`Monotonicity`].
#[derive(Config, Debug)]
pub struct MonotonicityConfig {
    /// Memory for altered inputs.
    #[config(default = "MemoryBudget::default()")]
    pub budget: MemoryBudget,
}

impl MonotonicityConfig {
    /// Builds the measure; every setting is legal.
    pub fn init(&self) -> Result<Monotonicity, ConfigError> {
        Ok(Monotonicity {
            budget: self.budget,
        })
    }
}

/// What [`Monotonicity`] found for one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MonotonicityReport {
    /// Probability of the target with 0, 1, … all features put into the baseline.
    pub curve: Vec<f64>,
    /// Whether no step lowered it.
    pub monotone: bool,
    /// Share of steps that did not lower it.
    pub fraction: f64,
}

/// Monotonicity: does the target's probability only rise as features enter the baseline, the least important first?
///
/// ```text
/// c_i = p(baseline with the i features of smallest |attribution| taken from the input),  i = 0..d
/// monotone = all c_{i+1} ≥ c_i,   fraction = share of steps with c_{i+1} ≥ c_i
/// ```
///
/// One model row for each feature: meant for tabular data and short texts.
///
/// Source: Arya et al. (2019), One explanation does not fit all, arXiv 1909.03012.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::Target;
/// use candor_metrics::faithfulness::MonotonicityConfig;
///
/// let x = Tensor::<2>::from_floats([[1e4, 1.0]], &Device::flex());
/// let monotonicity = MonotonicityConfig::new().init().unwrap();
/// let model = |x: Tensor<2>| x; // feature 1 enters first and lowers output 0
/// let reports = monotonicity.evaluate(&model, x.clone(), &x, x.zeros_like(), &Target::Output(0)).unwrap();
/// assert!(!reports[0].monotone && reports[0].fraction == 0.5);
/// ```
#[derive(Debug, Clone)]
pub struct Monotonicity {
    budget: MemoryBudget,
}

impl Monotonicity {
    /// One report a row.
    ///
    /// # Shapes
    ///
    /// - inputs, attributions: `[batch, ..]`
    /// - baseline: `[batch, ..]` or `[1, ..]`
    ///
    /// # Errors
    ///
    /// Shapes that differ, attributions or scores that are not finite, a target that does not exist.
    pub fn evaluate<const D: usize>(
        &self,
        model: &impl Predictor<D>,
        inputs: Tensor<D>,
        attributions: &Tensor<D>,
        baseline: Tensor<D>,
        target: &Target,
    ) -> Result<Vec<MonotonicityReport>, ExplainError> {
        let explained = Explained::new(NAME, inputs, attributions)?;
        let features = explained.features;
        let replaced: Vec<_> = (0..=features).map(|entered| entered..features).collect();
        let scores = ModelScores::probability(NAME, model, target, self.budget);
        let ranked = explained.ranked(baseline, |row| ascending(&absolute(row)))?;
        Ok(ranked
            .scores(&scores, &replaced)?
            .into_iter()
            .map(report)
            .collect())
    }
}

fn report(curve: Vec<f64>) -> MonotonicityReport {
    let steps = curve.len() - 1;
    let rising = curve.windows(2).filter(|pair| pair[1] >= pair[0]).count();
    MonotonicityReport {
        curve,
        monotone: rising == steps,
        fraction: rising as f64 / steps as f64,
    }
}
