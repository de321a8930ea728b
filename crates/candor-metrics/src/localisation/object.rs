//! The object that a mask marks.

use candor_core::InputError;

/// What every measure of the family asks of its arguments; gives the size of the object.
pub(super) fn size(
    component: &'static str,
    attributions: &[f64],
    mask: &[bool],
) -> Result<usize, InputError> {
    InputError::check_dims(component, "mask", &[mask.len()], &[attributions.len()])?;
    InputError::check_finite(component, "attributions", attributions)?;
    match mask.iter().filter(|&&inside| inside).count() {
        0 => Err(InputError::Empty {
            component,
            argument: "mask",
            wanted: "at least one feature must be inside",
        }),
        size => Ok(size),
    }
}
