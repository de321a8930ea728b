use candor_core::InputError;

use super::object;

/// Relevance rank accuracy: of as many top features as the mask holds, the share inside it.
///
/// # Errors
///
/// Lengths that differ, an empty mask, attributions that are not finite.
///
/// Source: Arras, Osman, Samek (2022), CLEVR-XAI, arXiv 2003.07258.
///
/// ```
/// use candor_metrics::localisation::relevance_rank_accuracy;
///
/// // The two largest are features 0 and 1; the mask holds 1 and 2.
/// assert_eq!(relevance_rank_accuracy(&[3.0, 2.0, 1.0], &[false, true, true]).unwrap(), 0.5);
/// ```
pub fn relevance_rank_accuracy(attributions: &[f64], mask: &[bool]) -> Result<f64, InputError> {
    let size = object::size("relevance_rank_accuracy", attributions, mask)?;
    super::top_k_intersection(attributions, mask, size)
}
