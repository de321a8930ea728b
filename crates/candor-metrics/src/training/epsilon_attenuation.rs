use candor_core::InputError;

/// How much of Adam's update its ε leaves to a parameter whose gradients have this root mean square.
///
/// ```text
/// ρ / (ρ + ε):   ½ at ρ = ε, near 1 far above it
/// ```
///
/// Gradients shrink as models and learning rates grow, those of embeddings and first layers before others. When they reach
/// ε, learning stalls there; within a factor of ten of it, lower ε (1e-15 costs nothing). A gradient of 0 gives 0.
///
/// # Errors
///
/// A root mean square that is negative or not finite, an ε that is not finite and above zero.
///
/// Source: Wortsman et al., 2023, arXiv 2309.14322.
///
/// ```
/// use candor_metrics::training::epsilon_attenuation;
///
/// assert_eq!(epsilon_attenuation(1e-8, 1e-8).unwrap(), 0.5);
/// ```
pub fn epsilon_attenuation(gradient_rms: f64, epsilon: f64) -> Result<f64, InputError> {
    const NAME: &str = "epsilon_attenuation";
    let rms = [gradient_rms];
    InputError::check_values(NAME, "gradient_rms", &rms, "finite and >= 0", |rms| {
        rms.is_finite() && rms >= 0.0
    })?;
    InputError::check_values(NAME, "epsilon", &[epsilon], "finite and > 0", |epsilon| {
        epsilon.is_finite() && epsilon > 0.0
    })?;
    // Halves: the sum of two large numbers must not overflow.
    Ok(0.5 * gradient_rms / (0.5 * gradient_rms + 0.5 * epsilon))
}
