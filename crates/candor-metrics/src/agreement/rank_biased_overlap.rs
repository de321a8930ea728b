use candor_core::InputError;

use super::pair;
use crate::ranking::{absolute, descending};

const NAME: &str = "rank_biased_overlap";

/// Rank-biased overlap, extrapolated: overlap of the tops at every depth, deeper ones discounted by `persistence`.
///
/// ```text
/// X_d = size of the overlap of the first d features of both orders
/// RBO = (X_n / n) p^n + ((1 − p)/p) Σ_{d=1}^{n} (X_d / d) p^d
/// ```
///
/// Features are ordered by descending magnitude, ties going to the lower index. In \[0, 1\], 1 for the same order.
/// With p = 0.9, the usual choice, the first ten places carry 86 % of the weight.
///
/// # Errors
///
/// Lengths that differ, values that are not finite, a `persistence` outside (0, 1).
///
/// Source: Webber, Moffat, Zobel (2010), A similarity measure for indefinite rankings, ACM TOIS 28(4).
///
/// ```
/// use candor_metrics::agreement::rank_biased_overlap;
///
/// // X = 0, 2: (2/2)·0.25 + 1·(0·0.5 + 1·0.25)
/// assert_eq!(rank_biased_overlap(&[2.0, 1.0], &[1.0, 2.0], 0.5).unwrap(), 0.5);
/// ```
pub fn rank_biased_overlap(
    left: &[f64],
    right: &[f64],
    persistence: f64,
) -> Result<f64, InputError> {
    pair::check(NAME, left, right)?;
    InputError::check_values(
        NAME,
        "persistence",
        &[persistence],
        "in (0, 1)",
        |persistence| persistence > 0.0 && persistence < 1.0,
    )?;
    let (left, right) = (descending(&absolute(left)), descending(&absolute(right)));
    let mut seen = vec![0u8; left.len()];
    let (mut overlap, mut discount, mut sum) = (0.0, 1.0, 0.0);
    for (index, (&left, &right)) in left.iter().zip(&right).enumerate() {
        for feature in [left, right] {
            seen[feature] += 1;
            overlap += f64::from(u8::from(seen[feature] == 2));
        }
        // (1 − p)/p · p^d as (1 − p) p^(d−1), which has a value for every p.
        sum += overlap / (index + 1) as f64 * (1.0 - persistence) * discount;
        discount *= persistence;
    }
    // Both orders end with every feature seen: X_n / n = 1.
    Ok(sum + discount)
}
