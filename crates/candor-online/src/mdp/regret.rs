use candor_core::InputError;

use super::{ActionTable, TabularDynamics, best_fixed_policy};

/// What a learner's episodes cost beyond the best fixed policy.
///
/// ```text
/// R = Σ_k V_k(π_k) − min_π Σ_k V_k(π)
/// ```
///
/// `losses` holds the full losses of every episode, `values` the expected cost of the policy played in it. Regret can
/// be negative: a learner may follow a change that no fixed policy can.
///
/// # Errors
///
/// No episode, another number of values than of losses, losses of another shape than the dynamics, a value that is not
/// finite.
///
/// ```
/// use candor_online::mdp::{ActionTable, TabularDynamics, regret};
///
/// let dynamics = TabularDynamics::new([1, 1, 2], vec![], vec![1.0])?;
/// let losses = [vec![0.0, 1.0], vec![0.2, 0.4]].map(|row| ActionTable::new([1, 1, 2], row).unwrap());
/// // Uniform play costs 0.5 and 0.3; action 0 costs 0 and 0.2.
/// assert!((regret(&dynamics, &losses, &[0.5, 0.3])? - 0.6).abs() < 1e-12);
/// # Ok::<(), candor_core::InputError>(())
/// ```
pub fn regret(
    dynamics: &TabularDynamics,
    losses: &[ActionTable],
    values: &[f64],
) -> Result<f64, InputError> {
    const NAME: &str = "regret";
    InputError::check_not_empty(NAME, "losses", losses.len())?;
    InputError::check_dims(NAME, "values", &[values.len()], &[losses.len()])?;
    InputError::check_finite(NAME, "values", values)?;
    let mut total = ActionTable::zeros(dynamics.shape());
    for losses in losses {
        losses.check_shape(NAME, "losses", dynamics.shape())?;
        total.add_scaled(1.0, losses);
    }
    Ok(values.iter().sum::<f64>() - best_fixed_policy(dynamics, &total)?.value)
}
