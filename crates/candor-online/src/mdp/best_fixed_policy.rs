use candor_core::InputError;

use super::backward::{Induction, backward_induction};
use super::policy::dot;
use super::{ActionTable, TabularDynamics};

/// The best policy in hindsight, and what it costs.
#[derive(Debug, Clone, PartialEq)]
pub struct BestFixedPolicy {
    /// The action of every layer and state.
    pub actions: Vec<Vec<usize>>,
    /// Its cost from each first state.
    pub state_values: Vec<f64>,
    /// Its cost.
    pub value: f64,
}

/// The policy that would have cost least, given the losses summed over all episodes.
///
/// Since the dynamics do not change, the sum of the values of a policy is its value on the summed losses, so that one
/// backward induction finds the minimum over all policies. Of equal actions the first is taken.
///
/// # Errors
///
/// Losses of another shape than the dynamics.
///
/// ```
/// use candor_online::mdp::{ActionTable, TabularDynamics, best_fixed_policy};
///
/// let dynamics = TabularDynamics::new([1, 1, 3], vec![], vec![1.0])?;
/// let best = best_fixed_policy(&dynamics, &ActionTable::new([1, 1, 3], vec![5.0, 2.0, 2.0])?)?;
/// assert_eq!((best.value, best.actions), (2.0, vec![vec![1]]));
/// # Ok::<(), candor_core::InputError>(())
/// ```
pub fn best_fixed_policy(
    dynamics: &TabularDynamics,
    total_losses: &ActionTable,
) -> Result<BestFixedPolicy, InputError> {
    let [layers, states, _] = dynamics.shape();
    total_losses.check_shape("best_fixed_policy", "total_losses", dynamics.shape())?;
    let mut actions = vec![vec![0; states]; layers];
    let Induction { state_values, .. } =
        backward_induction(dynamics, total_losses, 1.0, |layer, state, values| {
            let (action, value) = first_smallest(values);
            actions[layer][state] = action;
            value
        });
    let value = dot(dynamics.initial(), &state_values);
    Ok(BestFixedPolicy {
        actions,
        state_values,
        value,
    })
}

fn first_smallest(values: &[f64]) -> (usize, f64) {
    let smallest = values.iter().copied().fold(f64::INFINITY, f64::min);
    let index = values.iter().position(|&value| value <= smallest);
    (index.unwrap_or(0), smallest)
}
