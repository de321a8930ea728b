use candor_core::InputError;

/// TOFU's model utility: the harmonic mean of what the model can still do.
///
/// ```text
/// n / Σ 1/v
/// ```
///
/// The nine values of TOFU are probability, ROUGE-L recall and truth-ratio utility score on the retain set, on real
/// authors and on world facts. A single 0 gives 0.
///
/// # Errors
///
/// No value, or one that is negative or not finite.
///
/// Source: Maini et al. (2024), TOFU, arXiv 2401.06121.
///
/// ```
/// use candor_metrics::forgetting::model_utility;
///
/// assert_eq!(model_utility(&[1.0, 0.5, 0.5]).unwrap(), 0.6);
/// assert_eq!(model_utility(&[1.0, 0.0]).unwrap(), 0.0);
/// ```
pub fn model_utility(values: &[f64]) -> Result<f64, InputError> {
    const NAME: &str = "model_utility";
    InputError::check_not_empty(NAME, "values", values.len())?;
    InputError::check_values(NAME, "values", values, "finite and >= 0", |value| {
        value.is_finite() && value >= 0.0
    })?;
    // 1/0 is infinite and n/∞ is 0, as it should be.
    Ok(values.len() as f64 / values.iter().map(|value| value.abs().recip()).sum::<f64>())
}
