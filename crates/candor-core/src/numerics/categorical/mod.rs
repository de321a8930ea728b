//! Log-probabilities and divergences of rows of logits, each one operator with a closed-form gradient.
//!
//! On flex they are kernels: a row is read once in each direction, and nothing of the logits' size is kept or made but the
//! gradient. On every other backend they are compositions of its operators.

mod autodiff;
mod composed;
#[cfg(feature = "flex")]
mod flex;
mod operators;

use burn::backend::Dispatch;
use burn::tensor::{Bool, IndexingUpdateOp, Int, Tensor, activation};

use super::log_sum_exp;
use crate::extensions::has_extensions;
use crate::{check_shape, in_f32};
use operators::{CategoricalOperators, LabelMeasure};

/// What stands for a logit that is left out: its exponential is 0 beside any other's, and its square is finite in `f32`.
pub const LEFT_OUT: f64 = -1e18;

/// Log-probability that `logits` `[rows, classes]` give each row's label `[rows]`, as `[rows]`.
///
/// The maximum is subtracted before the exponential, so logits of ±1e4 are exact; the gradient is
/// `onehot - softmax`. A class of logit `-inf` has probability 0 and no gradient. A label outside the classes is not looked
/// for.
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
        if !has_extensions(&logits.device()) {
            return activation::log_softmax(logits, 1)
                .gather(1, labels.reshape([rows, 1]))
                .reshape([rows]);
        }
        Tensor::from_dispatch(Dispatch::categorical_label(
            logits.into_dispatch(),
            labels.into_dispatch(),
            LabelMeasure::LogProb,
        ))
    })
}

/// Log-odds `log(p / (1 - p))` that `logits` `[rows, classes]` give each row's label `[rows]`, as `[rows]`.
///
/// ```text
/// z_label - log Σ exp(z)   over the other classes
/// ```
///
/// `log p = log_sigmoid(log_odds)` and `log(1 - p) = log_sigmoid(-log_odds)` are both exact, however sure the logits are. The
/// gradient is 1 at the label and minus the softmax of the others beside it. Not defined for a single class.
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_core::numerics::label_log_odds;
///
/// let device = Device::flex();
/// let logits = Tensor::<2>::from_floats([[0.0, 0.0], [1e4, -1e4]], &device);
/// let labels = Tensor::<1, Int>::from_data([1, 0], &device);
/// assert_eq!(label_log_odds(logits, labels).into_data().to_vec::<f32>().unwrap(), [0.0, 2e4]);
/// ```
///
/// # Panics
///
/// When there is not one label a row.
pub fn label_log_odds(logits: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
    let [rows, classes] = logits.dims();
    check_shape!("label_log_odds", labels, [rows]);
    in_f32(logits, |logits| {
        if !has_extensions(&logits.device()) {
            let own = logits.clone().gather(1, labels.clone().reshape([rows, 1]));
            let others = logits.mask_fill(one_hot_mask(labels, classes), LEFT_OUT);
            return (own - log_sum_exp(others, 1)).reshape([rows]);
        }
        Tensor::from_dispatch(Dispatch::categorical_label(
            logits.into_dispatch(),
            labels.into_dispatch(),
            LabelMeasure::LogOdds,
        ))
    })
}

/// Kullback-Leibler divergence of each row from constant `target_logits` to `logits`, both `[rows, classes]` and divided by
/// the `temperature`, as `[rows]`.
///
/// ```text
/// Σ p (log p - log q),   p = softmax(target_logits / T), q = softmax(logits / T);   gradient to logits: (q - p) / T
/// ```
///
/// No gradient reaches the target. Finite logits of any size give a finite value.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::numerics::softmax_kl;
///
/// let device = Device::flex();
/// let certain = Tensor::<2>::from_floats([[1e4, -1e4]], &device);
/// let from_a_coin: f32 = softmax_kl(certain, Tensor::zeros([1, 2], &device), 4.0).into_scalar();
/// assert!((from_a_coin - 2f32.ln()).abs() < 1e-6);
/// ```
///
/// # Panics
///
/// When the shapes differ.
pub fn softmax_kl(target_logits: Tensor<2>, logits: Tensor<2>, temperature: f64) -> Tensor<1> {
    let [rows, classes] = logits.dims();
    check_shape!("softmax_kl", target_logits, [rows, classes]);
    let sharpness = temperature.recip();
    in_f32(logits, |logits| {
        let target_logits = target_logits.without_autodiff().cast(logits.dtype());
        if !has_extensions(&logits.device()) {
            let [log_p, log_q] = [target_logits, logits]
                .map(|logits| activation::log_softmax(logits * sharpness, 1));
            return kl_divergence(log_p, log_q, 1).reshape([rows]);
        }
        Tensor::from_dispatch(Dispatch::categorical_kl(
            target_logits.into_dispatch(),
            logits.into_dispatch(),
            sharpness,
        ))
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
    use burn::tensor::Device;

    use super::*;
    use crate::host::floats;

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
        let labels = Tensor::from_data([2, 0], &Device::flex());
        let mask = one_hot_mask(labels, 3);
        assert_eq!(floats(&mask.float()), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
    }
}
