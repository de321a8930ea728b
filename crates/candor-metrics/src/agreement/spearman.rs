use candor_core::InputError;

use super::pair;
use crate::correlation::spearman;

/// Spearman's rank correlation ρ: Pearson's correlation of the ranks, tied values sharing their mean rank.
///
/// # Errors
///
/// Lengths that differ, values that are not finite; undefined where a side is constant or has one entry.
///
/// Source: Spearman (1904), The proof and measurement of association between two things, Am. J. Psychology 15(1).
///
/// ```
/// use candor_metrics::agreement::spearman_rho;
///
/// assert!((spearman_rho(&[1.0, 2.0, 3.0], &[10.0, 1000.0, 100.0]).unwrap() - 0.5).abs() < 1e-15);
/// ```
pub fn spearman_rho(left: &[f64], right: &[f64]) -> Result<f64, InputError> {
    const NAME: &str = "spearman_rho";
    pair::check(NAME, left, right)?;
    spearman(left, right).ok_or_else(|| pair::undefined(NAME))
}
