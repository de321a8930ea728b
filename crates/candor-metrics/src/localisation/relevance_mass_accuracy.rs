use candor_core::InputError;

use super::object;

/// Relevance mass accuracy: the share of the positive attribution that lies inside the mask, 0 where none is positive.
///
/// # Errors
///
/// Lengths that differ, an empty mask, attributions that are not finite.
///
/// Source: Arras, Osman, Samek (2022), CLEVR-XAI, arXiv 2003.07258.
///
/// ```
/// use candor_metrics::localisation::relevance_mass_accuracy;
///
/// assert_eq!(relevance_mass_accuracy(&[3.0, 1.0, -5.0], &[true, false, true]).unwrap(), 0.75);
/// ```
pub fn relevance_mass_accuracy(attributions: &[f64], mask: &[bool]) -> Result<f64, InputError> {
    object::size("relevance_mass_accuracy", attributions, mask)?;
    let largest = attributions.iter().copied().fold(0.0, f64::max);
    if largest == 0.0 {
        return Ok(0.0);
    }
    // Over the largest, so that sums neither overflow nor vanish.
    let positive = attributions.iter().map(|value| value.max(0.0) / largest);
    let inside = positive
        .clone()
        .zip(mask)
        .filter(|&(_, &inside)| inside)
        .map(|(value, _)| value);
    Ok(inside.sum::<f64>() / positive.sum::<f64>())
}
