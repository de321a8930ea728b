use burn::config::Config;
use burn::tensor::Tensor;
use candor_core::{ConfigError, ExplainError, MemoryBudget, Predictor, Target};

use super::Curve;
use crate::explained::Explained;
use crate::model_scores::ModelScores;
use crate::ranking::descending;

const NAME: &str = "PixelFlipping";

/// Settings of [`PixelFlipping`].
#[derive(Config, Debug)]
pub struct PixelFlippingConfig {
    /// How many features go a step; 1 is the method as published, images are usually done a row of pixels at a time.
    #[config(default = 1)]
    pub features_per_step: usize,
    /// Memory for altered inputs.
    #[config(default = "MemoryBudget::default()")]
    pub budget: MemoryBudget,
}

impl PixelFlippingConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// `features_per_step` of zero.
    pub fn init(&self) -> Result<PixelFlipping, ConfigError> {
        ConfigError::at_least_one(
            "PixelFlippingConfig",
            "features_per_step",
            self.features_per_step,
        )?;
        Ok(PixelFlipping {
            features_per_step: self.features_per_step,
            budget: self.budget,
        })
    }
}

/// Pixel flipping: the deletion curve with a fixed number of features a step, most relevant first.
///
/// ```text
/// c_i = p(input with its min(i·k, d) most relevant features replaced by the baseline),  i = 0..ceil(d/k)
/// ```
///
/// A lower area and a higher AOPC are better. With one feature a step it is the deletion curve of
/// [`InsertionDeletion`](super::InsertionDeletion) with as many steps as features; the last step may be short.
///
/// Source: Bach et al. (2015), On pixel-wise explanations for non-linear classifier decisions, PLoS ONE 10(7).
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::Target;
/// use candor_metrics::faithfulness::PixelFlippingConfig;
///
/// let x = Tensor::<2>::from_floats([[1e4, 0.0, 0.0, 0.0]], &Device::flex());
/// let flipping = PixelFlippingConfig::new().with_features_per_step(3).init().unwrap();
/// let model = |x: Tensor<2>| x; // without feature 0, four logits tie
/// let curves = flipping.evaluate(&model, x.clone(), &x, x.zeros_like(), &Target::Output(0)).unwrap();
/// assert_eq!(curves[0].values, [1.0, 0.25, 0.25]);
/// ```
#[derive(Debug, Clone)]
pub struct PixelFlipping {
    features_per_step: usize,
    budget: MemoryBudget,
}

impl PixelFlipping {
    /// One curve a row.
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
    ) -> Result<Vec<Curve>, ExplainError> {
        let explained = Explained::new(NAME, inputs, attributions)?;
        let features = explained.features;
        let steps = features.div_ceil(self.features_per_step);
        let replaced: Vec<_> = (0..=steps)
            .map(|step| 0..features.min(step * self.features_per_step))
            .collect();
        let scores = ModelScores::probability(NAME, model, target, self.budget);
        let curves = explained
            .ranked(baseline, descending)?
            .scores(&scores, &replaced)?;
        Ok(curves.into_iter().map(Curve::new).collect())
    }
}
