use candor_core::InputError;

use super::ActionTable;
use super::distribution::check_distributions;

/// The probability of every action in every layer and state.
///
/// ```
/// use candor_online::mdp::Policy;
///
/// assert_eq!(Policy::uniform([1, 1, 4])?.row(0, 0), [0.25; 4]);
/// # Ok::<(), candor_core::InputError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    probabilities: ActionTable,
}

impl Policy {
    /// A policy from its table.
    ///
    /// # Errors
    ///
    /// A negative entry, or a row that does not sum to 1 within 1e-4.
    pub fn new(probabilities: ActionTable) -> Result<Self, InputError> {
        let [_, _, actions] = probabilities.shape();
        check_distributions("Policy", "probabilities", probabilities.values(), actions)?;
        Ok(Self { probabilities })
    }

    /// Every action equally likely.
    ///
    /// # Errors
    ///
    /// An axis of length zero.
    pub fn uniform(shape: [usize; 3]) -> Result<Self, InputError> {
        InputError::check_not_empty("Policy", "shape", shape.iter().product())?;
        Ok(Self::from_checked(ActionTable::filled(
            shape,
            1.0 / shape[2] as f64,
        )))
    }

    /// A table whose rows are distributions by construction.
    pub(super) fn from_checked(probabilities: ActionTable) -> Self {
        Self { probabilities }
    }

    /// The probabilities as a table.
    pub fn table(&self) -> &ActionTable {
        &self.probabilities
    }

    /// `[layers, states, actions]`.
    pub fn shape(&self) -> [usize; 3] {
        self.probabilities.shape()
    }

    /// The distribution over actions in a state.
    ///
    /// # Panics
    ///
    /// On a layer or state that is not there.
    pub fn row(&self, layer: usize, state: usize) -> &[f64] {
        self.probabilities.row(layer, state)
    }

    /// The mean of a state's action values.
    pub(super) fn mean(&self, layer: usize, state: usize, action_values: &[f64]) -> f64 {
        dot(self.row(layer, state), action_values)
    }
}

/// The inner product of two slices of one length.
pub(super) fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter()
        .zip(right)
        .map(|(left, right)| left * right)
        .sum()
}
