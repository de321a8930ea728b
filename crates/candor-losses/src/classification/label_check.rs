//! The preconditions that classification losses share, looked for on the host.

use burn::tensor::{Int, Tensor};
use candor_core::{InputError, host};

/// Refuses an empty batch, fewer than two classes, another number of labels than rows, and labels outside the classes.
pub(super) fn check_labels(
    component: &'static str,
    logits: &Tensor<2>,
    labels: &Tensor<1, Int>,
) -> Result<(), InputError> {
    let [rows, classes] = logits.dims();
    InputError::check_dims(component, "labels", &labels.dims(), &[rows])?;
    InputError::check_not_empty(component, "labels", rows)?;
    if classes < 2 {
        return Err(InputError::Undefined {
            component,
            reason: "there must be at least two classes",
        });
    }
    InputError::check_labels(component, "labels", &host::ints(labels), classes)
}

/// Refuses another shape of the labels than `wanted`, an empty batch, and labels other than 0 and 1.
pub(super) fn check_binary_labels<const D: usize>(
    component: &'static str,
    wanted: &[usize; D],
    labels: &Tensor<D, Int>,
) -> Result<(), InputError> {
    InputError::check_dims(component, "labels", &labels.dims(), wanted)?;
    InputError::check_not_empty(component, "labels", labels.shape().num_elements())?;
    InputError::check_labels(component, "labels", &host::ints(labels), 2)
}

/// Refuses numbers outside [0, 1]; rounding up to 1e-6 is let through.
pub(super) fn check_probabilities<const D: usize>(
    component: &'static str,
    probabilities: &Tensor<D>,
) -> Result<(), InputError> {
    let legal = |p: f64| (-1e-6..=1.0 + 1e-6).contains(&p);
    let values = host::floats(probabilities);
    InputError::check_values(component, "probabilities", &values, "in [0, 1]", legal)
}
