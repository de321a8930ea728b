use candor_core::InputError;
use serde::{Deserialize, Serialize};

/// Below this distance to the baseline a feature's effect cannot be told per unit of displacement.
const SMALLEST_DISPLACEMENT: f64 = 1e-12;

/// A local surrogate `g(ξ) = weights · ξ + bias` of one row.
///
/// ```
/// use candor_explain::attribution::LinearExplanation;
///
/// let surrogate = LinearExplanation { weights: vec![2.0, -1.0], bias: 0.5, r2: None, local_pred: 1.5 };
/// assert_eq!(surrogate.predict(&[1.0, 3.0]), -0.5);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinearExplanation {
    /// One weight a feature (or group of features).
    pub weights: Vec<f64>,
    /// The value at `ξ = 0`.
    pub bias: f64,
    /// Weighted R² on the samples that it was fitted to: 0 where the scores do not vary, `None` where scores
    /// were not fitted.
    pub r2: Option<f64>,
    /// What the surrogate says at the input itself.
    pub local_pred: f64,
}

impl LinearExplanation {
    /// The surrogate's value for a perturbation.
    pub fn predict(&self, xi: &[f64]) -> f64 {
        self.bias + dot(&self.weights, xi)
    }

    /// A multiplicative surrogate (`ξ = 1` is the input, `ξ = 0` the baseline) as a function of the displacement
    /// `u = x' − x`: weights `β_j / (x_j − r_j)` and the value at the input as bias.
    ///
    /// # Errors
    ///
    /// Another number of features, or one whose input is its baseline (`|x_j − r_j| < 1e-12`): fit on the
    /// displacement instead, with [`fit_on_displacement`](super::fit_on_displacement).
    pub fn to_displacement(&self, input: &[f64], baseline: &[f64]) -> Result<Self, InputError> {
        let component = "LinearExplanation::to_displacement";
        let features = [self.weights.len()];
        InputError::check_dims(component, "input", &[input.len()], &features)?;
        InputError::check_dims(component, "baseline", &[baseline.len()], &features)?;
        let moved: Vec<f64> = input.iter().zip(baseline).map(|(x, r)| x - r).collect();
        let legal = |moved: f64| moved.abs() >= SMALLEST_DISPLACEMENT;
        InputError::check_values(
            component,
            "input - baseline",
            &moved,
            "at least 1e-12 from 0",
            legal,
        )?;
        Ok(Self {
            weights: self
                .weights
                .iter()
                .zip(&moved)
                .map(|(weight, moved)| weight / moved)
                .collect(),
            bias: self.local_pred,
            ..self.clone()
        })
    }
}

pub(super) fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter()
        .zip(right)
        .map(|(left, right)| left * right)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_displacement_form_says_the_same() {
        let multiplicative = LinearExplanation {
            weights: vec![3.0, -2.0],
            bias: 1.0,
            r2: None,
            local_pred: 2.0,
        };
        let (input, baseline) = ([1.0, 2.0], [0.5, 1.0]);
        let displacement = multiplicative.to_displacement(&input, &baseline).unwrap();
        // ξ = (1, 0): the second feature at its baseline, u = (0, -1).
        approx::assert_abs_diff_eq!(
            displacement.predict(&[0.0, -1.0]),
            multiplicative.predict(&[1.0, 0.0])
        );
        assert!(
            multiplicative
                .to_displacement(&[0.5, 2.0], &baseline)
                .is_err()
        );
        assert!(multiplicative.to_displacement(&[0.5], &baseline).is_err());
    }
}
