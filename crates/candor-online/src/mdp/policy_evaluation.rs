use candor_core::InputError;

use super::backward::{Induction, backward_induction};
use super::policy::dot;
use super::{ActionTable, Policy, TabularDynamics};

/// What a policy costs under known dynamics and losses.
///
/// ```text
/// Q[h] = l[h] + P[h] V[h + 1],   V[h] = Σ_a π Q,   V[H] = 0
/// ```
///
/// Losses may be any finite numbers.
///
/// ```
/// use candor_online::mdp::{ActionTable, Policy, PolicyEvaluation, TabularDynamics};
///
/// // Two layers, one state, two actions played equally often: 0.5 · (0 + 1) + 0.5 · (0.2 + 0.4).
/// let dynamics = TabularDynamics::new([2, 1, 2], vec![1.0, 1.0], vec![1.0])?;
/// let losses = ActionTable::new([2, 1, 2], vec![0.0, 1.0, 0.2, 0.4])?;
/// let evaluation = PolicyEvaluation::of(&dynamics, &Policy::uniform([2, 1, 2])?, &losses)?;
/// assert!((evaluation.value - 0.8).abs() < 1e-12);
/// # Ok::<(), candor_core::InputError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyEvaluation {
    /// Expected loss from a state on, after an action.
    pub action_values: ActionTable,
    /// Expected loss of a whole episode, from each first state.
    pub state_values: Vec<f64>,
    /// Expected loss of a whole episode.
    pub value: f64,
}

impl PolicyEvaluation {
    /// Evaluates a policy by backward induction.
    ///
    /// # Errors
    ///
    /// A policy or losses of another shape than the dynamics.
    pub fn of(
        dynamics: &TabularDynamics,
        policy: &Policy,
        losses: &ActionTable,
    ) -> Result<Self, InputError> {
        const NAME: &str = "PolicyEvaluation";
        policy
            .table()
            .check_shape(NAME, "policy", dynamics.shape())?;
        losses.check_shape(NAME, "losses", dynamics.shape())?;
        let Induction {
            action_values,
            state_values,
        } = backward_induction(dynamics, losses, 1.0, |layer, state, values| {
            policy.mean(layer, state, values)
        });
        let value = dot(dynamics.initial(), &state_values);
        Ok(Self {
            action_values,
            state_values,
            value,
        })
    }
}
