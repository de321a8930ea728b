use burn::backend::Dispatch;
use burn::tensor::Tensor;

use super::operators::LayerOperators;
use crate::check_shape;
use crate::extensions::has_extensions;

/// `rows · weight`, `[rows, out]`: a layer without bias.
///
/// Either operand may be a transposed view; nothing is copied for it. Under autodiff an operand is kept only if the
/// other one wants a gradient.
///
/// # Panics
///
/// When `rows` `[rows, in]` and `weight` `[in, out]` do not fit.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::layers::project;
///
/// let device = Device::flex();
/// let rows = Tensor::<2>::from_floats([[1.0, 2.0]], &device);
/// let weight = Tensor::<2>::from_floats([[1.0, 0.0, 3.0], [0.0, 1.0, 4.0]], &device);
/// assert_eq!(project(rows, weight).into_data().to_vec::<f32>().unwrap(), [1.0, 2.0, 11.0]);
/// ```
pub fn project(rows: Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
    let [_, width] = rows.dims();
    check_shape!("project", weight, [width, _]);
    if !has_extensions(&rows.device()) {
        return rows.matmul(weight);
    }
    Tensor::from_dispatch(Dispatch::layer_project(
        rows.into_dispatch(),
        weight.into_dispatch(),
    ))
}
