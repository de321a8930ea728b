//! What Candor's own kernels for flex share: elements, memory, matrix products.

mod float;
mod matrix;

use burn::backend::TensorMetadata;
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

/// Functions compiled for every width of vectors, and called with the widest that this processor has.
///
/// Each body becomes the method of a structure of its arguments. A closure given to the dispatch is a function beside it: too
/// large to be inlined, it keeps to the instructions that all processors share, and takes three times as long.
macro_rules! vectorised {
    ($(
        $(#[$attribute:meta])*
        $visibility:vis fn $name:ident<$lifetime:lifetime, $element:ident>(
            $($argument:ident: $type:ty),* $(,)?
        ) -> $output:ty $body:block
    )*) => {$(
        $(#[$attribute])*
        $visibility fn $name<$lifetime, $element: FlexFloat>($($argument: $type),*) -> $output {
            struct Kernel<$lifetime, $element> {
                $($argument: $type,)*
            }
            impl<$lifetime, $element: FlexFloat> pulp::NullaryFnOnce for Kernel<$lifetime, $element> {
                type Output = $output;

                #[inline(always)]
                fn call(self) -> $output {
                    let Self { $($argument),* } = self;
                    $body
                }
            }
            pulp::Arch::new().dispatch(Kernel { $($argument),* })
        }
    )*};
}

pub(crate) use vectorised;

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

/// Whether two operands are of one type that kernels compute in, and of some size.
pub(crate) fn has_kernels(first: &FlexTensor, second: &FlexTensor) -> bool {
    matches!(first.dtype(), DType::F32 | DType::F64)
        && first.dtype() == second.dtype()
        && first.shape().num_elements() > 0
}
