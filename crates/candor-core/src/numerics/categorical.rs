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
        let labels = labels.reshape([rows, 1]);
        let plain = logits.clone().without_autodiff();
        let Softmax {
            probs,
            max,
            log_sum,
        } = Softmax::new(plain.clone());
        let value = plain.gather(1, labels.clone()) - max - log_sum;
        with_gradient(value, logits, || {
            let one = Tensor::ones_like(&labels.clone().float()).cast(probs.dtype());
            (-probs).scatter(1, labels, one, IndexingUpdateOp::Add)
        })
    })
}

/// Kullback-Leibler divergence of each row from constant `target_logits` to `logits`, both `[rows, classes]`, as `[rows]`.
///
/// ```text
/// Σ p (log p - log q),   p = softmax(target_logits), q = softmax(logits);   gradient to logits: q - p
/// ```
///
/// No gradient reaches the target. Finite logits of any size give a finite value.
///
/// # Panics
///
/// When the shapes differ.
pub fn softmax_kl(target_logits: Tensor<2>, logits: Tensor<2>) -> Tensor<1> {
    let [rows, classes] = logits.dims();
    check_shape!("softmax_kl", target_logits, [rows, classes]);
    in_f32(logits, |logits| {
        let (p, q) = (
            target_logits.without_autodiff().cast(logits.dtype()),
            logits.clone().without_autodiff(),
        );
        let (target, student) = (Softmax::new(p.clone()), Softmax::new(q.clone()));
        let differences = (p - target.max) - (q - student.max);
        let value =
            (target.probs.clone() * differences).sum_dim(1) - target.log_sum + student.log_sum;
        with_gradient(value, logits, || student.probs - target.probs)
    })
}

/// The softmax of each row, and what its logarithm is made of: `log p = logit - max - log_sum`.
struct Softmax {
    probs: Tensor<2>,
    max: Tensor<2>,
    log_sum: Tensor<2>,
}

impl Softmax {
    /// Logits must be on a device without autodiff: there a backend's own softmax is used, which it is not when every
    /// step of it is recorded.
    fn new(logits: Tensor<2>) -> Self {
        let probs = activation::softmax(logits.clone(), 1);
        Self {
            // The largest logit has probability 1 / Σ exp(logit - max): no second exponential is needed.
            log_sum: -probs.clone().max_dim(1).log(),
            max: logits.max_dim(1),
            probs,
        }
    }
}

/// A value a row, `[rows, 1]`, as a function of `input` `[rows, classes]` whose gradient is known in closed form.
///
/// Adds `gradient · (input - input)`, whose value is 0. Recording softmax step by step costs several times as much in
/// time and memory, and its backward pass knows nothing that is not known here.
fn with_gradient(
    value: Tensor<2>,
    input: Tensor<2>,
    gradient: impl FnOnce() -> Tensor<2>,
) -> Tensor<1> {
    let [rows, _] = value.dims();
    let value = value.reshape([rows]);
    if !input.is_tracked() {
        return value;
    }
    // A logit of -inf, as masks set it, must not become -inf - -inf.
    let input = input.clamp_min(f64::from(f32::MIN));
    let zeros = input.clone() - input.detach();
    value + (zeros * gradient()).sum_dim(1).reshape([rows])
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
    fn a_masked_class_has_no_gradient_and_spoils_none() {
        let device = Device::flex().autodiff();
        let logits =
            Tensor::<2>::from_floats([[0.0, 0.0, f32::NEG_INFINITY]], &device).require_grad();
        let log_probs = label_log_probs(logits.clone(), labels(&[0], &device));
        assert!((floats(&log_probs)[0] + 2f64.ln()).abs() < 1e-6);
        let gradients = log_probs.sum().backward();
        assert_eq!(floats(&logits.grad(&gradients).unwrap()), [0.5, -0.5, 0.0]);
    }

    #[test]
    fn closed_form_and_recorded_softmax_agree_in_value_and_gradient() {
        let options = (&Device::flex().autodiff(), DType::F64);
        let target = Tensor::<2>::from_data([[0.3, -2.0, 1.1], [4.0, 0.0, -7.0]], options);
        let tracked =
            || Tensor::<2>::from_data([[1.0, 0.5, -0.2], [-3.0, 2.0, 0.1]], options).require_grad();
        let log_softmax = |logits: Tensor<2>| activation::log_softmax(logits, 1);
        let check = |closed: &dyn Fn(Tensor<2>) -> Tensor<1>,
                     recorded: &dyn Fn(Tensor<2>) -> Tensor<1>| {
            let [a, b] = [closed, recorded].map(|function| {
                let logits = tracked();
                let values = function(logits.clone());
                let weighted = values.clone() * Tensor::from_data([2.0, -3.0], options);
                let gradient = logits.grad(&weighted.sum().backward()).unwrap();
                [floats(&values), floats(&gradient)].concat()
            });
            for (a, b) in a.iter().zip(&b) {
                assert!((a - b).abs() < 1e-12, "{a} and {b}");
            }
        };
        check(&|logits| softmax_kl(target.clone(), logits), &|logits| {
            kl_divergence(log_softmax(target.clone()), log_softmax(logits), 1).squeeze_dim(1)
        });
        let rows = || labels(&[2, 0], &Device::flex());
        check(&|logits| label_log_probs(logits, rows()), &|logits| {
            log_softmax(logits)
                .gather(1, rows().reshape([2, 1]))
                .squeeze_dim(1)
        });
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
