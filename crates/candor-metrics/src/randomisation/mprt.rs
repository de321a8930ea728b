use burn::config::Config;
use burn::tensor::Tensor;
use candor_core::{Attribution, ConfigError, ExplainError, InputError, Target};
use serde::{Deserialize, Serialize};

use crate::correlation::spearman;
use crate::explained::rows;
use crate::ranking::absolute;

const NAME: &str = "Mprt";

/// Settings of [`Mprt`].
#[derive(Config, Debug)]
pub struct MprtConfig {
    /// How many layers are randomised one after the other, the last of the network first.
    pub n_layers: usize,
}

impl MprtConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// `n_layers` of zero.
    pub fn init(&self) -> Result<Mprt, ConfigError> {
        Ok(Mprt {
            n_layers: ConfigError::at_least_one("MprtConfig", "n_layers", self.n_layers)?,
        })
    }
}

/// What [`Mprt`] found for one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MprtReport {
    /// Spearman's correlation of the magnitudes before and after each step of the cascade; 0 where one is constant.
    pub spearman: Vec<f64>,
    /// Mean over the steps.
    pub mean: f64,
}

/// Model parameter randomisation test: explanations should change when the weights are replaced, layer by layer.
///
/// ```text
/// similarity_l = Spearman(|a|, |a_l|),   a_l explains the model with its last l layers randomised
/// ```
///
/// Near 0 the explanation depends on the weights; near 1 it ignores them, as an edge detector does.
///
/// The caller randomises, since only it knows the layers: `randomise(model, step)` gets the model of the step before
/// and returns it with one more layer freshly initialised, by the layer's own initialiser and from a given seed.
///
/// Source: Adebayo et al. (2018), Sanity checks for saliency maps, arXiv 1810.03292.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::{Attribution, Target};
/// use candor_metrics::randomisation::MprtConfig;
///
/// let x = Tensor::<2>::from_floats([[1.0, 2.0, 3.0]], &Device::flex());
/// let mprt = MprtConfig::new(2).init().unwrap(); // two "layers" of one weight, and an explainer that ignores them
/// let explain = |_: &f64, x: Tensor<2>, target: &Target| Ok(Attribution::new(x, target.clone(), 1));
/// let reports = mprt.evaluate(&1.0, x, &Target::Output(0), |weight, step| weight + step as f64, explain).unwrap();
/// assert!((reports[0].mean - 1.0).abs() < 1e-12);
/// ```
#[derive(Debug, Clone)]
pub struct Mprt {
    n_layers: usize,
}

impl Mprt {
    /// Runs the cascade: one report a row.
    ///
    /// # Errors
    ///
    /// What the method returns; explanations that change shape or are not finite.
    pub fn evaluate<M: Clone, const D: usize>(
        &self,
        model: &M,
        inputs: Tensor<D>,
        target: &Target,
        randomise: impl Fn(M, usize) -> M,
        explain: impl Fn(&M, Tensor<D>, &Target) -> Result<Attribution<D>, ExplainError>,
    ) -> Result<Vec<MprtReport>, ExplainError> {
        let attributions = |model: &M| -> Result<Vec<Vec<f64>>, ExplainError> {
            Ok(rows(
                NAME,
                "attributions",
                &explain(model, inputs.clone(), target)?.values,
            )?)
        };
        let original = attributions(model)?;
        let mut cascade = vec![Vec::with_capacity(self.n_layers); original.len()];
        let mut model = model.clone();
        for step in 0..self.n_layers {
            model = randomise(model, step);
            let randomised = attributions(&model)?;
            InputError::check_dims(NAME, "randomised", &[randomised.len()], &[original.len()])?;
            for (row, randomised) in cascade.iter_mut().zip(randomised) {
                row.push(randomised);
            }
        }
        let reports = original.iter().zip(&cascade);
        Ok(reports
            .map(|(row, cascade)| MprtReport::of(row, cascade))
            .collect::<Result<_, _>>()?)
    }
}

impl MprtReport {
    /// Compares the explanation of one row with those after each step of the cascade.
    ///
    /// # Errors
    ///
    /// No step, lengths that differ, values that are not finite.
    pub fn of(original: &[f64], randomised: &[Vec<f64>]) -> Result<Self, InputError> {
        InputError::check_not_empty(NAME, "original", original.len())?;
        InputError::check_not_empty(NAME, "randomised", randomised.len())?;
        InputError::check_finite(NAME, "original", original)?;
        for step in randomised {
            InputError::check_dims(NAME, "randomised", &[step.len()], &[original.len()])?;
            InputError::check_finite(NAME, "randomised", step)?;
        }
        let original = absolute(original);
        let similarity = |step: &Vec<f64>| spearman(&original, &absolute(step)).unwrap_or(0.0);
        let spearman: Vec<f64> = randomised.iter().map(similarity).collect();
        let mean = spearman.iter().sum::<f64>() / spearman.len() as f64;
        Ok(Self { spearman, mean })
    }
}
