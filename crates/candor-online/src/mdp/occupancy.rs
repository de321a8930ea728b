use candor_core::InputError;

use super::{ActionTable, Policy, TabularDynamics};

/// How often a policy is in a state and takes an action: a distribution in every layer.
///
/// ```text
/// q[0] = ρ π,   q[h + 1, s', ·] = π Σ_{s, a} q[h, s, a] P[h, s, a, s']
/// ```
///
/// A state that the policy cannot reach has occupancy 0.
///
/// # Errors
///
/// A policy of another shape than the dynamics.
///
/// ```
/// use candor_online::mdp::{Policy, TabularDynamics, occupancy};
///
/// // State 0 leads to state 1, whatever is played.
/// let dynamics = TabularDynamics::new([2, 2, 1], vec![0.0, 1.0, 0.0, 1.0], vec![1.0, 0.0])?;
/// let visits = occupancy(&dynamics, &Policy::uniform([2, 2, 1])?)?;
/// assert_eq!(visits.values(), [1.0, 0.0, 0.0, 1.0]);
/// # Ok::<(), candor_core::InputError>(())
/// ```
pub fn occupancy(dynamics: &TabularDynamics, policy: &Policy) -> Result<ActionTable, InputError> {
    policy
        .table()
        .check_shape("occupancy", "policy", dynamics.shape())?;
    let [layers, states, _] = dynamics.shape();
    let mut occupancy = ActionTable::zeros(dynamics.shape());
    let mut reached = dynamics.initial().to_vec();
    for layer in 0..layers {
        let mut next = vec![0.0; states];
        for (state, &mass) in reached.iter().enumerate() {
            let row = occupancy.row_mut(layer, state);
            for (action, (share, probability)) in
                row.iter_mut().zip(policy.row(layer, state)).enumerate()
            {
                *share = mass * probability;
                let successors = dynamics.successors(layer, state, action);
                for (next, successor) in next.iter_mut().zip(successors) {
                    *next += *share * successor;
                }
            }
        }
        reached = next;
    }
    Ok(occupancy)
}
