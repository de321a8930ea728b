use burn::config::Config;
use burn::tensor::Tensor;
use candor_core::host::{floats, rows, tensor_like};
use candor_core::{ConfigError, ExplainError, InputError, Predictor, Target};
use serde::{Deserialize, Serialize};

use super::linear_explanation::dot;
use super::perturbation::{Batching, Given, PerturbedModel};
use super::weighted_ridge::{Regression, fit_scores};
use super::{Baseline, LinearExplanation};

/// How a perturbation ξ meets the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Noise {
    /// `x + ξ`.
    Additive,
    /// `r + ξ ⊙ (x − r)`, with the baseline `r` (zero: `ξ ⊙ x`).
    Multiplicative,
}

/// What the surrogate is asked to match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FitLoss {
    /// The score: `(f(x ⊕ ξ) − g(ξ))²`.
    Squared,
    /// Its gradient: `‖∇_ξ f(x ⊕ ξ) − ∇_ξ g(ξ)‖²`.
    GradientMatching,
}

/// Configuration of [`LocalFunctionApproximation`].
#[derive(Config, Debug, PartialEq)]
pub struct LocalFunctionApproximationConfig {
    /// How perturbations meet the input.
    #[config(default = "Noise::Additive")]
    pub noise: Noise,
    /// What the surrogate matches.
    #[config(default = "FitLoss::Squared")]
    pub loss: FitLoss,
    /// Penalty α on the squared weights (squared loss only): ≥ 0.
    #[config(default = 0.0)]
    pub ridge: f64,
    /// Whether the surrogate has a bias.
    #[config(default = true)]
    pub intercept: bool,
    /// How many perturbations and rows go into one call.
    #[config(default = "Batching::new()")]
    pub batching: Batching,
}

impl LocalFunctionApproximationConfig {
    /// The operator.
    ///
    /// # Errors
    ///
    /// A penalty that is negative or not finite, or one with gradient matching, which has no use for it.
    pub fn init(&self) -> Result<LocalFunctionApproximation, ConfigError> {
        let config = "LocalFunctionApproximationConfig";
        let ridge = ConfigError::non_negative(config, "ridge", self.ridge)?;
        if ridge > 0.0 && self.loss == FitLoss::GradientMatching {
            let problem = format!("ridge = {ridge} has no meaning for gradient matching");
            return Err(ConfigError::contradiction(config, problem));
        }
        Ok(LocalFunctionApproximation {
            noise: self.noise,
            loss: self.loss,
            regression: Regression::new(self.intercept, ridge),
            intercept: self.intercept,
            batching: self.batching,
        })
    }
}

/// Perturbations ξ of every row, with a weight each.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_explain::attribution::PerturbationSet;
///
/// let device = Device::flex();
/// let set = PerturbationSet::new(Tensor::ones([8, 3], &device)).with_weights(Tensor::ones([8], &device));
/// assert_eq!(set.count(), 8);
/// ```
#[derive(Debug, Clone)]
pub struct PerturbationSet {
    xi: Tensor<2>,
    weights: Option<Tensor<1>>,
}

impl PerturbationSet {
    /// Perturbations `[draws, features]` of weight 1.
    pub fn new(xi: Tensor<2>) -> Self {
        Self {
            xi: xi.without_autodiff(),
            weights: None,
        }
    }

    /// Weights `[draws]`, finite and not negative.
    pub fn with_weights(self, weights: Tensor<1>) -> Self {
        Self {
            weights: Some(weights),
            ..self
        }
    }

    /// How many perturbations there are.
    pub fn count(&self) -> usize {
        self.xi.dims()[0]
    }

    pub(super) fn read(&self) -> Result<(Given, Vec<f64>), ExplainError> {
        let component = "LocalFunctionApproximation";
        let given = Given::of(component, "xi", &self.xi)?;
        let Some(weights) = &self.weights else {
            return Ok((given, vec![1.0; self.count()]));
        };
        let weights = floats(weights);
        InputError::check_dims(component, "weights", &[weights.len()], &[self.count()])?;
        let legal = |weight: f64| weight.is_finite() && weight >= 0.0;
        InputError::check_values(component, "weights", &weights, "finite and >= 0", legal)?;
        if weights.iter().sum::<f64>() <= 0.0 {
            return Err(ExplainError::DegenerateNeighbourhood {
                method: component,
                samples: weights.len(),
            });
        }
        Ok((given, weights))
    }
}

