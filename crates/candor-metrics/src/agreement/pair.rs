//! Two score lists of one instance.

use candor_core::InputError;

/// What every measure asks of its two score lists.
pub(super) fn check(
    component: &'static str,
    left: &[f64],
    right: &[f64],
) -> Result<(), InputError> {
    InputError::check_dims(component, "right", &[right.len()], &[left.len()])?;
    InputError::check_not_empty(component, "left", left.len())?;
    InputError::check_finite(component, "left", left)?;
    InputError::check_finite(component, "right", right)
}

/// The answer of a correlation to a constant side or a single entry.
pub(super) fn undefined(component: &'static str) -> InputError {
    InputError::Undefined {
        component,
        reason: "a side is constant or has a single entry",
    }
}
