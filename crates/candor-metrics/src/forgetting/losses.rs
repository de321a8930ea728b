//! Losses of answers, as the measures of forgetting take them.

use candor_core::InputError;

/// A table with one row for each answer, finite and without an empty row.
pub(super) fn check_table(
    component: &'static str,
    argument: &'static str,
    table: &[Vec<f64>],
    rows: usize,
) -> Result<(), InputError> {
    InputError::check_dims(component, argument, &[table.len()], &[rows])?;
    for row in table {
        InputError::check_not_empty(component, argument, row.len())?;
        InputError::check_finite(component, argument, row)?;
    }
    Ok(())
}

/// One finite loss an answer, at least one answer.
pub(super) fn check_losses(
    component: &'static str,
    argument: &'static str,
    losses: &[f64],
) -> Result<(), InputError> {
    InputError::check_not_empty(component, argument, losses.len())?;
    InputError::check_finite(component, argument, losses)
}

pub(super) fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}
