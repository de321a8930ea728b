use candor_core::InputError;

use super::pair;
use crate::correlation::pearson;

/// Pearson's correlation r.
///
/// A side whose spread is below 1e-12 of its largest magnitude counts as constant: below that, rounding would be
/// correlated.
///
/// # Errors
///
/// Lengths that differ, values that are not finite; undefined where a side is constant or has one entry.
///
/// Source: Pearson (1895), Note on regression and inheritance in the case of two parents, Proc. R. Soc. 58.
///
/// ```
/// use candor_metrics::agreement::pearson_r;
///
/// assert!((pearson_r(&[1.0, 2.0, 3.0], &[-2.0, -4.0, -6.0]).unwrap() + 1.0).abs() < 1e-15);
/// ```
pub fn pearson_r(left: &[f64], right: &[f64]) -> Result<f64, InputError> {
    const NAME: &str = "pearson_r";
    pair::check(NAME, left, right)?;
    pearson(left, right).ok_or_else(|| pair::undefined(NAME))
}
