//! Log-probabilities and divergences of given logits against the recorded log-softmax.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::float_cmp)]

use burn::tensor::activation::log_softmax;
use burn::tensor::{DType, Device, FloatDType, Int, Tensor, TensorData};
use candor_core::host::floats;
use candor_core::numerics::{
    kl_divergence, label_log_odds, label_log_probs, log_sum_exp, one_hot_mask, softmax_kl,
};
use candor_testkit::{check_gradient, devices};
use proptest::prelude::*;

/// Logits without a pattern, between -6 and 6.
fn logits([rows, classes]: [usize; 2], seed: f64, device: &Device, dtype: DType) -> Tensor<2> {
    let numbers = (0..rows * classes)
        .map(|i| 6.0 * (seed + 1.7 * i as f64 + (i as f64).sqrt()).sin())
        .collect();
    Tensor::from_data(TensorData::new(numbers, [rows, classes]), (device, dtype))
}

fn labels(rows: usize, classes: usize, device: &Device) -> Tensor<1, Int> {
    let values: Vec<i64> = (0..rows).map(|row| (7 * row % classes) as i64).collect();
    Tensor::from_data(values.as_slice(), device)
}

fn recorded_kl(target: Tensor<2>, logits: Tensor<2>, temperature: f64) -> Tensor<1> {
    let [p, q] = [target, logits].map(|logits| log_softmax(logits / temperature, 1));
    kl_divergence(p, q, 1).squeeze_dim(1)
}

fn recorded_log_probs(logits: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
    let [rows, _] = logits.dims();
    log_softmax(logits, 1)
        .gather(1, labels.reshape([rows, 1]))
        .squeeze_dim(1)
}

/// The others' log-sum-exp comes from logits whose label is far below them.
fn recorded_log_odds(logits: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
    let [rows, classes] = logits.dims();
    let own = logits.clone().gather(1, labels.clone().reshape([rows, 1]));
    let others = logits.mask_fill(one_hot_mask(labels, classes), -1e6);
    (own - log_sum_exp(others, 1)).squeeze_dim(1)
}

/// Where the composition runs: on the device itself, and under fusion, where Burn 0.22.1 gave wrong values, on a processor.
fn composing(device: &Device) -> Device {
    if cfg!(feature = "fusion") {
        return Device::flex();
    }
    device.clone()
}

/// Values, and the gradient of their sum with another weight for each row.
fn value_and_gradient(
    logits: &Tensor<2>,
    function: impl Fn(Tensor<2>) -> Tensor<1>,
) -> [Vec<f64>; 2] {
    let tracked = logits.clone().autodiff().require_grad();
    let values = function(tracked.clone());
    let weights = Tensor::arange(1..values.dims()[0] as i64 + 1, &logits.device());
    let weighted = values.clone() * weights.float().cast(logits.dtype()).autodiff();
    let gradient = tracked.grad(&weighted.sum().backward()).unwrap();
    [floats(&values.inner()), floats(&gradient)]
}

#[test]
fn closed_forms_are_the_recorded_softmax_on_every_device() {
    for named in devices() {
        let device = &named.device;
        let there = &composing(device);
        for [rows, classes] in [[1, 2], [2, 3], [5, 100], [70, 513]] {
            let given = |device| logits([rows, classes], 0.3, device, DType::F32);
            let target = |device| logits([rows, classes], 2.1, device, DType::F32);
            let labels = |device| labels(rows, classes, device);
            let pairs = [
                (
                    value_and_gradient(&given(device), |x| label_log_probs(x, labels(device))),
                    value_and_gradient(&given(there), |x| recorded_log_probs(x, labels(there))),
                ),
                (
                    value_and_gradient(&given(device), |x| label_log_odds(x, labels(device))),
                    value_and_gradient(&given(there), |x| recorded_log_odds(x, labels(there))),
                ),
                (
                    value_and_gradient(&given(device), |x| softmax_kl(target(device), x, 2.5)),
                    value_and_gradient(&given(there), |x| {
                        recorded_kl(target(there).autodiff(), x, 2.5)
                    }),
                ),
            ];
            for (closed, recorded) in pairs {
                for (a, b) in closed.concat().iter().zip(recorded.concat()) {
                    let name = named.name;
                    assert!(
                        (a - b).abs() < 2e-5 * (1.0 + b.abs()),
                        "{name}: {a} and {b}"
                    );
                }
            }
        }
    }
}

#[test]
fn gradients_are_those_of_central_differences() {
    let device = Device::flex();
    let of = |seed| logits([3, 5], seed, &device, DType::F64);
    check_gradient(of(0.2), |x| {
        label_log_probs(x, labels(3, 5, &device)).square().sum()
    });
    check_gradient(of(0.2), |x| {
        label_log_odds(x, labels(3, 5, &device)).square().sum()
    });
    check_gradient(of(0.2), |x| softmax_kl(of(1.0), x, 3.0).square().sum());
}

#[test]
fn a_single_class_is_certain() {
    for named in devices() {
        let given = logits([3, 1], 0.3, &named.device, DType::F32);
        let labels = || Tensor::<1, Int>::zeros([3], &named.device);
        let [value, gradient] = value_and_gradient(&given, |x| label_log_probs(x, labels()));
        assert_eq!(value, [0.0; 3]);
        assert_eq!(gradient, [0.0; 3]);
    }
}

#[test]
fn log_odds_keep_the_probability_that_is_left() {
    let device = Device::flex();
    let sure = Tensor::<2>::from_floats([[100.0, 0.0, 0.0]], &device);
    let odds = label_log_odds(sure, Tensor::from_data([0], &device));
    assert!((floats(&odds)[0] - (100.0 - 2f64.ln())).abs() < 1e-5);
}

