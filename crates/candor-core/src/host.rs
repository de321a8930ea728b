//! Tensors read to the host.
//!
//! Solvers and measures work on the host in `f64`, whatever precision and integer width a device computes in.

use burn::tensor::{Device, Int, Tensor, TensorData};

/// All entries, row-major, as `f64`.
pub fn floats<const D: usize>(tensor: &Tensor<D>) -> Vec<f64> {
    tensor.to_data().iter::<f64>().collect()
}

/// All entries of a matrix as `f64`, one vector a row.
pub fn rows(matrix: &Tensor<2>) -> Vec<Vec<f64>> {
    let [count, width] = matrix.dims();
    let values = floats(matrix);
    (0..count)
        .map(|row| values[row * width..(row + 1) * width].to_vec())
        .collect()
}

/// All entries, row-major, as `i64`.
pub fn ints<const D: usize>(tensor: &Tensor<D, Int>) -> Vec<i64> {
    tensor.to_data().iter::<i64>().collect()
}

/// Host values as a tensor like another one: on its device, in its precision.
///
/// The result carries no gradient.
pub fn tensor_like<const D: usize, const E: usize>(
    values: Vec<f64>,
    shape: [usize; D],
    like: &Tensor<E>,
) -> Tensor<D> {
    let device: Device = like.device().without_autodiff();
    Tensor::from_data(TensorData::new(values, shape), (&device, like.dtype()))
}
