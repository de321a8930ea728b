use burn::tensor::{Bool, IndexingUpdateOp, Int, Tensor, activation};

use crate::{check_shape, in_f32};

/// Log-probability that `logits` `[rows, classes]` give each row's label `[rows]`, as `[rows]`.
///
/// The maximum is subtracted before the exponential, so logits of ±1e4 are exact; the gradient is
/// `onehot - softmax`. A label outside the classes is not looked for.
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_core::numerics::label_log_probs;
///
/// let device = Device::flex();
/// let logits = Tensor::<2>::from_floats([[0.0, 0.0], [1e4, -1e4]], &device);
/// let labels = Tensor::<1, Int>::from_data([1, 1], &device);
/// let log_probs = label_log_probs(logits, labels).into_data().to_vec::<f32>().unwrap();
/// assert!((log_probs[0] + 2f32.ln()).abs() < 1e-6 && log_probs[1] == -2e4);
/// ```
///
/// # Panics
///
/// When there is not one label a row.
pub fn label_log_probs(logits: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
    let [rows, _] = logits.dims();
    check_shape!("label_log_probs", labels, [rows]);
    in_f32(logits, |logits| {
        activation::log_softmax(logits, 1)
            .gather(1, labels.reshape([rows, 1]))
            .reshape([rows])
    })
}

/// Kullback-Leibler divergence `Σ p (log p - log q)` along an axis, which keeps size one, from both logarithms.
///
/// A probability that underflows to 0 contributes 0 as long as its logarithm is finite, as `log_softmax` of finite
/// logits is.
pub fn kl_divergence<const D: usize>(log_p: Tensor<D>, log_q: Tensor<D>, dim: usize) -> Tensor<D> {
    (log_p.clone().exp() * (log_p - log_q)).sum_dim(dim)
}

/// Which class each row's label names: true in one of `classes` columns, `[rows]` to `[rows, classes]`.
///
/// Stays on the device, unlike `Tensor::one_hot`, which reads the labels to check them.
pub fn one_hot_mask(labels: Tensor<1, Int>, classes: usize) -> Tensor<2, Bool> {
    let [rows] = labels.dims();
    let device = labels.device().without_autodiff();
    Tensor::<2>::zeros([rows, classes], &device)
        .scatter(
            1,
            labels.reshape([rows, 1]),
            Tensor::ones([rows, 1], &device),
            IndexingUpdateOp::Add,
        )
        .greater_scalar(0.5)
}

#[cfg(test)]
mod tests {
    use burn::tensor::{DType, Device, FloatDType};

    use super::*;
    use crate::host::floats;

    fn labels(values: &[i64], device: &Device) -> Tensor<1, Int> {
        Tensor::from_data(values, device)
    }

    #[test]
    fn the_gradient_is_the_one_hot_row_minus_the_softmax() {
        let device = Device::flex().autodiff();
        let logits = Tensor::<2>::from_floats([[0.0, 0.0]], &device).require_grad();
        let gradients = label_log_probs(logits.clone(), labels(&[0], &device))
            .sum()
            .backward();
        assert_eq!(floats(&logits.grad(&gradients).unwrap()), [0.5, -0.5]);
    }

    #[test]
    fn half_precision_logits_are_summed_in_single_precision() {
        let device = Device::flex();
        let logits = Tensor::<2>::zeros([1, 4096], (&device, DType::F32)).cast(FloatDType::F16);
        let log_probs = label_log_probs(logits, labels(&[7], &device));
        assert!((floats(&log_probs)[0] + 4096f64.ln()).abs() < 5e-3);
    }

    #[test]
    fn a_distribution_does_not_diverge_from_itself_and_costs_ln_2_from_a_coin() {
        let device = Device::flex();
        let certain = activation::log_softmax(Tensor::<2>::from_floats([[1e4, -1e4]], &device), 1);
        let coin = activation::log_softmax(Tensor::<2>::zeros([1, 2], &device), 1);
        assert_eq!(
            floats(&kl_divergence(certain.clone(), certain.clone(), 1)),
            [0.0]
        );
        assert!((floats(&kl_divergence(certain, coin, 1))[0] - 2f64.ln()).abs() < 1e-6);
    }

    #[test]
    fn one_hot_masks_hold_one_true_a_row() {
        let mask = one_hot_mask(labels(&[2, 0], &Device::flex()), 3);
        assert_eq!(floats(&mask.float()), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
    }
}