#[test]
fn nothing_is_asked_of_the_target() {
    let target = Tensor::<2>::from_floats([[1.0, 2.0]], &Device::flex().autodiff()).require_grad();
    let divergence = softmax_kl(target.clone(), Tensor::zeros_like(&target), 1.0);
    assert!(!divergence.is_tracked());
}

#[test]
fn a_masked_class_has_no_gradient_and_spoils_none() {
    let masked = Tensor::<2>::from_floats([[0.0, 0.0, f32::NEG_INFINITY]], &Device::flex());
    let label = || Tensor::from_data([0], &Device::flex());
    let [value, gradient] = value_and_gradient(&masked, |x| label_log_probs(x, label()));
    assert!((value[0] + 2f64.ln()).abs() < 1e-6);
    assert_eq!(gradient, [0.5, -0.5, 0.0]);
}

#[test]
fn huge_logits_are_exact_on_every_device() {
    for named in devices() {
        let device = &named.device;
        let sure = Tensor::<2>::from_floats([[1e4, -1e4, -1e4], [0.0, 0.0, -1e4]], device);
        let wrong = || Tensor::from_data([1, 1], device);
        let [value, gradient] = value_and_gradient(&sure, |x| label_log_probs(x, wrong()));
        assert_eq!(value[0], -2e4, "{}", named.name);
        assert_eq!(gradient[..3], [-1.0, 1.0, 0.0], "{}", named.name);
        let [value, gradient] = value_and_gradient(&sure, |x| label_log_odds(x, wrong()));
        assert_eq!(value, [-2e4, 0.0], "{}", named.name);
        assert_eq!(gradient, [-1.0, 1.0, 0.0, -2.0, 2.0, 0.0], "{}", named.name);
        let target = || Tensor::<2>::from_floats([[-1e4, 1e4, -1e4], [1e4, 1e4, -1e4]], device);
        let [value, gradient] = value_and_gradient(&sure, |x| softmax_kl(target(), x, 1.0));
        assert_eq!(value[0], 2e4, "{}", named.name);
        assert!(value[1].abs() < 1e-6, "{}", named.name);
        assert_eq!(gradient[..3], [1.0, -1.0, 0.0], "{}", named.name);
        assert!(gradient[3..].iter().all(|entry| entry.abs() < 1e-6));
    }
}

#[test]
fn half_precision_is_summed_in_single_precision_and_returned_in_its_own() {
    let device = Device::flex();
    let flat = Tensor::<2>::zeros([1, 4096], (&device, DType::F32)).cast(FloatDType::F16);
    let log_probs = label_log_probs(flat.clone(), Tensor::from_data([7], &device));
    assert_eq!(log_probs.dtype(), DType::F16);
    assert!((floats(&log_probs)[0] + 4096f64.ln()).abs() < 5e-3);
    let single = flat.clone().cast(FloatDType::F32);
    assert_eq!(softmax_kl(single, flat, 1.0).dtype(), DType::F16);
}

#[test]
fn views_are_read_as_they_are() {
    let device = Device::flex();
    let turned = logits([6, 4], 0.7, &device, DType::F32)
        .transpose()
        .flip([1]);
    let copied = Tensor::<2>::from_data(turned.clone().into_data(), &device);
    let label = || labels(4, 6, &device);
    assert_eq!(
        value_and_gradient(&turned, |x| label_log_probs(x, label())),
        value_and_gradient(&copied, |x| label_log_probs(x, label())),
    );
    let target = || logits([4, 6], 1.0, &device, DType::F32);
    assert_eq!(
        value_and_gradient(&turned, |x| softmax_kl(target(), x, 2.0)),
        value_and_gradient(&copied, |x| softmax_kl(target(), x, 2.0)),
    );
}

#[test]
fn an_empty_batch_has_no_values() {
    let device = Device::flex();
    let none = || Tensor::<2>::zeros([0, 3], &device);
    let labels = Tensor::<1, Int>::zeros([0], &device);
    assert_eq!(label_log_probs(none(), labels).dims(), [0]);
    assert_eq!(softmax_kl(none(), none(), 1.0).dims(), [0]);
}

#[test]
#[should_panic(expected = "softmax_kl: target_logits has shape [2, 4], wanted [2, 3]")]
fn other_classes_are_named() {
    let device = Device::flex();
    softmax_kl(
        Tensor::zeros([2, 4], &device),
        Tensor::zeros([2, 3], &device),
        1.0,
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_shift_of_the_logits_changes_nothing(
        entries in proptest::collection::vec(-30.0f64..30.0, 8),
        shift in -1e3f64..1e3,
        temperature in 0.1f64..10.0,
    ) {
        let device = Device::flex();
        let matrix = |entries: &[f64]| {
            Tensor::<2>::from_data(TensorData::new(entries.to_vec(), [1, 4]), (&device, DType::F64))
        };
        let (target, given) = (matrix(&entries[..4]), matrix(&entries[4..]));
        let value = |target: &Tensor<2>, given: &Tensor<2>| {
            let label = Tensor::from_data([2], &device);
            let kl = softmax_kl(target.clone(), given.clone(), temperature);
            [floats(&kl)[0], floats(&label_log_probs(given.clone(), label))[0]]
        };
        let plain = value(&target, &given);
        let shifted = value(&(target - shift), &(given + shift));
        for (a, b) in plain.iter().zip(shifted) {
            prop_assert!((a - b).abs() < 1e-9 * (1.0 + a.abs()), "{} and {}", a, b);
        }
        prop_assert!(plain[0] >= -1e-12 && plain[1] <= 0.0);
    }
}
