use burn::tensor::Tensor;

/// `exp(x) - 1` without cancellation near zero, and with the gradient `exp(x)`.
///
/// Below 0.1 in magnitude it is Taylor's polynomial, exact to the precision of `f64`; above, the plain difference,
/// which there loses less than one decimal digit. It overflows where `exp` does.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::numerics::expm1;
///
/// let small = Tensor::<1>::from_floats([1e-7], &Device::flex());
/// assert!((expm1(small).into_scalar::<f32>() / 1e-7 - 1.0).abs() < 1e-6);
/// ```
pub fn expm1<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    const NEAR: f64 = 0.1;
    // The first omitted term is 0.1^10 / 11!, below the last digit of f64.
    const TERMS: u32 = 10;
    let far = input.clone().abs().greater_scalar(NEAR);
    let small = input.clone().mask_fill(far.clone(), 0.0);
    // Horner: x (1 + x/2 (1 + x/3 (1 + ...))); times 1/n, as the backward pass of a division by n rounds 1/n to f32.
    let near = (2..=TERMS).rev().fold(small.ones_like(), |sum, term| {
        sum * (small.clone() * f64::from(term).recip()) + 1.0
    }) * small;
    near.mask_where(far, input.exp() - 1.0)
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use burn::tensor::{DType, Device};

    use super::*;
    use crate::host::floats;

    const INPUTS: [f64; 9] = [-40.0, -0.7, -0.1, -1e-3, 1e-12, 1e-3, 0.099, 0.5, 30.0];

    #[test]
    fn it_agrees_with_the_host_from_1e_minus_12_to_30() {
        let inputs = Tensor::<1>::from_data(INPUTS, (&Device::flex(), DType::F64));
        for (got, x) in floats(&expm1(inputs)).into_iter().zip(INPUTS) {
            assert_relative_eq!(got, x.exp_m1(), max_relative = 1e-14);
        }
    }

    #[test]
    fn its_slope_is_the_exponential() {
        let device = Device::flex().autodiff();
        let inputs = Tensor::<1>::from_data(INPUTS, (&device, DType::F64)).require_grad();
        let gradients = expm1(inputs.clone()).sum().backward();
        for (got, x) in floats(&inputs.grad(&gradients).unwrap())
            .into_iter()
            .zip(INPUTS)
        {
            assert_relative_eq!(got, x.exp(), max_relative = 1e-12);
        }
    }
}
