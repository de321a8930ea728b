use burn::config::Config;
use burn::tensor::Tensor;
use candor_core::{ConfigError, ExplainError, MemoryBudget, Predictor, Target};

use crate::explained::Explained;
use crate::model_scores::ModelScores;

const NAME: &str = "Completeness";

/// Settings of [`Completeness`].
#[derive(Config, Debug)]
pub struct CompletenessConfig {
    /// Memory for inputs in flight.
    #[config(default = "MemoryBudget::default()")]
    pub budget: MemoryBudget,
}

impl CompletenessConfig {
    /// Builds the measure; every setting is legal.
    pub fn init(&self) -> Result<Completeness, ConfigError> {
        Ok(Completeness {
            budget: self.budget,
        })
    }
}

/// The completeness gap: what the contributions sum to, minus what they should.
///
/// ```text
/// gap = Σ attribution − (f(input) − f(baseline))
/// ```
///
/// `f` is the target's logit. Zero for exact path and Shapley methods with the same baseline.
///
/// Source: Sundararajan, Taly, Yan (2017), Axiomatic attribution for deep networks, arXiv 1703.01365.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::Target;
/// use candor_metrics::faithfulness::CompletenessConfig;
///
/// let x = Tensor::<2>::from_floats([[1.0, 2.0]], &Device::flex());
/// let model = |x: Tensor<2>| x.sum_dim(1) * 3.0; // f(x) = 9, f(0) = 0, and x itself sums to 3
/// let completeness = CompletenessConfig::new().init().unwrap();
/// let gaps = completeness.evaluate(&model, x.clone(), &x, x.zeros_like(), &Target::Output(0)).unwrap();
/// assert_eq!(gaps, [-6.0]);
/// ```
#[derive(Debug, Clone)]
pub struct Completeness {
    budget: MemoryBudget,
}

impl Completeness {
    /// One gap a row.
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
    ) -> Result<Vec<f64>, ExplainError> {
        let explained = Explained::new(NAME, inputs, attributions)?;
        let baseline = explained.baseline(baseline)?;
        let scores = ModelScores::logit(NAME, model, target, self.budget);
        let at_input = scores.of_inputs(&explained.inputs)?;
        let at_baseline = scores.of_inputs(&baseline)?;
        let gap = |((row, at_input), at_baseline): ((&Vec<f64>, f64), f64)| {
            row.iter().sum::<f64>() - (at_input - at_baseline)
        };
        Ok(explained
            .attributions
            .iter()
            .zip(at_input)
            .zip(at_baseline)
            .map(gap)
            .collect())
    }
}
