//! The preconditions that metric-learning objectives share, looked for on the host.

use burn::tensor::{Int, Tensor};
use candor_core::{InputError, host};

/// Refuses an empty set of rows, rows without entries, and another number of labels than rows.
pub(super) fn check_rows(
    component: &'static str,
    argument: &'static str,
    rows: &Tensor<2>,
    labels: &Tensor<1, Int>,
) -> Result<(), InputError> {
    let [count, width] = rows.dims();
    InputError::check_not_empty(component, argument, count.min(width))?;
    InputError::check_dims(component, "labels", &labels.dims(), &[count])
}

/// Refuses queries that do not fit their prototypes, and labels that name none.
pub(super) fn check_queries(
    component: &'static str,
    queries: &Tensor<2>,
    labels: &Tensor<1, Int>,
    prototypes: &Tensor<2>,
) -> Result<(), InputError> {
    check_rows(component, "queries", queries, labels)?;
    let ([_, width], [way, _]) = (queries.dims(), prototypes.dims());
    InputError::check_dims(component, "prototypes", &prototypes.dims(), &[way, width])?;
    if way < 2 {
        return Err(InputError::Undefined {
            component,
            reason: "there must be at least two prototypes",
        });
    }
    InputError::check_labels(component, "labels", &host::ints(labels), way)
}

/// What does not fit panics in a `forward`, which is the documented shape contract; `validate` returns it.
#[track_caller]
#[allow(clippy::panic)]
pub(super) fn fitting<T>(sizes: Result<T, InputError>) -> T {
    match sizes {
        Ok(sizes) => sizes,
        Err(problem) => panic!("{problem}"),
    }
}
