//! The preconditions of losses whose targets are numbers, one for each class.

use burn::tensor::Tensor;
use candor_core::{InputError, host};

/// Refuses another shape than `wanted`, an empty one, and targets that are not legal.
pub(super) fn check_targets(
    component: &'static str,
    targets: &Tensor<2>,
    wanted: [usize; 2],
    range: &'static str,
    legal: impl Fn(f64) -> bool,
) -> Result<(), InputError> {
    InputError::check_dims(component, "targets", &targets.dims(), &wanted)?;
    InputError::check_not_empty(component, "targets", targets.shape().num_elements())?;
    InputError::check_values(component, "targets", &host::floats(targets), range, legal)
}
