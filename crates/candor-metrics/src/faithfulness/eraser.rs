use std::ops::Range;

use burn::config::Config;
use burn::tensor::Tensor;
use candor_core::{ConfigError, ExplainError, MemoryBudget, Predictor, Target};
use serde::{Deserialize, Serialize};

use crate::explained::Explained;
use crate::model_scores::ModelScores;
use crate::ranking::descending;

const NAME: &str = "Eraser";

/// Settings of [`Eraser`].
#[derive(Config, Debug)]
pub struct EraserConfig {
    /// Shares of the features that count as the rationale, each in (0, 1]; the benchmark's own bins.
    #[config(default = "vec![0.01, 0.05, 0.1, 0.2, 0.5]")]
    pub fractions: Vec<f64>,
    /// Memory for altered inputs.
    #[config(default = "MemoryBudget::default()")]
    pub budget: MemoryBudget,
}

impl EraserConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// No fraction, or one outside (0, 1].
    pub fn init(&self) -> Result<Eraser, ConfigError> {
        let refuse = |value: String| {
            ConfigError::out_of_range(
                "EraserConfig",
                "fractions",
                value,
                "one or more values in (0, 1]",
            )
        };
        if self.fractions.is_empty() {
            return Err(refuse("[]".to_owned()));
        }
        if let Some(fraction) = self
            .fractions
            .iter()
            .find(|&&share| !(share > 0.0 && share <= 1.0))
        {
            return Err(refuse(fraction.to_string()));
        }
        Ok(Eraser {
            fractions: self.fractions.clone(),
            budget: self.budget,
        })
    }
}

/// What [`Eraser`] found for one row, a value for each fraction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EraserReport {
    /// Probability lost when only the rationale is left; lower is better.
    pub sufficiency: Vec<f64>,
    /// Probability lost when the rationale is taken away; higher is better.
    pub comprehensiveness: Vec<f64>,
    /// Mean sufficiency over the fractions.
    pub sufficiency_aopc: f64,
    /// Mean comprehensiveness over the fractions.
    pub comprehensiveness_aopc: f64,
}

/// ERASER's sufficiency and comprehensiveness: is the rationale enough, and is it needed?
///
/// ```text
/// k                 = max(1, ceil(fraction · d − 1e-9))
/// sufficiency       = p(input) − p(baseline with the top k features of the input)
/// comprehensiveness = p(input) − p(input with its top k features replaced by the baseline)
/// ```
///
/// `p` is the softmax probability of the target, the top features are those of largest signed attribution.
///
/// Source: DeYoung et al. (2020), ERASER, arXiv 1911.03429.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::Target;
/// use candor_metrics::faithfulness::EraserConfig;
///
/// let x = Tensor::<2>::from_floats([[1e4, 0.0]], &Device::flex());
/// let eraser = EraserConfig::new().with_fractions(vec![0.5]).init().unwrap();
/// let model = |x: Tensor<2>| x; // feature 0 alone decides
/// let reports = eraser.evaluate(&model, x.clone(), &x, x.zeros_like(), &Target::Output(0)).unwrap();
/// assert_eq!((reports[0].sufficiency_aopc, reports[0].comprehensiveness_aopc), (0.0, 0.5));
/// ```
#[derive(Debug, Clone)]
pub struct Eraser {
    fractions: Vec<f64>,
    budget: MemoryBudget,
}

impl Eraser {
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
    ) -> Result<Vec<EraserReport>, ExplainError> {
        let explained = Explained::new(NAME, inputs, attributions)?;
        let scores = ModelScores::probability(NAME, model, target, self.budget);
        let replaced = self.replaced(explained.features);
        let probabilities = explained
            .ranked(baseline, descending)?
            .scores(&scores, &replaced)?;
        Ok(probabilities.iter().map(|row| self.report(row)).collect())
    }

    /// The untouched input, then the rationale alone, then the input without it.
    fn replaced(&self, features: usize) -> Vec<Range<usize>> {
        let top = |fraction: &f64| {
            ((fraction * features as f64 - 1e-9).ceil() as usize).clamp(1, features)
        };
        let alone = self
            .fractions
            .iter()
            .map(|fraction| top(fraction)..features);
        let without = self.fractions.iter().map(|fraction| 0..top(fraction));
        std::iter::once(0..0).chain(alone).chain(without).collect()
    }

    fn report(&self, probabilities: &[f64]) -> EraserReport {
        let drops: Vec<f64> = probabilities[1..]
            .iter()
            .map(|probability| probabilities[0] - probability)
            .collect();
        let (sufficiency, comprehensiveness) = drops.split_at(self.fractions.len());
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        EraserReport {
            sufficiency_aopc: mean(sufficiency),
            comprehensiveness_aopc: mean(comprehensiveness),
            sufficiency: sufficiency.to_vec(),
            comprehensiveness: comprehensiveness.to_vec(),
        }
    }
}
