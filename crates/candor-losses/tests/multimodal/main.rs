//! Objectives on images with texts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp
)]

mod contract;
mod properties;

use burn::tensor::{DType, Device, Int, Tensor, TensorData};

/// Numbers in ±1 that depend on their position and the seed, in `f64`.
fn wave<const D: usize>(shape: [usize; D], seed: usize) -> Tensor<D> {
    let count: usize = shape.iter().product();
    let values: Vec<f64> = (0..count)
        .map(|index| ((index * 17 + seed * 101 + 3) as f64 * 0.737).sin())
        .collect();
    Tensor::from_data(
        TensorData::new(values, shape),
        (&Device::flex(), DType::F64),
    )
}

fn ints<const D: usize>(values: &[i64], shape: [usize; D]) -> Tensor<D, Int> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), &Device::flex())
}
