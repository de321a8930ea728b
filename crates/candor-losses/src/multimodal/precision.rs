//! Single precision where half precision would lose the sum.

use burn::tensor::{DType, FloatDType, Tensor};

/// The tensor in `f64` if it is, else in `f32`.
pub(super) fn at_least_f32<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    match tensor.dtype() {
        DType::F64 => tensor,
        _ => tensor.cast(FloatDType::F32),
    }
}
