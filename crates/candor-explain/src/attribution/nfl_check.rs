use burn::config::Config;
use burn::tensor::Tensor;
use candor_core::host::floats;
use candor_core::{ConfigError, ExplainError, InputError, MemoryBudget};
use serde::{Deserialize, Serialize};

use super::LinearExplanation;
use super::perturbation::Given;
use super::weighted_ridge::WeightedRidge;

/// Weighted residuals that sum to this or less are a perfect fit.
const PERFECT: f64 = 1e-30;

/// Configuration of [`NflCheck`].
#[derive(Config, Debug, PartialEq)]
pub struct NflCheckConfig {
    /// Lawson iterations: ≥ 1. Each tightens the bounds; the theorem holds with any number.
    #[config(default = 20)]
    pub iterations: usize,
    /// Working memory of the regressions.
    #[config(default = "MemoryBudget::default()")]
    pub memory: MemoryBudget,
}

impl NflCheckConfig {
    /// The check.
    ///
    /// # Errors
    ///
    /// No iteration.
    pub fn init(&self) -> Result<NflCheck, ConfigError> {
        let iterations =
            ConfigError::at_least_one("NflCheckConfig", "iterations", self.iterations)?;
        Ok(NflCheck {
            iterations,
            memory: self.memory,
        })
    }
}

/// Bounds on the smallest worst loss that an affine surrogate can have on a pool of points.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct NflBound {
    /// No affine surrogate has a smaller largest squared error.
    pub lower: f64,
    /// Some affine surrogate has a largest squared error of this.
    pub upper: f64,
}

/// The no-free-lunch theorem, checked on a finite pool of points.
///
/// ```text
/// d = min_g max_i (y_i − g(ξ_i))²;   for weights w on the simplex  min_g Σ w r² ≤ d ≤ max_i r_i²
/// Lawson: w = 1/P; fit g with w; r = |residuals|; w ← w ⊙ r / Σ(w ⊙ r); keep the best of both bounds
/// ```
///
/// Every explanation, however faithful where it was fitted, has some neighbourhood (a point of the pool will do)
/// on which its loss is at least `d`: [`worst_loss`](Self::worst_loss) is never below
/// [`lower`](NflBound::lower). Where `lower` is far above zero, no linear explanation is faithful everywhere.
/// Runs on the host in `f64`.
///
/// Source: Han, Srinivas and Lakkaraju 2022, arXiv 2206.01254; Lawson 1961.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_explain::attribution::NflCheckConfig;
///
/// // The best line through (0, 0), (1, 1), (2, 0) misses each by 1/2.
/// let xi = Tensor::<2>::from_floats([[0.0], [1.0], [2.0]], &Device::flex());
/// let y = Tensor::<1>::from_floats([0.0, 1.0, 0.0], &Device::flex());
/// let bound = NflCheckConfig::new().init()?.bound(&xi, &y)?;
/// assert!((bound.lower - 0.25).abs() < 1e-6 && (bound.upper - 0.25).abs() < 1e-6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct NflCheck {
    iterations: usize,
    memory: MemoryBudget,
}

impl NflCheck {
    /// Bounds for a pool of perturbations `[points, features]` with scores `[points]`.
    ///
    /// # Errors
    ///
    /// An empty pool, lengths that do not fit, NaN or infinities, more features than the budget has room for.
    pub fn bound(&self, xi: &Tensor<2>, y: &Tensor<1>) -> Result<NflBound, ExplainError> {
        let (pool, scores) = read(xi, y)?;
        let features = xi.dims()[1];
        let mut weights = vec![1.0 / scores.len() as f64; scores.len()];
        let (mut lower, mut upper) = (0.0f64, f64::INFINITY);
        for _ in 0..self.iterations {
            let mut solver = WeightedRidge::new("NflCheck", features, true, self.memory)?;
            for (point, (&score, &weight)) in scores.iter().zip(&weights).enumerate() {
                solver.add(pool.row(point), score, weight);
            }
            let residuals = residuals(&solver.solve(0.0)?, &pool, &scores);
            let weighted: f64 = residuals.iter().zip(&weights).map(|(r, w)| w * r * r).sum();
            lower = lower.max(weighted);
            upper = upper.min(largest_square(&residuals));
            let total: f64 = residuals.iter().zip(&weights).map(|(r, w)| w * r).sum();
            if total <= PERFECT {
                break;
            }
            for (weight, residual) in weights.iter_mut().zip(&residuals) {
                *weight *= residual / total;
            }
        }
        Ok(NflBound { lower, upper })
    }

    /// The largest squared error of an explanation on the pool.
    ///
    /// # Errors
    ///
    /// An empty pool, lengths that do not fit, NaN or infinities.
    pub fn worst_loss(
        &self,
        xi: &Tensor<2>,
        y: &Tensor<1>,
        explanation: &LinearExplanation,
    ) -> Result<f64, ExplainError> {
        let (pool, scores) = read(xi, y)?;
        let (seen, wanted) = ([explanation.weights.len()], [xi.dims()[1]]);
        InputError::check_dims("NflCheck", "explanation", &seen, &wanted)?;
        Ok(largest_square(&residuals(explanation, &pool, &scores)))
    }
}

fn read(xi: &Tensor<2>, y: &Tensor<1>) -> Result<(Given, Vec<f64>), InputError> {
    let scores = floats(y);
    InputError::check_not_empty("NflCheck", "y", scores.len())?;
    InputError::check_dims("NflCheck", "xi", &xi.dims()[..1], &[scores.len()])?;
    InputError::check_finite("NflCheck", "y", &scores)?;
    Ok((Given::of("NflCheck", "xi", xi)?, scores))
}

fn residuals(explanation: &LinearExplanation, pool: &Given, scores: &[f64]) -> Vec<f64> {
    let residual =
        |(point, score): (usize, &f64)| (score - explanation.predict(pool.row(point))).abs();
    scores.iter().enumerate().map(residual).collect()
}

fn largest_square(residuals: &[f64]) -> f64 {
    residuals
        .iter()
        .fold(0.0, |max: f64, residual| max.max(residual * residual))
}
