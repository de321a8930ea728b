use candor_core::{ExplainError, InputError, MemoryBudget, Predictor};
use nalgebra::{DMatrix, DVector, SVD};

use super::linear_explanation::{LinearExplanation, dot};
use super::perturbation::{Draws, PerturbedModel};

/// Singular values below this share of the largest count as zero.
const RANK_CUT: f64 = 1e-12;
/// Singular values below this share of the uncentred samples are rounding errors of the centring.
const ROUNDING_CUT: f64 = 1e-14;
/// A variance of the scores below this share of their mean square is rounding, not variation.
const FLAT: f64 = 1e-28;
/// Sums of weights below this are a degenerate neighbourhood.
const SMALLEST_WEIGHT: f64 = 1e-300;
/// Bytes of working memory for each entry of the square triangle: the buffer of two, its copy, its factors.
const BYTES_PER_ENTRY: usize = 48;
const SVD_ITERATIONS: usize = 10_000;
/// At least so many rows are folded at once: each folding rounds, and costs a pass over the triangle.
const FOLDED_ROWS: usize = 64;

/// What a regression fits besides the weights.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Regression {
    intercept: bool,
    ridge: f64,
}

impl Regression {
    pub(crate) fn new(intercept: bool, ridge: f64) -> Self {
        Self { intercept, ridge }
    }
}

/// Fits each row's scores on its perturbations, with a weight a draw.
pub(crate) fn fit_scores<M: Predictor<D>, const D: usize>(
    perturbed: &PerturbedModel<'_, M, D>,
    source: &impl Draws,
    regression: Regression,
    weight: impl Fn(usize, &[f64]) -> f64,
) -> Result<Vec<LinearExplanation>, ExplainError> {
    let (method, memory, groups) = (
        perturbed.component(),
        perturbed.memory(),
        perturbed.groups(),
    );
    let mut xi = vec![0.0; groups];
    perturbed.per_row(source, |row, scores| {
        let mut solver = WeightedRidge::new(method, groups, regression.intercept, memory)?;
        for (draw, &score) in scores.iter().enumerate() {
            source.write(row, draw, &mut xi);
            solver.add(&xi, score, weight(draw, &xi));
        }
        let mut fitted = solver.solve(regression.ridge)?;
        if perturbed.is_additive() {
            fitted.local_pred = fitted.bias;
        }
        Ok(fitted)
    })
}

/// Weighted ridge regression with an unpenalised intercept, in `f64`, one sample at a time.
///
/// ```text
/// min over β, b of Σ w (z·β + b − y)² + α ‖β‖²
/// ```
///
/// The samples are folded into the triangle of a QR factorisation whose first column is the intercept's: what
/// is left of it below and right of the first pivot is the problem centred at the weighted means. So memory is
/// that of `(features + 2)²` numbers whatever the number of samples, and the samples' conditioning is not
/// squared as in normal equations. `α = 0` gives the solution of least norm.
#[derive(Debug, Clone)]
pub(crate) struct WeightedRidge {
    method: &'static str,
    features: usize,
    intercept: bool,
    samples: usize,
    weight: f64,
    /// Samples (and the triangle of those before them) row-major: `[intercept?, features, score]`.
    rows: Vec<f64>,
}

impl WeightedRidge {
    /// No samples yet.
    ///
    /// # Errors
    ///
    /// More features than the budget has room for.
    pub(crate) fn new(
        method: &'static str,
        features: usize,
        intercept: bool,
        memory: MemoryBudget,
    ) -> Result<Self, ExplainError> {
        let limit = (memory.as_bytes() / BYTES_PER_ENTRY)
            .isqrt()
            .saturating_sub(2)
            .max(1);
        if features > limit {
            return Err(ExplainError::TooManyFeatures {
                method,
                features,
                limit,
            });
        }
        Ok(Self {
            method,
            features,
            intercept,
            samples: 0,
            weight: 0.0,
            rows: Vec::new(),
        })
    }

