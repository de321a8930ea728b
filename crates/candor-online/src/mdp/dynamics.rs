use candor_core::InputError;

use super::distribution::check_distributions;

/// Where a layered decision process starts, and where each action leads.
///
/// Layers are numbered 0 to H - 1; the transition out of the last one is not asked for.
///
/// ```
/// use candor_online::mdp::TabularDynamics;
///
/// // Two layers, two states, one action that always leads to state 1.
/// let dynamics = TabularDynamics::new([2, 2, 1], vec![0.0, 1.0, 0.0, 1.0], vec![1.0, 0.0])?;
/// assert_eq!(dynamics.successors(0, 0, 0), [0.0, 1.0]);
/// assert!(dynamics.successors(1, 0, 0).is_empty());
/// # Ok::<(), candor_core::InputError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TabularDynamics {
    shape: [usize; 3],
    transition: Vec<f64>,
    initial: Vec<f64>,
}

impl TabularDynamics {
    /// Dynamics of `[layers, states, actions]`.
    ///
    /// `transition` is `[layers - 1, states, actions, states]`, row-major, and empty of one layer; `initial` is `[states]`.
    ///
    /// # Errors
    ///
    /// An axis of length zero, a wrong length, a negative entry or NaN, a row that does not sum to 1 within 1e-4.
    pub fn new(
        shape: [usize; 3],
        transition: Vec<f64>,
        initial: Vec<f64>,
    ) -> Result<Self, InputError> {
        const NAME: &str = "TabularDynamics";
        let [layers, states, actions] = shape;
        InputError::check_not_empty(NAME, "shape", layers * states * actions)?;
        let wanted = (layers - 1) * states * actions * states;
        InputError::check_dims(NAME, "transition", &[transition.len()], &[wanted])?;
        InputError::check_dims(NAME, "initial", &[initial.len()], &[states])?;
        check_distributions(NAME, "transition", &transition, states)?;
        check_distributions(NAME, "initial", &initial, states)?;
        Ok(Self {
            shape,
            transition,
            initial,
        })
    }

    /// `[layers, states, actions]`.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// The number of layers H, which is the length of every path.
    pub fn horizon(&self) -> usize {
        self.shape[0]
    }

    /// The distribution of the first state.
    pub fn initial(&self) -> &[f64] {
        &self.initial
    }

    /// The distribution of the next state; empty in the last layer.
    ///
    /// # Panics
    ///
    /// On a layer, state or action that is not there.
    pub fn successors(&self, layer: usize, state: usize, action: usize) -> &[f64] {
        let [layers, states, actions] = self.shape;
        assert!(
            layer < layers && state < states && action < actions,
            "(layer {layer}, state {state}, action {action}) is not in {:?}",
            self.shape
        );
        if layer + 1 == layers {
            return &[];
        }
        let start = ((layer * states + state) * actions + action) * states;
        &self.transition[start..start + states]
    }
}
