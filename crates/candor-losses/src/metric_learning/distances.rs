//! Distances by differences, which stay exact where rows coincide, and the nearest by them.

use burn::tensor::{Int, Tensor};
use candor_core::MemoryBudget;

/// What is added under the root, so that coinciding rows have a finite gradient: no distance is below 1e-3.
const UNDER_ROOT: f64 = 1e-6;

/// `sqrt(squares + 1e-6)`.
pub(super) fn rooted<const D: usize>(squares: Tensor<D>) -> Tensor<D> {
    (squares + UNDER_ROOT).sqrt()
}

/// Squared distances `[n, m]` of all rows of `left` `[n, d]` to all rows of `right` `[m, d]`.
///
/// `|a|² + |b|² - 2 a·b` would need no `[n, m, d]`, but rounds by more than the 1e-6 that is added under the root.
pub(super) fn squared_differences(left: Tensor<2>, right: Tensor<2>) -> Tensor<2> {
    let ([n, width], [m, _]) = (left.dims(), right.dims());
    (left.reshape([n, 1, width]) - right.reshape([1, m, width]))
        .square()
        .sum_dim(2)
        .reshape([n, m])
}

/// The places `[n, count]` of the `count` rows of `right` nearest to each row of `left`, nearest first.
///
/// Of equally near rows the first comes first, which no backend's sort promises. Stays on the device.
pub(super) fn nearest(left: Tensor<2>, right: Tensor<2>, count: usize) -> Tensor<2, Int> {
    let (left, right) = (left.without_autodiff(), right.without_autodiff());
    let ([n, width], [m, _]) = (left.dims(), right.dims());
    let bytes_per_row = 2 * m * width * left.dtype().size();
    let parts = MemoryBudget::default()
        .chunks(n, bytes_per_row)
        .map(|rows| squared_differences(left.clone().slice_dim(0, rows), right.clone()));
    let mut squares = Tensor::cat(parts.collect(), 0);
    let columns = columns(&squares);
    let mut found = Vec::with_capacity(count);
    for _ in 0..count {
        let place = first_least(squares.clone());
        let taken = columns.clone().equal(place.clone().expand([n, m]));
        squares = squares.mask_fill(taken, f64::INFINITY);
        found.push(place);
    }
    Tensor::cat(found, 1)
}

/// The place `[n, 1]` of the smallest entry in each row of `[n, m]`, the first of them on a tie.
pub(super) fn first_least(values: Tensor<2>) -> Tensor<2, Int> {
    let [n, m] = values.dims();
    let least = values.clone().min_dim(1).expand([n, m]);
    // A row of NaN equals nothing and gives the last place, which is one.
    let others = values.clone().equal(least).bool_not();
    columns(&values)
        .mask_fill(others, m.saturating_sub(1) as i64)
        .min_dim(1)
}

/// The number of its column in every entry.
fn columns(like: &Tensor<2>) -> Tensor<2, Int> {
    let [n, m] = like.dims();
    Tensor::<1, Int>::arange(0..m as i64, &like.device().without_autodiff())
        .reshape([1, m])
        .expand([n, m])
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use candor_core::host::ints;

    use super::*;

    #[test]
    fn of_equally_near_rows_the_first_comes_first() {
        let device = Device::flex();
        let left = Tensor::<2>::zeros([1, 1], &device);
        let right = Tensor::<2>::from_floats([[2.0], [1.0], [-1.0], [0.5], [1.0]], &device);
        assert_eq!(ints(&nearest(left, right, 5)), [3, 1, 2, 4, 0]);
    }

    #[test]
    fn a_row_without_a_number_gives_a_place_that_exists() {
        let values = Tensor::<2>::from_floats([[f32::NAN, f32::NAN]], &Device::flex());
        assert_eq!(ints(&first_least(values)), [1]);
    }
}
