use burn::tensor::Tensor;

use super::safe_sqrt;
use crate::{check_shape, in_f32};

/// Squared Euclidean distances between all rows of `left` `[n, d]` and `right` `[m, d]`, as `[n, m]`.
///
/// Computed as `|a|² + |b|² - 2 a·b` and clamped at zero, which rounding would otherwise fall below. Half precision is computed
/// in `f32`: squares overflow `f16` at 256.
pub fn squared_distances(left: Tensor<2>, right: Tensor<2>) -> Tensor<2> {
    let [_, width] = left.dims();
    check_shape!("squared_distances", right, [_, width]);
    in_f32(left, |left| {
        let right = right.cast(left.dtype());
        let left_norms = left.clone().square().sum_dim(1);
        let right_norms = right.clone().square().sum_dim(1).transpose();
        (left_norms + right_norms - left.matmul(right.transpose()) * 2.0).clamp_min(0.0)
    })
}

/// Cosine of the angle between all rows of `left` `[n, d]` and `right` `[m, d]`, as `[n, m]`; 0 for zero rows.
pub fn cosine_similarities(left: Tensor<2>, right: Tensor<2>) -> Tensor<2> {
    let [_, width] = left.dims();
    check_shape!("cosine_similarities", right, [_, width]);
    normalize_rows(left, 1e-12).matmul(normalize_rows(right, 1e-12).transpose())
}

/// Rows divided by `max(norm, floor)`; a zero row stays zero and has a zero gradient through its norm.
pub fn normalize_rows(rows: Tensor<2>, floor: f64) -> Tensor<2> {
    in_f32(rows, |rows| {
        let norms = safe_sqrt(rows.clone().square().sum_dim(1), 0.0).clamp_min(floor);
        rows / norms
    })
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::host::floats;

    #[test]
    fn distances_and_cosines_of_a_right_angle() {
        let device = Device::flex();
        let rows = Tensor::<2>::from_floats([[3.0, 0.0], [0.0, 4.0], [0.0, 0.0]], &device);
        let distances = floats(&squared_distances(rows.clone(), rows.clone()));
        assert_eq!(distances, [0.0, 25.0, 9.0, 25.0, 0.0, 16.0, 9.0, 16.0, 0.0]);
        let cosines = floats(&cosine_similarities(rows.clone(), rows));
        assert_eq!(cosines, [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    }
}
