//! The rows that the tests of this family work on.

use burn::tensor::{DType, Device, Int, Tensor};

/// Rows of so many entries, in double precision.
pub(crate) fn rows(values: &[f64], width: usize) -> Tensor<2> {
    let options = (&Device::flex(), DType::F64);
    Tensor::<1>::from_data(values, options).reshape([values.len() / width, width])
}

pub(crate) fn labels(values: &[i64]) -> Tensor<1, Int> {
    Tensor::from_data(values, &Device::flex())
}

/// Rows without ties, on the device and in the precision of others.
pub(crate) fn fixed_rows(count: usize, width: usize, like: &Tensor<2>) -> Tensor<2> {
    let values: Vec<f64> = (0..count * width)
        .map(|entry| ((entry * entry * 13 + entry * 7 + 3) % 41) as f64 / 20.5 - 1.0)
        .collect();
    candor_core::host::tensor_like(values, [count, width], like)
}
