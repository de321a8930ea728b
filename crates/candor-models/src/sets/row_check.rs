use burn::tensor::{Bool, Tensor};
use candor_core::InputError;

/// Refuses a mask of another shape than the elements, and a row in which nothing is true.
pub(super) fn check_mask(
    component: &'static str,
    argument: &'static str,
    mask: &Tensor<2, Bool>,
    elements: [usize; 2],
) -> Result<(), InputError> {
    InputError::check_dims(component, argument, &mask.dims(), &elements)?;
    let [rows, width] = elements;
    InputError::check_not_empty(component, argument, rows * width)?;
    let flags: Vec<bool> = mask.to_data().iter::<bool>().collect();
    if flags.chunks(width).all(|row| row.contains(&true)) {
        Ok(())
    } else {
        Err(InputError::Empty {
            component,
            argument,
            wanted: "every row needs an element",
        })
    }
}
