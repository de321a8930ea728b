use candor_core::InputError;

use super::object;
use crate::ranking::superiority;

/// Area under the ROC curve of the attributions as a detector of the mask, ties counting half.
///
/// ```text
/// P(a_inside > a_outside) + ½ P(a_inside = a_outside)
/// ```
///
/// Without a feature outside there is nothing to tell apart: 0.
///
/// # Errors
///
/// Lengths that differ, an empty mask, attributions that are not finite.
///
/// Source: Fawcett (2006), An introduction to ROC analysis, Pattern Recognition Letters 27(8).
///
/// ```
/// use candor_metrics::localisation::localisation_auc;
///
/// assert_eq!(localisation_auc(&[3.0, 1.0, 1.0], &[true, true, false]).unwrap(), 0.75);
/// ```
pub fn localisation_auc(attributions: &[f64], mask: &[bool]) -> Result<f64, InputError> {
    object::size("localisation_auc", attributions, mask)?;
    let side = |wanted: bool| -> Vec<f64> {
        let chosen = attributions
            .iter()
            .zip(mask)
            .filter(|&(_, &inside)| inside == wanted);
        chosen.map(|(&value, _)| value).collect()
    };
    let outside = side(false);
    Ok(if outside.is_empty() {
        0.0
    } else {
        superiority(&side(true), &outside)
    })
}
