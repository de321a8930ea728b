use burn::backend::Dispatch;
use burn::tensor::Tensor;
use burn::tensor::activation::silu;

use super::operators::LayerOperators;
use crate::check_shape;
use crate::extensions::has_extensions;

/// `silu(gate) · up`, entry by entry, `[rows, width]`: the gate of a SwiGLU layer.
///
/// ```text
/// silu(g) = g / (1 + exp(-g))
/// ```
///
/// # Edge cases
///
/// Gates of ±1e4 give `up · gate` and 0, with gradients `up` and 0.
///
/// # Panics
///
/// When the shapes differ.
///
/// # Source
///
/// Shazeer 2020, "GLU Variants Improve Transformer", arXiv 2002.05202.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::layers::swiglu;
///
/// let device = Device::flex();
/// let gate = Tensor::<2>::from_floats([[0.0, 1e4]], &device);
/// let gated = swiglu(gate, Tensor::from_floats([[5.0, 0.5]], &device));
/// assert_eq!(gated.into_data().to_vec::<f32>().unwrap(), [0.0, 5000.0]);
/// ```
pub fn swiglu(gate: Tensor<2>, up: Tensor<2>) -> Tensor<2> {
    let [rows, width] = gate.dims();
    check_shape!("swiglu", up, [rows, width]);
    if !has_extensions(&gate.device()) {
        return silu(gate) * up;
    }
    Tensor::from_dispatch(Dispatch::layer_swiglu(
        gate.into_dispatch(),
        up.into_dispatch(),
    ))
}