/// An affine surrogate of each row whose objective is asked for, possibly tracked by autodiff.
#[derive(Debug, Clone)]
pub struct AffineSurrogate {
    /// `[rows, features]`.
    pub weights: Tensor<2>,
    /// `[rows]`.
    pub bias: Tensor<1>,
}

/// The framework: an explanation is the weights of the affine `g` closest to the model around `x`.
///
/// ```text
/// L(β, b) = Σ_i w̄_i ℓ_i,   w̄ = w / Σ w,   g(ξ) = β·ξ + b,   ∇_ξ f = ∇f (additive), (x − r) ⊙ ∇f (multiplicative)
/// squared             ℓ = (f(x ⊕ ξ) − g(ξ))²          β, b by weighted least squares
/// gradient matching   ℓ = ‖∇_ξ f(x ⊕ ξ) − β‖²         β = Σ w̄ ∇_ξ f,  b = Σ w̄ (f − β·ξ)
/// ```
///
/// [`fit`](Self::fit) is the closed form, [`objective`](Self::objective) the loss itself, for surrogates that are
/// trained. Every method of this module is a choice of noise, distribution, weight and loss; with this operator
/// a new one is another choice. The bias is not identified by gradient matching: the mean residual is given.
/// One sample with the squared loss gives `β = 0`, `b = f`. Rank-deficient perturbations give the weights of
/// least norm. Peak memory is that of one call ([`Batching`]), the scores, and `(features + 2)²` numbers.
///
/// Source: Han, Srinivas and Lakkaraju 2022, arXiv 2206.01254.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::Target;
/// use candor_explain::attribution::{Baseline, LocalFunctionApproximationConfig, PerturbationSet};
///
/// let model = |x: Tensor<2>| x * 3.0 + 1.0; // g(ξ) = 3ξ + f(2)
/// let (input, xi) = (Tensor::<2>::full([1, 1], 2.0, &Device::flex()), [[-1.0], [0.0], [1.0]]);
/// let set = PerturbationSet::new(Tensor::from_floats(xi, &Device::flex()));
/// let fit = LocalFunctionApproximationConfig::new().init()?.fit(&model, input, &Target::Output(0), &Baseline::Zeros, &set)?;
/// assert!((fit[0].weights[0] - 3.0).abs() < 1e-6 && (fit[0].bias - 7.0).abs() < 1e-6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct LocalFunctionApproximation {
    noise: Noise,
    loss: FitLoss,
    regression: Regression,
    intercept: bool,
    batching: Batching,
}

impl LocalFunctionApproximation {
    /// The best surrogate of each row of a batch on the given perturbations.
    ///
    /// # Errors
    ///
    /// NaN or an infinity in inputs, baseline, perturbations or weights, shapes that do not fit, no perturbation or
    /// none with a weight, an output that does not exist, a score that is not finite, a model without a gradient
    /// where that is to be matched.
    pub fn fit<const D: usize>(
        &self,
        model: &impl Predictor<D>,
        inputs: Tensor<D>,
        target: &Target,
        baseline: &Baseline<D>,
        set: &PerturbationSet,
    ) -> Result<Vec<LinearExplanation>, ExplainError> {
        let perturbed = self.perturbed(model, inputs, target, baseline)?;
        let (given, weights) = set.read()?;
        match self.loss {
            FitLoss::Squared => {
                fit_scores(&perturbed, &given, self.regression, |draw, _| weights[draw])
            }
            FitLoss::GradientMatching => self.match_gradients(&perturbed, &given, &weights),
        }
    }

