use candor_core::InputError;

/// How many features an explanation uses: those whose magnitude exceeds `epsilon`. Lower is simpler.
///
/// ```text
/// #{i : |a_i| > ε}
/// ```
///
/// The usual ε is 1e-5. It is in the attributions' own units: scale methods alike before comparing them.
///
/// # Errors
///
/// No value, or one that is not finite; an `epsilon` that is negative or not finite.
///
/// Source: Nguyen, Martínez (2020), On quantitative aspects of model interpretability, arXiv 2007.07584.
///
/// ```
/// use candor_metrics::complexity::effective_complexity;
///
/// assert_eq!(effective_complexity(&[0.5, -0.2, 1e-9], 1e-5).unwrap(), 2);
/// ```
pub fn effective_complexity(attributions: &[f64], epsilon: f64) -> Result<usize, InputError> {
    const NAME: &str = "effective_complexity";
    InputError::check_not_empty(NAME, "attributions", attributions.len())?;
    InputError::check_finite(NAME, "attributions", attributions)?;
    InputError::check_values(NAME, "epsilon", &[epsilon], "finite and >= 0", |epsilon| {
        epsilon.is_finite() && epsilon >= 0.0
    })?;
    Ok(attributions
        .iter()
        .filter(|value| value.abs() > epsilon)
        .count())
}
