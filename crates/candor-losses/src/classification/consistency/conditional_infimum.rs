use candor_core::InputError;

use super::phi::{check_tau, from_logarithm, is_cross_entropy};

/// The smallest conditional comp-sum risk C*_τ(p) that any scores reach at class probabilities `p`.
///
/// ```text
/// τ = 1: entropy of p     τ < 2: ((Σ p^(1/(2-τ)))^(2-τ) - 1) / (1-τ)     τ >= 2: (1 - max p) / (τ-1)
/// ```
///
/// ```
/// use candor_losses::classification::consistency::conditional_infimum;
///
/// assert!((conditional_infimum(&[0.5, 0.5], 1.0).unwrap() - 2f64.ln()).abs() < 1e-15);
/// assert_eq!(conditional_infimum(&[0.75, 0.25], 2.0).unwrap(), 0.25);
/// ```
///
/// # Errors
///
/// A τ that is negative or not finite, an empty `p`, an entry that is negative or not finite, a sum further than 1e-4
/// from 1.
pub fn conditional_infimum(p: &[f64], tau: f64) -> Result<f64, InputError> {
    check_tau("conditional_infimum", tau)?;
    let largest = check_simplex("conditional_infimum", p)?;
    if is_cross_entropy(tau) {
        return Ok(p.iter().filter(|&&p| p > 0.0).map(|p| -p * p.ln()).sum());
    }
    if tau >= 2.0 {
        return Ok((1.0 - largest) / (tau - 1.0));
    }
    // The largest term is taken out: p^(1/(2-τ)) underflows as τ comes near 2.
    let power = 1.0 / (2.0 - tau);
    let sum: f64 = p.iter().map(|p| (p / largest).powf(power)).sum();
    Ok(from_logarithm(
        (largest.ln() + sum.ln() / power) / (1.0 - tau),
        tau,
    ))
}

/// Refuses what is not a row of probabilities; the largest of them.
pub(super) fn check_simplex(component: &'static str, p: &[f64]) -> Result<f64, InputError> {
    InputError::check_not_empty(component, "p", p.len())?;
    let legal = |p: f64| p.is_finite() && p >= 0.0;
    InputError::check_values(component, "p", p, "finite and >= 0", legal)?;
    let sum = [p.iter().sum::<f64>()];
    InputError::check_values(component, "sum of p", &sum, "1 to within 1e-4", |sum| {
        (sum - 1.0).abs() <= 1e-4
    })?;
    Ok(p.iter().copied().fold(0.0, f64::max))
}
