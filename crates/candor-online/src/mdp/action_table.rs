use candor_core::InputError;

/// One number for every layer, state and action: losses, action values, bonuses, occupancies.
///
/// Row-major in the order (layer, state, action).
///
/// ```
/// use candor_online::mdp::ActionTable;
///
/// // One layer, two states, two actions.
/// let losses = ActionTable::new([1, 2, 2], vec![0.1, 0.2, 0.3, 0.4])?;
/// assert_eq!(losses.row(0, 1), [0.3, 0.4]);
/// # Ok::<(), candor_core::InputError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ActionTable {
    shape: [usize; 3],
    values: Vec<f64>,
}

impl ActionTable {
    /// A table of `[layers, states, actions]`.
    ///
    /// # Errors
    ///
    /// An axis of length zero, another number of values than the shape asks for, or one that is not finite.
    pub fn new(shape: [usize; 3], values: Vec<f64>) -> Result<Self, InputError> {
        const NAME: &str = "ActionTable";
        let size = shape.iter().product();
        InputError::check_not_empty(NAME, "values", size)?;
        InputError::check_dims(NAME, "values", &[values.len()], &[size])?;
        InputError::check_finite(NAME, "values", &values)?;
        Ok(Self { shape, values })
    }

    /// Zero everywhere; for tables that are filled afterwards.
    pub(super) fn zeros(shape: [usize; 3]) -> Self {
        Self::filled(shape, 0.0)
    }

    /// The same number everywhere.
    pub(super) fn filled(shape: [usize; 3], value: f64) -> Self {
        Self {
            shape,
            values: vec![value; shape.iter().product()],
        }
    }

    /// `[layers, states, actions]`.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// All values, row-major.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The values of all actions in a state.
    ///
    /// # Panics
    ///
    /// On a layer or state that is not there.
    pub fn row(&self, layer: usize, state: usize) -> &[f64] {
        let [_, states, actions] = self.shape;
        assert!(state < states, "state {state} of {states} does not exist");
        let start = (layer * states + state) * actions;
        &self.values[start..start + actions]
    }

    pub(super) fn row_mut(&mut self, layer: usize, state: usize) -> &mut [f64] {
        let [_, states, actions] = self.shape;
        let start = (layer * states + state) * actions;
        &mut self.values[start..start + actions]
    }

    /// The values of a layer, states times actions.
    pub(super) fn layer(&self, layer: usize) -> &[f64] {
        let width = self.shape[1] * self.shape[2];
        &self.values[layer * width..(layer + 1) * width]
    }

    pub(super) fn layer_mut(&mut self, layer: usize) -> &mut [f64] {
        let width = self.shape[1] * self.shape[2];
        &mut self.values[layer * width..(layer + 1) * width]
    }

    /// Adds `factor` times another table of the same shape.
    pub(super) fn add_scaled(&mut self, factor: f64, other: &Self) {
        for (value, other) in self.values.iter_mut().zip(&other.values) {
            *value += factor * other;
        }
    }

    /// Refuses a table of another shape.
    pub(super) fn check_shape(
        &self,
        component: &'static str,
        argument: &'static str,
        wanted: [usize; 3],
    ) -> Result<(), InputError> {
        InputError::check_dims(component, argument, &self.shape, &wanted)
    }
}
