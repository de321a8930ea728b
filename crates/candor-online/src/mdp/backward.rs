//! Backward induction, which evaluates policies, finds the best one and carries bonuses back.

use super::policy::dot;
use super::{ActionTable, TabularDynamics};

/// Action values of all layers, and state values of the first.
pub(super) struct Induction {
    pub(super) action_values: ActionTable,
    pub(super) state_values: Vec<f64>,
}

/// `Q[h] = cost[h] + future · P[h] V[h + 1]`, where `state_value(h, s, Q[h, s])` gives `V[h, s]`.
pub(super) fn backward_induction(
    dynamics: &TabularDynamics,
    cost: &ActionTable,
    future: f64,
    mut state_value: impl FnMut(usize, usize, &[f64]) -> f64,
) -> Induction {
    let [layers, states, actions] = dynamics.shape();
    let mut action_values = cost.clone();
    let mut next = vec![0.0; states];
    for layer in (0..layers).rev() {
        let mut values = Vec::with_capacity(states);
        for state in 0..states {
            let row = action_values.row_mut(layer, state);
            for (action, value) in row.iter_mut().enumerate().take(actions) {
                *value += future * dot(dynamics.successors(layer, state, action), &next);
            }
            values.push(state_value(layer, state, row));
        }
        next = values;
    }
    Induction {
        action_values,
        state_values: next,
    }
}
