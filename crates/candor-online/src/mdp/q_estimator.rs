use candor_core::InputError;
use serde::{Deserialize, Serialize};

use super::InverseCovariance;
use super::policy::dot;

/// How far outside `[0, H]` a return may lie: what rounding does to a sum of losses.
const RETURN_TOLERANCE: f64 = 1e-6;

/// How the action values of a whole layer are estimated from one visited pair.
///
/// With `M` the inverse covariance, `L` the losses from the visited pair to the end of the path, `H` the horizon and
/// `z = φᵀ M φ_visited`:
///
/// ```text
/// Plain              z L
/// MagnitudeReduced   z L − H (z)₋ + H m,   (y)₋ = min(y, 0),   m = E_π[(φᵀ M φ')₋]
/// ```
///
/// Both have the same mean over the visited pair. The plain one can be as low as −H/γ; the reduced one is never below
/// `H m ≥ −H √(φᵀ M φ) ≥ −H/√γ`, since `z L − H (z)₋ ≥ 0`.
///
/// Source: Luo, Wei, Lee (2021), arXiv 2107.08346 (plain); arXiv 2301.12942 (reduced).
///
/// ```
/// use candor_online::mdp::{InverseCovariance, QEstimator, Visit, mean_negative_part};
///
/// let inverse = InverseCovariance::new(1, vec![4.0])?;
/// let visit = Visit { feature: &[-0.5], cumulative_loss: 2.0, horizon: 2 };
/// // The policy is at ±0.5 equally often: m = (min(4 · 0.25, 0) + min(−4 · 0.25, 0)) / 2.
/// let negative = mean_negative_part(&inverse, &[0.5], &[0.5, -0.5], &[0.5, 0.5])?;
/// assert_eq!(QEstimator::Plain.estimate(&inverse, &[0.5], &visit, &negative)?, [-2.0]);
/// assert_eq!(QEstimator::MagnitudeReduced.estimate(&inverse, &[0.5], &visit, &negative)?, [-1.0]);
/// # Ok::<(), candor_core::InputError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QEstimator {
    /// Importance-weighted return.
    Plain,
    /// The same with its negative part moved to its mean.
    MagnitudeReduced,
}

/// What an episode showed of a layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Visit<'a> {
    /// Feature of the visited pair.
    pub feature: &'a [f64],
    /// Sum of the losses from this layer to the end of the path, in `[0, H]`.
    pub cumulative_loss: f64,
    /// The number of layers of the process, in every layer the same.
    pub horizon: usize,
}

impl QEstimator {
    /// One estimate for each row of `features`, `[rows, width]`.
    ///
    /// `negative_part` is [`mean_negative_part`] for the same rows; the plain estimate does not read it.
    ///
    /// # Errors
    ///
    /// Features of another width, values that are not finite, a return outside `[0, H]` by more than 1e-6, another
    /// number of negative parts than of rows where they are used.
    pub fn estimate(
        self,
        inverse: &InverseCovariance,
        features: &[f64],
        visit: &Visit,
        negative_part: &[f64],
    ) -> Result<Vec<f64>, InputError> {
        inverse.check_features("features", features)?;
        check_visit(inverse, visit)?;
        let visited = inverse.times(visit.feature);
        let horizon = visit.horizon as f64;
        let weights = features
            .chunks(inverse.width())
            .map(|feature| dot(feature, &visited));
        match self {
            Self::Plain => Ok(weights.map(|z| z * visit.cumulative_loss).collect()),
            Self::MagnitudeReduced => {
                let rows = features.len() / inverse.width();
                check_negative_part(negative_part, rows)?;
                Ok(weights
                    .zip(negative_part)
                    .map(|(z, m)| z * visit.cumulative_loss - horizon * z.min(0.0) + horizon * m)
                    .collect())
            }
        }
    }
}

/// The mean negative weight of each row, over pairs that the policy visits.
///
/// ```text
/// m(φ) = Σ_i w_i min(φᵀ M φ_i, 0)
/// ```
///
/// `features` is `[rows, width]`, `visited` is `[pairs, width]`, `weights` is `[pairs]`: the occupancy for the exact
/// mean, 1/n each for n pairs that were drawn. The pairs must come from the policy that produced the path.
///
/// # Errors
///
/// Features of another width, no pair, another number of weights than of pairs, a negative weight, a value that is not
/// finite.
///
/// ```
/// use candor_online::mdp::{InverseCovariance, mean_negative_part};
///
/// let inverse = InverseCovariance::new(1, vec![2.0])?;
/// assert_eq!(mean_negative_part(&inverse, &[1.0], &[1.0, -0.5], &[0.75, 0.25])?, [-0.25]);
/// # Ok::<(), candor_core::InputError>(())
/// ```
pub fn mean_negative_part(
    inverse: &InverseCovariance,
    features: &[f64],
    visited: &[f64],
    weights: &[f64],
) -> Result<Vec<f64>, InputError> {
    const NAME: &str = "mean_negative_part";
    let width = inverse.width();
    inverse.check_features("features", features)?;
    inverse.check_features("visited", visited)?;
    InputError::check_not_empty(NAME, "visited", visited.len())?;
    InputError::check_dims(NAME, "weights", &[weights.len()], &[visited.len() / width])?;
    InputError::check_values(NAME, "weights", weights, "finite and >= 0", |weight| {
        weight.is_finite() && weight >= 0.0
    })?;
    let mut means = vec![0.0; features.len() / width];
    for (pair, &weight) in visited.chunks(width).zip(weights) {
        if weight > 0.0 {
            let direction = inverse.times(pair);
            for (mean, feature) in means.iter_mut().zip(features.chunks(width)) {
                *mean += weight * dot(feature, &direction).min(0.0);
            }
        }
    }
    Ok(means)
}

fn check_visit(inverse: &InverseCovariance, visit: &Visit) -> Result<(), InputError> {
    const NAME: &str = "QEstimator";
    let width = [inverse.width()];
    InputError::check_dims(NAME, "feature", &[visit.feature.len()], &width)?;
    InputError::check_finite(NAME, "feature", visit.feature)?;
    InputError::check_not_empty(NAME, "horizon", visit.horizon)?;
    let largest = visit.horizon as f64 + RETURN_TOLERANCE;
    InputError::check_values(
        NAME,
        "cumulative_loss",
        &[visit.cumulative_loss],
        "between 0 and the horizon",
        |value| (-RETURN_TOLERANCE..=largest).contains(&value),
    )
}

fn check_negative_part(negative_part: &[f64], rows: usize) -> Result<(), InputError> {
    const NAME: &str = "QEstimator";
    InputError::check_dims(NAME, "negative_part", &[negative_part.len()], &[rows])?;
    InputError::check_values(
        NAME,
        "negative_part",
        negative_part,
        "finite and <= 0",
        |m| m.is_finite() && m <= 0.0,
    )
}
