//! Weights without bias, `[in, out]`, plain or with a LoRA adapter.

use burn::module::Initializer;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use candor_core::layers;

/// A weight that holds nothing until it is used or loaded.
pub(super) fn uninitialised(inputs: usize, outputs: usize, device: &Device) -> Linear {
    LinearConfig::new(inputs, outputs)
        .with_bias(false)
        .with_initializer(Initializer::Zeros)
        .init(device)
}

/// `rows [n, in]` times the weight, and the adapter's part beside it.
///
/// Not [`Linear::forward`]: that adds the product of the adapter's factors to the weight first, which costs a copy of
/// the weight in every forward and a gradient of its size in every backward.
pub(super) fn project(layer: &Linear, rows: Tensor<2>) -> Tensor<2> {
    match layer.weight.adapter() {
        None => layers::project(rows, layer.weight.val()),
        Some(adapter) => {
            let low_rank = rows.clone().matmul(adapter.a.val()).matmul(adapter.b.val());
            layers::project(rows, layer.weight.base()) + low_rank * adapter.scale
        }
    }
}
