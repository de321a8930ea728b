use burn::tensor::{Tensor, activation};

use super::expm1;
use crate::in_f32;

/// `log Σ exp(x)` along an axis, which keeps size one: the maximum is subtracted first, so logits of ±1e4 are fine.
///
/// The gradient is the softmax. A row of `-inf` gives `-inf`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::numerics::log_sum_exp;
///
/// let logits = Tensor::<2>::from_floats([[1e4, 1e4]], &Device::flex());
/// let value: f32 = log_sum_exp(logits, 1).into_scalar();
/// assert!((value - (1e4 + 2f32.ln())).abs() < 1e-2);
/// ```
pub fn log_sum_exp<const D: usize>(input: Tensor<D>, dim: usize) -> Tensor<D> {
    in_f32(input, |input| {
        let max = input.clone().detach().max_dim(dim);
        // A maximum of -inf would make -inf - -inf = NaN of an empty row.
        let max = max.clone().mask_fill(max.is_inf(), 0.0);
        (input - max.clone()).exp().sum_dim(dim).log() + max
    })
}

/// `log(1 - exp(x))` for `x < 0`, by the two-branch rule: `ln(-expm1(x))` near zero, `log1p(-exp(x))` below.
///
/// Zero gives `-inf`. Both branches are evaluated on inputs they are finite on, so that gradients are too.
pub fn log1mexp<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    const HALF: f64 = -std::f64::consts::LN_2;
    let near_zero = input.clone().greater_scalar(HALF);
    let near = (-expm1(input.clone().mask_fill(near_zero.clone().bool_not(), HALF))).log();
    let far = (-input.mask_fill(near_zero.clone(), HALF).exp()).log1p();
    far.mask_where(near_zero, near)
}

/// `log(1 + exp(x))`, finite for every finite `x`, with the gradient `sigmoid(x)` (one half at zero).
pub fn softplus<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    // Above 40 the two differ by less than f64 can show; burn lowers the threshold for half precision.
    activation::softplus_with_threshold(input, 1.0, 40.0)
}

/// `log sigmoid(x) = -softplus(-x)`: exact in both tails, where `log(sigmoid(x))` would be `-inf` or zero.
pub fn log_sigmoid<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    -softplus(-input)
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use burn::tensor::{DType, Device};

    use super::*;

    fn f64s(values: &[f64]) -> Tensor<1> {
        Tensor::from_data(values, (&Device::flex().autodiff(), DType::F64))
    }

    fn values<const D: usize>(tensor: &Tensor<D>) -> Vec<f64> {
        crate::host::floats(tensor)
    }

    #[test]
    fn log1mexp_agrees_with_the_host_in_both_branches() {
        let inputs = [-1e-12, -1e-3, -0.5, -0.7, -5.0, -50.0, -700.0];
        let got = values(&log1mexp(f64s(&inputs)));
        for (got, x) in got.iter().zip(inputs) {
            let wanted = if x > -std::f64::consts::LN_2 {
                (-x.exp_m1()).ln()
            } else {
                (-x.exp()).ln_1p()
            };
            assert_relative_eq!(*got, wanted, max_relative = 1e-12);
        }
    }

    #[test]
    fn log1mexp_has_a_finite_gradient_in_both_branches() {
        let inputs = f64s(&[-1e-6, -0.3, -2.0, -600.0]).require_grad();
        let gradients = log1mexp(inputs.clone()).sum().backward();
        let got = values(&inputs.grad(&gradients).unwrap());
        for (got, x) in got.iter().zip([-1e-6, -0.3, -2.0, -600.0f64]) {
            assert_relative_eq!(*got, 1.0 / -(-x).exp_m1(), max_relative = 1e-9);
        }
    }

    #[test]
    fn softplus_has_half_a_slope_at_zero_and_no_overflow() {
        let inputs = f64s(&[0.0, 1e4, -1e4]).require_grad();
        let outputs = softplus(inputs.clone());
        assert_eq!(values(&outputs), [2f64.ln(), 1e4, 0.0]);
        let gradients = outputs.sum().backward();
        assert_eq!(values(&inputs.grad(&gradients).unwrap()), [0.5, 1.0, 0.0]);
    }

    #[test]
    fn log_sum_exp_of_an_empty_set_is_minus_infinity() {
        let inputs = f64s(&[f64::NEG_INFINITY, f64::NEG_INFINITY]);
        assert_eq!(values(&log_sum_exp(inputs, 0)), [f64::NEG_INFINITY]);
    }
}
