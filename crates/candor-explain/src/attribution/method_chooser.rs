use burn::config::Config;
use burn::tensor::Tensor;
use candor_core::{ConfigError, ExplainError, InputError, Predictor, Target};
use serde::{Deserialize, Serialize};

use super::perturbation::{Batching, Given, PerturbedModel};
use super::{Baseline, LinearExplanation, Noise};

/// Configuration of [`MethodChooser`].
#[derive(Config, Debug, PartialEq)]
pub struct MethodChooserConfig {
    /// How perturbations meet the input; `Additive` where the surrogates speak of displacements.
    #[config(default = "Noise::Additive")]
    pub noise: Noise,
    /// How many perturbations go into one call.
    #[config(default = "Batching::new()")]
    pub batching: Batching,
}

impl MethodChooserConfig {
    /// The chooser.
    ///
    /// # Errors
    ///
    /// None: every setting is legal.
    pub fn init(&self) -> Result<MethodChooser, ConfigError> {
        Ok(MethodChooser {
            noise: self.noise,
            batching: self.batching,
        })
    }
}

/// How each surrogate does in each neighbourhood, and which is best there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LossMatrix {
    /// Mean squared error, `mean[neighbourhood][method]`.
    pub mean: Vec<Vec<f64>>,
    /// Largest squared error, `max[neighbourhood][method]`.
    pub max: Vec<Vec<f64>>,
    /// The method of least mean squared error in each neighbourhood, the first one on ties.
    pub choice: Vec<usize>,
}

/// Chooses an explanation by the neighbourhood that one cares about (the paper's guiding principle).
///
/// ```text
/// mean[k][j] = mean_i (f(x ⊕ ξ_ki) − b_j − β_j·ξ_ki)²,   max likewise,   choice[k] = argmin_j mean[k][j]
/// ```
///
/// All surrogates must speak of the same ξ: fit them with
/// [`fit_on_displacement`](super::fit_on_displacement) or convert them. Peak memory is that of one call
/// ([`Batching`]) and the scores of one neighbourhood.
///
/// Source: Han, Srinivas and Lakkaraju 2022, arXiv 2206.01254.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::Target;
/// use candor_explain::attribution::{Baseline, LinearExplanation, MethodChooserConfig};
///
/// let steep = LinearExplanation { weights: vec![2.0], bias: 0.0, r2: None, local_pred: 0.0 };
/// let flat = LinearExplanation { weights: vec![0.0], ..steep.clone() };
/// let (input, near) = (Tensor::<2>::zeros([1, 1], &Device::flex()), Tensor::ones([1, 1], &Device::flex()));
/// let losses = MethodChooserConfig::new().init()?.loss_matrix(
///     &|x: Tensor<2>| x * 2.0, input, &Target::Output(0), &Baseline::Zeros, &[flat, steep], &[near])?;
/// assert_eq!((losses.mean[0].as_slice(), losses.choice[0]), ([4.0, 0.0].as_slice(), 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct MethodChooser {
    noise: Noise,
    batching: Batching,
}

impl MethodChooser {
    /// Losses of each surrogate of one input `[1, ..]` on the perturbations `[draws, features]` of each
    /// neighbourhood.
    ///
    /// # Errors
    ///
    /// More rows than one, no surrogate, no perturbation, widths that do not fit, a value or score that is not
    /// finite, an output that does not exist.
    pub fn loss_matrix<const D: usize>(
        &self,
        model: &impl Predictor<D>,
        input: Tensor<D>,
        target: &Target,
        baseline: &Baseline<D>,
        methods: &[LinearExplanation],
        neighbourhoods: &[Tensor<2>],
    ) -> Result<LossMatrix, ExplainError> {
        let component = "MethodChooser";
        InputError::check_dims(component, "input", &input.dims()[..1], &[1])?;
        InputError::check_not_empty(component, "methods", methods.len())?;
        let perturbed = PerturbedModel::new(component, model, input, target, self.batching)?
            .with_noise(self.noise, baseline)?;
        for method in methods {
            let wanted = [perturbed.features()];
            InputError::check_dims(component, "methods", &[method.weights.len()], &wanted)?;
        }
        let (mut mean, mut max) = (Vec::<Vec<f64>>::new(), Vec::new());
        for neighbourhood in neighbourhoods {
            let given = Given::of(component, "neighbourhoods", neighbourhood)?;
            let losses =
                perturbed.per_row(&given, |_, scores| Ok(losses(methods, &given, scores)))?;
            let (means, maxima): (Vec<f64>, Vec<f64>) = losses.into_iter().flatten().unzip();
            mean.push(means);
            max.push(maxima);
        }
        let choice = mean.iter().map(|row| first_smallest(row)).collect();
        Ok(LossMatrix { mean, max, choice })
    }
}

/// Mean and largest squared error of each surrogate.
fn losses(methods: &[LinearExplanation], given: &Given, scores: &[f64]) -> Vec<(f64, f64)> {
    let losses = |method: &LinearExplanation| {
        let squared =
            |(draw, score): (usize, &f64)| (score - method.predict(given.row(draw))).powi(2);
        let (sum, max) = scores
            .iter()
            .enumerate()
            .map(squared)
            .fold((0.0, 0.0f64), |(sum, max), loss| {
                (sum + loss, max.max(loss))
            });
        (sum / scores.len() as f64, max)
    };
    methods.iter().map(losses).collect()
}

fn first_smallest(losses: &[f64]) -> usize {
    (0..losses.len()).fold(
        0,
        |best, at| if losses[at] < losses[best] { at } else { best },
    )
}
