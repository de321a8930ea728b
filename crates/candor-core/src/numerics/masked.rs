use burn::tensor::{Bool, Tensor, activation};

use super::safe_div;
use crate::in_f32;

/// Sum of the entries where `mask` is true, along an axis that keeps size one; 0 where there is none.
///
/// Masked entries may hold anything, NaN included: they are replaced before the sum, so neither their value
/// nor their gradient gets through.
pub fn masked_sum<const D: usize>(
    input: Tensor<D>,
    mask: Tensor<D, Bool>,
    dim: usize,
) -> Tensor<D> {
    in_f32(input, |input| {
        input.mask_fill(mask.bool_not(), 0.0).sum_dim(dim)
    })
}

/// Mean of the entries where `mask` is true, along an axis that keeps size one; 0 (gradient 0) where there is none.
///
/// ```
/// use burn::tensor::{Bool, Device, Tensor};
/// use candor_core::numerics::masked_mean;
///
/// let device = Device::flex();
/// let values = Tensor::<2>::from_floats([[1.0, 3.0, 99.0]], &device);
/// let mask = Tensor::<2, Bool>::from_data([[true, true, false]], &device);
/// assert_eq!(masked_mean(values, mask, 1).into_scalar::<f32>(), 2.0);
/// ```
pub fn masked_mean<const D: usize>(
    input: Tensor<D>,
    mask: Tensor<D, Bool>,
    dim: usize,
) -> Tensor<D> {
    in_f32(input, |input| {
        let count = mask.clone().float().cast(input.dtype()).sum_dim(dim);
        safe_div(masked_sum(input, mask, dim), count)
    })
}

/// Softmax over the entries where `mask` is true; masked entries, and rows without any entry, are 0.
pub fn masked_softmax<const D: usize>(
    logits: Tensor<D>,
    mask: Tensor<D, Bool>,
    dim: usize,
) -> Tensor<D> {
    let masked = mask.clone().bool_not();
    activation::softmax(hide(logits, &masked), dim).mask_fill(masked, 0.0)
}

/// Log-softmax over the entries where `mask` is true; masked entries are 0, so that they vanish from sums.
pub fn masked_log_softmax<const D: usize>(
    logits: Tensor<D>,
    mask: Tensor<D, Bool>,
    dim: usize,
) -> Tensor<D> {
    let masked = mask.clone().bool_not();
    activation::log_softmax(hide(logits, &masked), dim).mask_fill(masked, 0.0)
}

/// Puts masked logits below all others. The lowest finite number and not -inf: a row of -inf would be NaN.
fn hide<const D: usize>(logits: Tensor<D>, masked: &Tensor<D, Bool>) -> Tensor<D> {
    let lowest = logits
        .dtype()
        .finfo()
        .map_or(f64::from(f32::MIN), |info| info.min);
    logits.mask_fill(masked.clone(), lowest / 2.0)
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::host::floats;

    fn masked_case() -> (Tensor<2>, Tensor<2, Bool>) {
        let device = Device::flex().autodiff();
        (
            Tensor::from_floats([[1.0, f32::NAN], [5.0, 7.0]], &device).require_grad(),
            Tensor::from_data([[true, false], [false, false]], &device),
        )
    }

    #[test]
    fn nan_under_the_mask_reaches_neither_value_nor_gradient() {
        let (values, mask) = masked_case();
        let mean = masked_mean(values.clone(), mask, 1);
        assert_eq!(floats(&mean), [1.0, 0.0]);
        let gradients = mean.sum().backward();
        assert_eq!(
            floats(&values.grad(&gradients).unwrap()),
            [1.0, 0.0, 0.0, 0.0]
        );
    }

    #[test]
    fn a_row_without_entries_has_no_probability() {
        let (values, mask) = masked_case();
        assert_eq!(
            floats(&masked_softmax(values, mask, 1)),
            [1.0, 0.0, 0.0, 0.0]
        );
    }
}