    /// The objective of given surrogates, `[rows]`; its gradient reaches them, and never the model.
    ///
    /// # Errors
    ///
    /// As [`fit`](Self::fit).
    pub fn objective<const D: usize>(
        &self,
        model: &impl Predictor<D>,
        inputs: Tensor<D>,
        target: &Target,
        baseline: &Baseline<D>,
        set: &PerturbationSet,
        surrogates: &AffineSurrogate,
    ) -> Result<Tensor<1>, ExplainError> {
        let perturbed = self.perturbed(model, inputs, target, baseline)?;
        let shape = [perturbed.rows(), perturbed.features()];
        let component = "LocalFunctionApproximation";
        InputError::check_dims(
            component,
            "surrogates.weights",
            &surrogates.weights.dims(),
            &shape,
        )?;
        InputError::check_dims(
            component,
            "surrogates.bias",
            &surrogates.bias.dims(),
            &shape[..1],
        )?;
        let (given, weights) = set.read()?;
        match self.loss {
            FitLoss::Squared => squared_objective(&perturbed, &given, &weights, set, surrogates),
            FitLoss::GradientMatching => {
                let moments = perturbed.gradients(&given, &weights)?;
                // Σ w̄ ‖∇f − β‖² = ‖mean − β‖² + variance: no gradient but the mean need be kept.
                let spread = perturbed.along_slope(perturbed.along_slope(moments.variance()));
                let dtype = surrogates.weights.dtype();
                let mean = perturbed.along_slope(moments.mean).cast(dtype);
                let bias = surrogates.weights.clone() - mean;
                Ok((bias.square() + spread.cast(dtype))
                    .sum_dim(1)
                    .squeeze_dim(1))
            }
        }
    }

    fn perturbed<'a, M: Predictor<D>, const D: usize>(
        &self,
        model: &'a M,
        inputs: Tensor<D>,
        target: &'a Target,
        baseline: &Baseline<D>,
    ) -> Result<PerturbedModel<'a, M, D>, ExplainError> {
        PerturbedModel::new(
            "LocalFunctionApproximation",
            model,
            inputs,
            target,
            self.batching,
        )?
        .with_noise(self.noise, baseline)
    }

    fn match_gradients<M: Predictor<D>, const D: usize>(
        &self,
        perturbed: &PerturbedModel<'_, M, D>,
        given: &Given,
        weights: &[f64],
    ) -> Result<Vec<LinearExplanation>, ExplainError> {
        let moments = perturbed.gradients(given, weights)?;
        let centre = weighted_centre(given, weights, perturbed.features());
        let gradients = rows(&perturbed.along_slope(moments.mean));
        let explain = |(weights, score): (Vec<f64>, f64)| {
            let bias = if self.intercept {
                score - dot(&weights, &centre)
            } else {
                0.0
            };
            let slope = if perturbed.is_additive() {
                0.0
            } else {
                weights.iter().sum()
            };
            LinearExplanation {
                weights,
                bias,
                r2: None,
                local_pred: bias + slope,
            }
        };
        Ok(gradients
            .into_iter()
            .zip(floats(&moments.score))
            .map(explain)
            .collect())
    }
}

fn squared_objective<M: Predictor<D>, const D: usize>(
    perturbed: &PerturbedModel<'_, M, D>,
    given: &Given,
    weights: &[f64],
    set: &PerturbationSet,
    surrogates: &AffineSurrogate,
) -> Result<Tensor<1>, ExplainError> {
    let total: f64 = weights.iter().sum();
    let shares: Vec<f64> = weights.iter().map(|weight| weight / total).collect();
    let scores = perturbed
        .per_row(given, |_, scores| Ok(scores.to_vec()))?
        .concat();
    let shape = [perturbed.rows(), set.count()];
    let scores: Tensor<2> = tensor_like(scores, shape, &surrogates.weights);
    let shares: Tensor<2> = tensor_like(shares, [1, set.count()], &surrogates.weights);
    let xi = set.xi.clone().cast(surrogates.weights.dtype());
    let fitted = surrogates.weights.clone().matmul(xi.transpose())
        + surrogates.bias.clone().unsqueeze_dim(1);
    Ok(((fitted - scores).square() * shares)
        .sum_dim(1)
        .squeeze_dim(1))
}

/// `Σ w ξ / Σ w`.
fn weighted_centre(given: &Given, weights: &[f64], features: usize) -> Vec<f64> {
    let total: f64 = weights.iter().sum();
    let mut centre = vec![0.0; features];
    for (draw, weight) in weights.iter().enumerate() {
        for (centre, xi) in centre.iter_mut().zip(given.row(draw)) {
            *centre += weight / total * xi;
        }
    }
    centre
}
