use candor_core::InputError;

use super::magnitudes::scaled_magnitudes;

/// Gini index of the attributions' magnitudes: 0 for equal ones, (d − 1)/d when a single feature has everything.
///
/// ```text
/// Σ_i (2i − d − 1) |a|_(i) / (d Σ |a|),   |a| ascending, i = 1..d
/// ```
///
/// Higher is sparser. All zero gives 0.
///
/// # Errors
///
/// No value, or one that is not finite.
///
/// Source: Chalasani et al. (2020), Concise explanations of neural networks using adversarial training,
/// arXiv 1810.06583.
///
/// ```
/// use candor_metrics::complexity::gini;
///
/// assert_eq!(gini(&[0.0, -3.0]).unwrap(), 0.5);
/// assert_eq!(gini(&[2.0, 2.0]).unwrap(), 0.0);
/// ```
pub fn gini(attributions: &[f64]) -> Result<f64, InputError> {
    let Some(mut magnitudes) = scaled_magnitudes("gini", attributions)? else {
        return Ok(0.0);
    };
    magnitudes.sort_by(f64::total_cmp);
    let features = magnitudes.len() as f64;
    let weighted: f64 = magnitudes
        .iter()
        .enumerate()
        .map(|(index, magnitude)| (2.0 * (index + 1) as f64 - features - 1.0) * magnitude)
        .sum();
    Ok(weighted / (features * magnitudes.iter().sum::<f64>()))
}
