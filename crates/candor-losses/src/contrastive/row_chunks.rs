//! Losses of the rows of a product, some rows at a time.

use burn::nn::loss::Reduction;
use burn::tensor::{Bool, DType, Tensor};
use candor_core::MemoryBudget;

/// What a loss makes of some rows of similarities.
pub(super) struct RowLosses {
    /// `[rows]`.
    pub(super) losses: Tensor<1>,
    /// The derivative of each row's loss by its similarities, `[rows, columns]`.
    pub(super) gradient: Tensor<2>,
}

/// What each of `rows` losses weighs in their reduction.
pub(super) fn row_weight(rows: usize, reduction: &Reduction) -> f64 {
    match reduction {
        Reduction::Sum => 1.0,
        Reduction::Mean | Reduction::Auto | Reduction::BatchMean => 1.0 / rows as f64,
    }
}

/// Similarities and what is made of them, all alive at once.
const LIVE_TILES: usize = 8;

/// Σ weight · loss over the rows of `anchor · positiveᵀ`, `[1]`, with its gradients and without the whole matrix.
///
/// `losses` sees some rows of similarities, and where the column is the row's own number. The gradients are computed with the
/// value, for the weight of every row is known: nothing of a chunk outlives it.
pub(super) fn weighted_sum(
    anchor: Tensor<2>,
    positive: Tensor<2>,
    weight: f64,
    budget: MemoryBudget,
    losses: impl Fn(Tensor<2>, Tensor<2, Bool>) -> RowLosses,
) -> Tensor<1> {
    let [rows, _] = anchor.dims();
    let columns = positive.clone().without_autodiff();
    let all_rows = anchor.clone().without_autodiff();
    let device = columns.device();
    let mut sum = Tensor::<1>::zeros([1], (&device, columns.dtype()));
    let mut to_rows = Vec::new();
    let mut to_columns = columns.zeros_like();
    for range in budget.chunks(rows, bytes_per_row(&columns)) {
        let own = Tensor::<2, Bool>::diag_mask([range.len(), rows], range.start as i64, &device);
        let some = all_rows.clone().slice_dim(0, range);
        let similarities = some.clone().matmul(columns.clone().transpose());
        let found = losses(similarities, own.bool_not());
        sum = sum + found.losses.sum();
        if anchor.is_tracked() {
            to_rows.push(found.gradient.clone().matmul(columns.clone()));
        }
        if positive.is_tracked() {
            to_columns = to_columns + found.gradient.transpose().matmul(some);
        }
    }
    let mut value = sum * weight;
    if anchor.is_tracked() {
        value = value + first_order(anchor, Tensor::cat(to_rows, 0) * weight);
    }
    if positive.is_tracked() {
        value = value + first_order(positive, to_columns * weight);
    }
    value
}

/// Zero, with this gradient.
fn first_order(input: Tensor<2>, gradient: Tensor<2>) -> Tensor<1> {
    ((input.clone() - input.detach()) * gradient).sum()
}

fn bytes_per_row(columns: &Tensor<2>) -> usize {
    let size = if columns.dtype() == DType::F64 { 8 } else { 4 };
    LIVE_TILES * size * columns.dims()[0]
}
