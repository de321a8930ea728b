use candor_core::InputError;

use super::conditional_infimum::check_simplex;
use super::{conditional_infimum, phi};

/// M_τ = best-in-class risk - mean C*_τ(p): what the hypotheses cannot reach, whatever the training.
///
/// `p` holds the class probabilities of each example. The best risk is the caller's: a negative gap means that it
/// was too low, and is returned as it is.
///
/// ```
/// use candor_losses::classification::consistency::minimizability_gap;
///
/// let gap = minimizability_gap(0.5, &[vec![1.0, 0.0], vec![0.75, 0.25]], 2.0).unwrap();
/// assert_eq!(gap, 0.5 - 0.125);
/// ```
///
/// # Errors
///
/// A risk that is not finite, no row, or what [`conditional_infimum`] refuses.
pub fn minimizability_gap(
    best_in_class_risk: f64,
    p: &[Vec<f64>],
    tau: f64,
) -> Result<f64, InputError> {
    check_risk(best_in_class_risk)?;
    Ok(best_in_class_risk - mean(p, |row| conditional_infimum(row, tau))?)
}

/// An upper bound of M_τ for every τ from one number, the best-in-class risk at τ = 0: Φ^τ(risk) - mean C*_τ(p).
///
/// # Errors
///
/// A risk that is negative or not finite, no row, or what [`conditional_infimum`] refuses.
pub fn minimizability_gap_upper(
    best_in_class_risk_at_zero: f64,
    p: &[Vec<f64>],
    tau: f64,
) -> Result<f64, InputError> {
    check_risk(best_in_class_risk_at_zero)?;
    minimizability_gap(phi(best_in_class_risk_at_zero, tau)?, p, tau)
}

/// The gap of the zero-one error: best-in-class error - (1 - mean of the largest probability).
///
/// # Errors
///
/// An error that is not finite, no row, or a row that is not a probability distribution.
pub fn zero_one_gap(best_in_class_error: f64, p: &[Vec<f64>]) -> Result<f64, InputError> {
    check_risk(best_in_class_error)?;
    Ok(best_in_class_error - 1.0 + mean(p, |row| check_simplex("zero_one_gap", row))?)
}

fn check_risk(risk: f64) -> Result<(), InputError> {
    InputError::check_finite("minimizability_gap", "best-in-class risk", &[risk])
}

fn mean(
    rows: &[Vec<f64>],
    value: impl Fn(&[f64]) -> Result<f64, InputError>,
) -> Result<f64, InputError> {
    InputError::check_not_empty("minimizability_gap", "p", rows.len())?;
    let values = rows
        .iter()
        .map(|row| value(row))
        .collect::<Result<Vec<f64>, _>>()?;
    Ok(values.iter().sum::<f64>() / rows.len() as f64)
}
