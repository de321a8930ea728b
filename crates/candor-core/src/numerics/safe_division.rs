use burn::tensor::Tensor;

/// `numerator / denominator`, and 0 with zero gradient where the denominator is 0.
///
/// The denominator is replaced before the division, not the quotient after it: a NaN that is masked away in
/// the forward pass still comes back through the backward one.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::numerics::safe_div;
///
/// let device = Device::flex();
/// let quotient = safe_div(
///     Tensor::<1>::from_floats([6.0, 1.0], &device),
///     Tensor::<1>::from_floats([2.0, 0.0], &device),
/// );
/// assert_eq!(quotient.into_data().to_vec::<f32>().unwrap(), [3.0, 0.0]);
/// ```
pub fn safe_div<const D: usize>(numerator: Tensor<D>, denominator: Tensor<D>) -> Tensor<D> {
    let zero = denominator.clone().equal_scalar(0.0);
    (numerator / denominator.mask_fill(zero.clone(), 1.0)).mask_fill(zero, 0.0)
}

/// Square root with gradient 0, not infinity, where the input is `tiny` or less; there the value is 0.
pub fn safe_sqrt<const D: usize>(input: Tensor<D>, tiny: f64) -> Tensor<D> {
    let dead = input.clone().lower_equal_scalar(tiny);
    input
        .mask_fill(dead.clone(), 1.0)
        .sqrt()
        .mask_fill(dead, 0.0)
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::host::floats;

    #[test]
    fn the_gradient_is_zero_where_the_denominator_is() {
        let device = Device::flex().autodiff();
        let a = Tensor::<1>::from_floats([6.0, 1.0], &device).require_grad();
        let b = Tensor::<1>::from_floats([2.0, 0.0], &device).require_grad();
        let gradients = safe_div(a.clone(), b.clone()).sum().backward();
        assert_eq!(floats(&a.grad(&gradients).unwrap()), [0.5, 0.0]);
        assert_eq!(floats(&b.grad(&gradients).unwrap()), [-1.5, 0.0]);
    }

    #[test]
    fn the_root_of_zero_has_no_slope() {
        let device = Device::flex().autodiff();
        let a = Tensor::<1>::from_floats([0.0, 4.0], &device).require_grad();
        let root = safe_sqrt(a.clone(), 0.0);
        assert_eq!(floats(&root), [0.0, 2.0]);
        let gradients = root.sum().backward();
        assert_eq!(floats(&a.grad(&gradients).unwrap()), [0.0, 0.25]);
    }
}
