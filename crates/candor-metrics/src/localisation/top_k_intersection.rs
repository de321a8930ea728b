use candor_core::InputError;

use super::object;
use crate::ranking::descending;

/// Top-k intersection: the share of the k largest attributions that lies inside the mask.
///
/// # Errors
///
/// Lengths that differ, an empty mask, attributions that are not finite, a k outside 1..=d.
///
/// Source: Theiner, Müller-Budack, Ewerth (2021), Interpretable semantic photo geolocation, arXiv 2104.14995.
///
/// ```
/// use candor_metrics::localisation::top_k_intersection;
///
/// assert_eq!(top_k_intersection(&[3.0, 2.0, 1.0], &[true, false, false], 2).unwrap(), 0.5);
/// ```
pub fn top_k_intersection(
    attributions: &[f64],
    mask: &[bool],
    k: usize,
) -> Result<f64, InputError> {
    const NAME: &str = "top_k_intersection";
    object::size(NAME, attributions, mask)?;
    InputError::check_values(
        NAME,
        "k",
        &[k as f64],
        "between 1 and the number of features",
        |k| k >= 1.0 && k <= attributions.len() as f64,
    )?;
    let inside = descending(attributions)[..k]
        .iter()
        .filter(|&&feature| mask[feature])
        .count();
    Ok(inside as f64 / k as f64)
}
