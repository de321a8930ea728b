use candor_core::InputError;

/// The transform Φ^τ(u) = ((1 + u)^(1-τ) - 1) / (1 - τ) of the comp-sum family, `log(1 + u)` at τ = 1.
///
/// ```
/// use candor_losses::classification::consistency::phi;
///
/// assert!((phi(3.0, 2.0).unwrap() - 0.75).abs() < 1e-15); // 1 - 1/4
/// ```
///
/// # Errors
///
/// A `u` that is negative or NaN, a τ that is negative or not finite.
pub fn phi(u: f64, tau: f64) -> Result<f64, InputError> {
    InputError::check_values("phi", "u", &[u], ">= 0", |u| u >= 0.0)?;
    check_tau("phi", tau)?;
    Ok(from_logarithm(u.ln_1p(), tau))
}

/// Φ^τ from `log(1 + u)`, also for negative logarithms.
pub(super) fn from_logarithm(log_one_plus_u: f64, tau: f64) -> f64 {
    let slope = 1.0 - tau;
    if is_cross_entropy(tau) {
        log_one_plus_u
    } else {
        (slope * log_one_plus_u).exp_m1() / slope
    }
}

/// Whether τ is taken for 1.
pub(super) fn is_cross_entropy(tau: f64) -> bool {
    (tau - 1.0).abs() < 1e-6
}

/// Refuses a τ that is negative or not finite.
pub(super) fn check_tau(component: &'static str, tau: f64) -> Result<(), InputError> {
    let legal = |tau: f64| tau.is_finite() && tau >= 0.0;
    InputError::check_values(component, "tau", &[tau], "finite and >= 0", legal)
}
