//! What the losses share: their preconditions, rows of length one, and the numbers of the rows.

use burn::tensor::{Bool, Device, Int, Tensor};
use candor_core::numerics::normalize_rows;
use candor_core::{ConfigError, InputError};

/// What a similarity that does not count is replaced by; its exponential is 0 beside any other's.
pub(super) const LEFT_OUT: f64 = -1e30;

/// Rows divided by their length if asked for; a zero row stays zero.
pub(super) fn prepared(rows: Tensor<2>, normalize: bool) -> Tensor<2> {
    if normalize {
        normalize_rows(rows, 1e-12)
    } else {
        rows
    }
}

/// 0, 1, ..., rows - 1: row i of one view is the partner of row i of the other.
pub(super) fn own_numbers(rows: usize, device: &Device) -> Tensor<1, Int> {
    Tensor::arange(0..rows as i64, &device.clone().without_autodiff())
}

/// Where row and column are partners, `[rows, rows]`.
pub(super) fn own_pairs(rows: usize, device: &Device) -> Tensor<2, Bool> {
    Tensor::<2, Bool>::diag_mask([rows, rows], 0, &device.clone().without_autodiff()).bool_not()
}

/// Passes on no weight of the negatives, or one that is finite and >= 0.
pub(super) fn checked_weight(
    config: &'static str,
    weight: Option<f64>,
) -> Result<Option<f64>, ConfigError> {
    weight
        .map(|weight| ConfigError::non_negative(config, "negative_weight", weight))
        .transpose()
}

/// Refuses similarities whose rows do not fit, an empty batch, and anchors without a negative.
pub(super) fn check_similarities(
    component: &'static str,
    positive: &Tensor<1>,
    negatives: &Tensor<2>,
) -> Result<(), InputError> {
    let [rows, count] = negatives.dims();
    InputError::check_dims(component, "positive", &positive.dims(), &[rows])?;
    InputError::check_not_empty(component, "positive", rows)?;
    check_negatives(component, count)
}

/// Refuses two views of different shapes, without width, and a batch of fewer than `least` rows.
pub(super) fn check_views(
    component: &'static str,
    views: [(&'static str, &Tensor<2>); 2],
    least: usize,
) -> Result<(), InputError> {
    let [(name, first), (other_name, second)] = views;
    let [rows, width] = first.dims();
    InputError::check_dims(component, other_name, &second.dims(), &[rows, width])?;
    InputError::check_not_empty(component, name, rows * width)?;
    if rows < least {
        return check_negatives(component, 0);
    }
    Ok(())
}

/// Refuses anchors without a negative.
pub(super) fn check_negatives(component: &'static str, count: usize) -> Result<(), InputError> {
    if count > 0 {
        return Ok(());
    }
    Err(InputError::Undefined {
        component,
        reason: "an anchor needs at least one negative",
    })
}