    /// Adds a sample.
    pub(crate) fn add(&mut self, z: &[f64], score: f64, weight: f64) {
        self.samples += 1;
        self.weight += weight;
        if weight <= 0.0 {
            return;
        }
        let root = weight.sqrt();
        if self.intercept {
            self.rows.push(root);
        }
        self.rows
            .extend(z.iter().chain([&score]).map(|value| root * value));
        if self.rows.len() >= self.width() * FOLDED_ROWS.max(2 * self.width()) {
            self.rows = self.triangle().transpose().as_slice().to_vec();
        }
    }

    /// The regression, with the value at `ξ = 1` (all kept) as its local prediction.
    ///
    /// # Errors
    ///
    /// Weights that sum to less than 1e-300, or a decomposition that does not converge.
    pub(crate) fn solve(&self, ridge: f64) -> Result<LinearExplanation, ExplainError> {
        if self.weight < SMALLEST_WEIGHT {
            return Err(ExplainError::DegenerateNeighbourhood {
                method: self.method,
                samples: self.samples,
            });
        }
        let (first, width) = (usize::from(self.intercept), self.width());
        let triangle = self.triangle().resize_vertically(width, 0.0);
        let z = triangle
            .view((first, first), (self.features, self.features))
            .into_owned();
        let t = triangle
            .view((first, width - 1), (self.features, 1))
            .column(0)
            .into_owned();
        let unexplained = triangle[(width - 1, width - 1)].powi(2);
        let total = t.norm_squared() + unexplained;
        let flat = total <= FLAT * triangle.column(width - 1).norm_squared();
        let floor = ROUNDING_CUT * triangle.columns(0, width - 1).norm();
        let weights = if flat {
            DVector::zeros(self.features)
        } else {
            self.regress(&z, &t, ridge, floor)?
        };
        let r2 = if flat {
            0.0
        } else {
            1.0 - ((&z * &weights - &t).norm_squared() + unexplained) / total
        };
        let weights = weights.as_slice().to_vec();
        let bias = if self.intercept {
            let means = triangle.row(0) / triangle[(0, 0)];
            let centre: Vec<f64> = means.columns(1, self.features).iter().copied().collect();
            means[width - 1] - dot(&centre, &weights)
        } else {
            0.0
        };
        Ok(LinearExplanation {
            local_pred: bias + weights.iter().sum::<f64>(),
            weights,
            bias,
            r2: Some(r2),
        })
    }

    /// Solves `min ‖zβ − t‖² + ridge ‖β‖²`.
    fn regress(
        &self,
        z: &DMatrix<f64>,
        t: &DVector<f64>,
        ridge: f64,
        floor: f64,
    ) -> Result<DVector<f64>, ExplainError> {
        if ridge > 0.0 {
            let normal = z.tr_mul(z) + DMatrix::identity(self.features, self.features) * ridge;
            if let Some(factor) = normal.cholesky() {
                return Ok(factor.solve(&z.tr_mul(t)));
            }
        }
        // No ridge, or one too small to make the normal equations positive definite: least norm.
        self.least_norm(z, t, floor)
    }

    fn least_norm(
        &self,
        z: &DMatrix<f64>,
        t: &DVector<f64>,
        floor: f64,
    ) -> Result<DVector<f64>, ExplainError> {
        let diverged = || InputError::Undefined {
            component: self.method,
            reason: "the singular value decomposition of its samples does not converge",
        };
        let svd = SVD::try_new(z.clone(), true, true, f64::EPSILON, SVD_ITERATIONS)
            .ok_or_else(diverged)?;
        let cut = (RANK_CUT * svd.singular_values.max()).max(floor);
        Ok(svd.solve(t, cut).map_err(|_| diverged())?)
    }

    fn width(&self) -> usize {
        usize::from(self.intercept) + self.features + 1
    }

