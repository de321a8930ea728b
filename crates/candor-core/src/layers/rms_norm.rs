use burn::backend::Dispatch;
use burn::tensor::Tensor;

use super::operators::LayerOperators;
use crate::check_shape;
use crate::extensions::has_extensions;

/// `hidden / sqrt(mean(hidden²) + ε) · scale` over the last axis, `[rows, width]`.
///
/// Squares are summed in the precision of the operands: widen half precision first.
///
/// # Panics
///
/// When there is not one scale `[width]` a column.
///
/// # Source
///
/// Zhang and Sennrich 2019, "Root Mean Square Layer Normalization", arXiv 1910.07467.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::layers::rms_norm;
///
/// let device = Device::flex();
/// let hidden = Tensor::<2>::from_floats([[1.0, 7.0]], &device);
/// let normed = rms_norm(hidden, Tensor::from_floats([1.0, 10.0], &device), 1e-12);
/// let normed = normed.into_data().to_vec::<f32>().unwrap(); // the root of the mean of 1 and 49 is 5
/// assert!((normed[0] - 0.2).abs() < 1e-6 && (normed[1] - 14.0).abs() < 1e-5);
/// ```
pub fn rms_norm(hidden: Tensor<2>, scale: Tensor<1>, epsilon: f64) -> Tensor<2> {
    let [_, width] = hidden.dims();
    check_shape!("rms_norm", scale, [width]);
    if !has_extensions(&hidden.device()) {
        let mean_square = hidden.clone().square().mean_dim(1);
        return hidden / (mean_square + epsilon).sqrt() * scale.unsqueeze();
    }
    Tensor::from_dispatch(Dispatch::layer_rms_norm(
        hidden.into_dispatch(),
        scale.into_dispatch(),
        epsilon,
    ))
}
