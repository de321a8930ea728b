//! The cross-entropy of two classes when all rows share one label.

use burn::tensor::Tensor;
use candor_core::numerics::softplus;
use candor_core::{check_shape, in_f32};

/// Cross-entropy of logits `[rows, 2]` whose class is 1 (a match) in all rows, or 0 in all; `[rows]`.
///
/// It depends on the logits' difference alone, and is exact at any size of it.
pub(super) fn two_way_cross_entropy(
    component: &'static str,
    logits: Tensor<2>,
    matching: bool,
) -> Tensor<1> {
    check_shape!(component, logits, [_, 2]);
    in_f32(logits, |logits| {
        let margin: Tensor<1> =
            (logits.clone().slice_dim(1, 1..2) - logits.slice_dim(1, 0..1)).squeeze_dim(1);
        softplus(if matching { -margin } else { margin })
    })
}
