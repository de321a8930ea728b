use candor_core::InputError;

use super::object;
use crate::ranking::descending;

/// Pointing game: whether the largest attribution lies inside the mask. Of tied maxima the first counts.
///
/// # Errors
///
/// Lengths that differ, an empty mask, attributions that are not finite.
///
/// Source: Zhang et al. (2018), Top-down neural attention by excitation backprop, arXiv 1608.00507.
///
/// ```
/// use candor_metrics::localisation::pointing_game;
///
/// assert!(pointing_game(&[0.1, 0.9, -2.0], &[false, true, false]).unwrap());
/// ```
pub fn pointing_game(attributions: &[f64], mask: &[bool]) -> Result<bool, InputError> {
    object::size("pointing_game", attributions, mask)?;
    Ok(mask[descending(attributions)[0]])
}