    /// The upper triangle of the samples so far, with at most as many rows as columns.
    fn triangle(&self) -> DMatrix<f64> {
        let width = self.width();
        DMatrix::from_row_slice(self.rows.len() / width, width, &self.rows)
            .qr()
            .unpack_r()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(samples: &[(Vec<f64>, f64, f64)], ridge: f64) -> LinearExplanation {
        let features = samples[0].0.len();
        let mut solver =
            WeightedRidge::new("test", features, true, MemoryBudget::default()).unwrap();
        for (z, score, weight) in samples {
            solver.add(z, *score, *weight);
        }
        solver.solve(ridge).unwrap()
    }

    #[test]
    fn an_exact_plane_is_found_however_many_samples_are_folded() {
        let sample = |i: usize| {
            let z = vec![(i as f64 * 0.7).sin(), (i as f64 * 1.3).cos()];
            let score = 2.0 * z[0] - 3.0 * z[1] + 1e4;
            (z, score, 0.1 + (i % 5) as f64)
        };
        let found = fit(&(0..500).map(sample).collect::<Vec<_>>(), 0.0);
        approx::assert_abs_diff_eq!(found.weights[0], 2.0, epsilon = 1e-9);
        approx::assert_abs_diff_eq!(found.weights[1], -3.0, epsilon = 1e-9);
        approx::assert_abs_diff_eq!(found.bias, 1e4, epsilon = 1e-8);
        approx::assert_abs_diff_eq!(found.r2.unwrap(), 1.0, epsilon = 1e-9);
    }

    #[test]
    fn ridge_matches_the_closed_form_of_one_feature() {
        // z = ∓1 with weights 1: centred Σz² = 2, Σzy = 2; β = 2 / (2 + α) = 0.5 at α = 2; ȳ = 1.
        let found = fit(&[(vec![-1.0], 0.0, 1.0), (vec![1.0], 2.0, 1.0)], 2.0);
        approx::assert_abs_diff_eq!(found.weights[0], 0.5, epsilon = 1e-14);
        approx::assert_abs_diff_eq!(found.bias, 1.0, epsilon = 1e-14);
        // residual (∓0.5)²·2 = 0.5 of total 2.
        approx::assert_abs_diff_eq!(found.r2.unwrap(), 0.75, epsilon = 1e-14);
    }

    #[test]
    fn twin_features_share_the_weight() {
        let samples = [0.0, 1.0, 3.0].map(|v| (vec![v, v], 4.0 * v + 1.0, 1.0));
        let found = fit(&samples, 0.0);
        approx::assert_abs_diff_eq!(found.weights[0], 2.0, epsilon = 1e-12);
        approx::assert_abs_diff_eq!(found.weights[1], 2.0, epsilon = 1e-12);
    }

    #[test]
    fn equal_scores_or_equal_samples_give_zero_and_not_rounding() {
        let flat = fit(&[0.1, 0.7, 0.3].map(|v| (vec![v], 3.7, 0.3)), 0.0);
        assert_eq!((flat.weights[0], flat.r2), (0.0, Some(0.0)));
        let same = fit(&[1.0, 2.0, 4.5].map(|y| (vec![0.1, 0.9], y, 0.7)), 0.0);
        assert_eq!(same.weights, [0.0, 0.0]);
        approx::assert_abs_diff_eq!(same.bias, 2.5, epsilon = 1e-12);
        let single = fit(&[(vec![0.3, 0.4], 5.0, 2.0)], 0.0);
        assert_eq!(single.weights, [0.0, 0.0]);
        approx::assert_abs_diff_eq!(single.bias, 5.0, epsilon = 1e-12);
    }

    #[test]
    fn vanished_weights_and_too_many_features_are_errors() {
        let mut solver = WeightedRidge::new("test", 1, true, MemoryBudget::default()).unwrap();
        solver.add(&[1.0], 1.0, 0.0);
        assert!(matches!(
            solver.solve(1.0),
            Err(ExplainError::DegenerateNeighbourhood { samples: 1, .. })
        ));
        let refused = WeightedRidge::new("test", 5000, true, MemoryBudget::mib(1));
        assert!(matches!(refused, Err(ExplainError::TooManyFeatures { .. })));
    }
}
