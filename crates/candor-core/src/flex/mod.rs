//! What Candor's own kernels for flex share: elements, memory, matrix products.

mod float;
mod matrix;

use burn::backend::flex::FlexTensor;
use burn::tensor::{DType, Shape};

pub(crate) use float::{FlexFloat, maximum, sum_over};
pub(crate) use matrix::{Matrix, multiply, multiply_here, product};

/// Runs a body with `E` bound to the element type of a tensor that is `f32` or `f64`.
macro_rules! with_element {
    ($dtype:expr, $element:ident => $body:expr) => {
        if $dtype == DType::F64 {
            type $element = f64;
            $body
        } else {
            type $element = f32;
            $body
        }
    };
}

pub(crate) use with_element;

/// A tensor to be written, zero before; `FlexTensor::empty` would allocate it twice, and copy one into the other.
pub(crate) fn unwritten(shape: impl Into<Shape>, dtype: DType) -> FlexTensor {
    with_element!(dtype, E => FlexTensor::filled_typed(shape.into(), dtype, E::ZERO))
}

/// The same tensor, copied if it lies in memory back to front.
pub(crate) fn forwards(tensor: FlexTensor) -> FlexTensor {
    if tensor.layout().strides().iter().all(|&stride| stride >= 0) {
        return tensor;
    }
    tensor.to_contiguous()
}
