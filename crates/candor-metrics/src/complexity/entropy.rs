use candor_core::InputError;

use super::magnitudes::scaled_magnitudes;

/// Entropy of the attributions' magnitudes as a distribution, in nats: 0 for one feature, ln d for d equal ones.
///
/// ```text
/// −Σ P ln P,   P = |a| / Σ |a|,   0 ln 0 = 0
/// ```
///
/// Lower is simpler. All zero gives 0.
///
/// # Errors
///
/// No value, or one that is not finite.
///
/// Source: Bhatt, Weller, Moura (2020), arXiv 2005.00631 (there "complexity").
///
/// ```
/// use candor_metrics::complexity::entropy;
///
/// assert!((entropy(&[1.0, -1.0]).unwrap() - 2f64.ln()).abs() < 1e-15);
/// ```
pub fn entropy(attributions: &[f64]) -> Result<f64, InputError> {
    let Some(magnitudes) = scaled_magnitudes("entropy", attributions)? else {
        return Ok(0.0);
    };
    let total: f64 = magnitudes.iter().sum();
    let shares = magnitudes.iter().map(|magnitude| magnitude / total);
    let terms = shares
        .filter(|&share| share > 0.0)
        .map(|share| -share * share.ln());
    // A single feature gives -0, which prints as such.
    Ok(terms.sum::<f64>().max(0.0))
}
