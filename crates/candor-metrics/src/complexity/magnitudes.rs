//! Attributions without sign and unit.

use candor_core::InputError;

use crate::ranking::absolute;

/// Magnitudes over the largest of them, or nothing where all are zero: sums then neither overflow nor vanish.
pub(super) fn scaled_magnitudes(
    component: &'static str,
    attributions: &[f64],
) -> Result<Option<Vec<f64>>, InputError> {
    InputError::check_not_empty(component, "attributions", attributions.len())?;
    InputError::check_finite(component, "attributions", attributions)?;
    let magnitudes = absolute(attributions);
    let largest = magnitudes.iter().copied().fold(0.0, f64::max);
    Ok((largest > 0.0).then(|| magnitudes.iter().map(|value| value / largest).collect()))
}
