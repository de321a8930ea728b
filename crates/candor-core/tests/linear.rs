//! The fused operators against their reference, on every backend compiled in.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use burn::nn::loss::Reduction;
use burn::tensor::{DType, Device, FloatDType, Int, Tensor};
use candor_core::MemoryBudget;
use candor_core::host::floats;
use candor_core::linear::{
    Divergence, KlDirection, LinearCrossEntropyConfig, LinearJsdConfig, LinearKlConfig,
    LinearLogits, TokenStatistics, linear_log_probs, linear_statistics, reference,
};
use candor_testkit::{check_gradient, devices};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Rows, classes and width: one of each, primes, and more classes than a vector register or a cube.
const SHAPES: [[usize; 3]; 6] = [
    [1, 1, 1],
    [1, 7, 3],
    [5, 1, 4],
    [3, 17, 5],
    [7, 131, 8],
    [4, 1031, 2],
];

/// Room for everything at once.
const AMPLE: MemoryBudget = MemoryBudget::mib(64);

/// From a few classes at a time, or one, to everything at once.
fn budgets([rows, classes, _]: [usize; 3]) -> [MemoryBudget; 4] {
    let tile = 4 * rows * classes;
    let least = if classes < 20 { 1 } else { tile / 7 };
    [least, tile / 3, 4 * tile, AMPLE.as_bytes()].map(MemoryBudget::bytes)
}

struct Parts {
    hidden: Vec<f64>,
    weight: Vec<f64>,
    bias: Vec<f64>,
    targets: Vec<i64>,
    shape: [usize; 3],
}

/// Operands as tensors whose gradients can be asked for.
struct Operands {
    hidden: Tensor<2>,
    weight: Tensor<2>,
    bias: Tensor<1>,
}

impl Parts {
    fn new(shape: [usize; 3], scale: f64, seed: u64) -> Self {
        let [rows, classes, width] = shape;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut values = |count: usize| -> Vec<f64> {
            (0..count)
                .map(|_| scale * rng.random_range(-1.0..1.0))
                .collect()
        };
        let (hidden, weight, bias) = (
            values(rows * width),
            values(classes * width),
            values(classes),
        );
        let targets = (0..rows)
            .map(|_| rng.random_range(0..classes as i64))
            .collect();
        Self {
            hidden,
            weight,
            bias,
            targets,
            shape,
        }
    }

    /// Constants.
    fn constants(&self, device: &Device, dtype: DType) -> Operands {
        let [rows, classes, width] = self.shape;
        let device = device.clone().without_autodiff();
        let vector = |values: &[f64]| Tensor::<1>::from_data(values, (&device, dtype));
        Operands {
            hidden: vector(&self.hidden).reshape([rows, width]),
            weight: vector(&self.weight).reshape([classes, width]),
            bias: vector(&self.bias),
        }
    }

    fn operands(&self, device: &Device, dtype: DType) -> Operands {
        self.constants(device, dtype).tracked()
    }

    fn targets(&self, device: &Device) -> Tensor<1, Int> {
        Tensor::from_data(self.targets.as_slice(), device)
    }

    fn row_weights(&self, device: &Device, dtype: DType) -> Tensor<1> {
        let weights: Vec<f64> = (0..self.shape[0]).map(|row| 0.3 + row as f64).collect();
        Tensor::from_data(weights.as_slice(), (device, dtype))
    }
}

impl Operands {
    fn tracked(self) -> Self {
        Self {
            hidden: self.hidden.autodiff().require_grad(),
            weight: self.weight.autodiff().require_grad(),
            bias: self.bias.autodiff().require_grad(),
        }
    }

    /// With a bias, a soft cap and a temperature, so that no part of the map is left out.
    fn logits(&self, budget: MemoryBudget) -> LinearLogits {
        LinearLogits::new(self.hidden.clone(), self.weight.clone())
            .with_bias(self.bias.clone())
            .with_soft_cap(3.0)
            .unwrap()
            .with_temperature(0.8)
            .unwrap()
            .with_budget(budget)
    }

    fn value_and_gradients(&self, loss: &Tensor<1>) -> Vec<Vec<f64>> {
        let gradients = loss.clone().sum().backward();
        let (hidden, weight) = (&self.hidden, &self.weight);
        vec![
            floats(loss),
            floats(&hidden.grad(&gradients).unwrap()),
            floats(&weight.grad(&gradients).unwrap()),
            floats(&self.bias.grad(&gradients).unwrap()),
        ]
    }
}

fn close(what: &str, ours: &[Vec<f64>], reference: &[Vec<f64>], tolerance: f64) {
    for (part, (ours, reference)) in ours.iter().zip(reference).enumerate() {
        assert_eq!(ours.len(), reference.len(), "{what}, part {part}");
        for (index, (a, b)) in ours.iter().zip(reference).enumerate() {
            assert!(
                (a - b).abs() <= tolerance * (1.0 + b.abs()),
                "{what}, part {part}, entry {index}: {a} and {b}"
            );
        }
    }
}

/// Each device with the types it holds, and the tolerance of each.
fn precisions() -> Vec<(String, Device, DType, f64)> {
    let mut all = Vec::new();
    for named in devices() {
        // Software Vulkan claims f64 and computes garbage in it, without Candor's kernels too.
        let on_processor = ["flex", "ndarray"].contains(&named.name);
        for (dtype, tolerance) in [(DType::F32, 3e-5), (DType::F64, 1e-11)] {
            if dtype == DType::F32 || on_processor {
                let name = format!("{} {dtype:?}", named.name);
                all.push((name, named.device.clone().autodiff(), dtype, tolerance));
            }
        }
    }
    all
}

/// One number of all five statistics, so that every gradient takes part.
fn mixture(statistics: &TokenStatistics, row_weights: &Tensor<1>) -> Tensor<1> {
    let TokenStatistics {
        log_probs,
        log_sum_exp,
        entropy,
        mean_logit,
        ..
    } = statistics.clone();
    (log_probs * 1.3 - log_sum_exp * 0.7 + entropy * 0.5 + mean_logit * 2.0) * row_weights.clone()
}

#[test]
fn statistics_and_their_gradients_are_the_reference_s_under_every_budget() {
    for (name, device, dtype, tolerance) in precisions() {
        for (seed, shape) in SHAPES.into_iter().enumerate() {
            let parts = Parts::new(shape, 1.5, seed as u64);
            let operands = parts.operands(&device, dtype);
            let row_weights = parts.row_weights(&device, dtype);
            let expected = reference::statistics(operands.logits(AMPLE), parts.targets(&device));
            let plain = operands.value_and_gradients(&mixture(&expected, &row_weights));
            for budget in budgets(shape) {
                let statistics = linear_statistics(operands.logits(budget), parts.targets(&device));
                let what = format!("{name} {shape:?} {budget:?}");
                let ours = operands.value_and_gradients(&mixture(&statistics, &row_weights));
                close(&what, &ours, &plain, tolerance);
                assert_eq!(floats(&statistics.top1), floats(&expected.top1), "{what}");
            }
        }
    }
}

#[test]
fn cross_entropy_is_the_reference_s_under_every_budget() {
    let loss = LinearCrossEntropyConfig::new()
        .with_label_smoothing(0.1)
        .with_z_loss(0.01)
        .with_ignore_index(Some(0))
        .init()
        .unwrap();
    for (name, device, dtype, tolerance) in precisions() {
        for (seed, shape) in SHAPES.into_iter().enumerate() {
            let parts = Parts::new(shape, 1.5, seed as u64);
            let operands = parts.operands(&device, dtype);
            let targets = parts.targets(&device);
            let statistics = reference::statistics(operands.logits(AMPLE), targets.clone());
            let counted = targets.clone().equal_elem(0).bool_not().float().cast(dtype);
            let mean_log_prob = statistics.mean_logit - statistics.log_sum_exp.clone();
            let losses = statistics.log_probs * -0.9 - mean_log_prob * 0.1
                + statistics.log_sum_exp.clone() * statistics.log_sum_exp * 0.01;
            let count = counted.clone().sum().clamp_min(1.0);
            let plain = operands.value_and_gradients(&((losses * counted).sum() / count));
            for budget in budgets(shape) {
                let value = loss.forward(operands.logits(budget), targets.clone(), Reduction::Mean);
                let what = format!("{name} {shape:?} {budget:?}");
                close(
                    &what,
                    &operands.value_and_gradients(&value),
                    &plain,
                    tolerance,
                );
                let rows = loss.forward_no_reduction(operands.logits(budget), targets.clone());
                let mean = rows.sum()
                    / targets
                        .clone()
                        .not_equal_elem(0)
                        .float()
                        .cast(dtype)
                        .sum()
                        .clamp_min(1.0);
                close(
                    &what,
                    &operands.value_and_gradients(&mean),
                    &plain,
                    tolerance,
                );
            }
        }
    }
}

#[test]
fn a_row_can_leave_out_the_class_of_its_own_number_under_every_budget() {
    let shape = [7, 9, 3];
    let targets = [1, 2, 0, 8, 7, 3, 2]; // none is the row's own
    for (name, device, dtype, tolerance) in precisions() {
        // The own class would dominate all others by far, so that it could not be subtracted afterwards.
        let mut parts = Parts::new(shape, 1.5, 5);
        parts.targets = targets.to_vec();
        for row in 0..7 {
            parts.bias[row] += 2.0 * (row as f64);
        }
        let operands = parts.operands(&device, dtype);
        let row_weights = parts.row_weights(&device, dtype);
        let mixture = |statistics: TokenStatistics| {
            let TokenStatistics {
                log_probs,
                log_sum_exp,
                entropy,
                ..
            } = statistics;
            (log_probs * 1.3 - log_sum_exp * 0.7 + entropy * 0.5) * row_weights.clone()
        };
        let logits = |budget| operands.logits(budget).without_own_class();
        let plain = mixture(reference::statistics(logits(AMPLE), parts.targets(&device)));
        let plain = operands.value_and_gradients(&plain);
        let loss = LinearCrossEntropyConfig::new().init().unwrap();
        let rows = loss.forward_no_reduction(logits(AMPLE), parts.targets(&device));
        let rows = operands.value_and_gradients(&rows.mean());
        for budget in budgets(shape) {
            let what = format!("{name} {budget:?}");
            let ours = mixture(linear_statistics(logits(budget), parts.targets(&device)));
            close(
                &what,
                &operands.value_and_gradients(&ours),
                &plain,
                tolerance,
            );
            let ours = loss.forward(logits(budget), parts.targets(&device), Reduction::Mean);
            close(
                &what,
                &operands.value_and_gradients(&ours),
                &rows,
                tolerance,
            );
        }
    }
}

#[test]
fn divergences_are_the_reference_s_under_every_budget() {
    let kinds = [
        Divergence::ForwardKl,
        Divergence::ReverseKl,
        Divergence::JensenShannon { beta: 0.3 },
    ];
    for (name, device, dtype, tolerance) in precisions() {
        for (seed, shape) in SHAPES.into_iter().enumerate() {
            let parts = Parts::new(shape, 1.5, seed as u64);
            let operands = parts.operands(&device, dtype);
            // The teacher is wider, without a bias.
            let [rows, classes, width] = shape;
            let teacher = Parts::new([rows, classes, width + 3], 1.2, 77 + seed as u64)
                .constants(&device, dtype);
            let teacher = LinearLogits::new(teacher.hidden, teacher.weight);
            let row_weights = parts.row_weights(&device, dtype);
            for divergence in kinds {
                let plain = reference::divergence(
                    operands.logits(AMPLE),
                    teacher.clone(),
                    row_weights.clone(),
                    divergence,
                );
                let plain = operands.value_and_gradients(&plain);
                for budget in budgets(shape) {
                    let value = forward(
                        divergence,
                        operands.logits(budget),
                        teacher.clone(),
                        row_weights.clone(),
                    );
                    let what = format!("{name} {shape:?} {divergence:?} {budget:?}");
                    close(
                        &what,
                        &operands.value_and_gradients(&value),
                        &plain,
                        tolerance,
                    );
                }
            }
        }
    }
}

fn forward(
    divergence: Divergence,
    student: LinearLogits,
    teacher: LinearLogits,
    row_weights: Tensor<1>,
) -> Tensor<1> {
    let kl = |direction| {
        LinearKlConfig::new()
            .with_direction(direction)
            .init()
            .unwrap()
    };
    match divergence {
        Divergence::ForwardKl => {
            kl(KlDirection::Forward).forward_weighted(student, teacher, row_weights)
        }
        Divergence::ReverseKl => {
            kl(KlDirection::Reverse).forward_weighted(student, teacher, row_weights)
        }
        Divergence::JensenShannon { beta } => LinearJsdConfig::new()
            .with_beta(beta)
            .init()
            .unwrap()
            .forward_weighted(student, teacher, row_weights),
    }
}

#[test]
fn values_without_autodiff_are_those_with_it() {
    for named in devices() {
        let parts = Parts::new([4, 37, 6], 2.0, 5);
        let value = |operands: Operands| {
            let loss = LinearCrossEntropyConfig::new().init().unwrap();
            let targets = parts.targets(&named.device);
            floats(&loss.forward(operands.logits(AMPLE), targets, Reduction::Sum))
        };
        let plain = value(parts.constants(&named.device, DType::F32));
        let tracked = value(parts.operands(&named.device, DType::F32));
        close(named.name, &[plain], &[tracked], 1e-6);
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    let parts = Parts::new([3, 9, 4], 1.0, 3);
    let device = Device::flex();
    let operands = parts.constants(&device, DType::F64);
    let teacher = Parts::new([3, 9, 4], 1.0, 4).constants(&device, DType::F64);
    let with_hidden = |hidden: Tensor<2>| {
        LinearLogits::new(hidden, operands.weight.clone())
            .with_bias(operands.bias.clone())
            .with_budget(MemoryBudget::bytes(100))
    };
    let row_weights = parts.row_weights(&device, DType::F64);
    check_gradient(operands.hidden.clone(), |hidden: Tensor<2>| {
        let statistics = linear_statistics(with_hidden(hidden), parts.targets(&device));
        mixture(&statistics, &row_weights).sum()
    });
    for beta in [0.0, 0.4, 1.0] {
        let jsd = LinearJsdConfig::new()
            .with_beta(beta)
            .with_temperature(1.5)
            .init()
            .unwrap();
        check_gradient(operands.hidden.clone(), |hidden: Tensor<2>| {
            let teacher = LinearLogits::new(teacher.hidden.clone(), teacher.weight.clone());
            jsd.forward(with_hidden(hidden), teacher, Reduction::Sum)
        });
    }
}

#[test]
fn rows_that_are_all_ignored_cost_nothing_and_teach_nothing() {
    for named in devices() {
        let device = named.device.autodiff();
        let operands = Parts::new([3, 11, 4], 1.0, 9).operands(&device, DType::F32);
        let targets = Tensor::<1, Int>::from_data([-100, -100, -100], &device);
        let loss = LinearCrossEntropyConfig::new()
            .with_ignore_index(Some(-100))
            .init()
            .unwrap();
        let value = loss.forward(operands.logits(AMPLE), targets, Reduction::Mean);
        for part in operands.value_and_gradients(&value) {
            assert!(
                part.iter().all(|&entry| entry == 0.0),
                "{}: {part:?}",
                named.name
            );
        }
    }
}

#[test]
fn extreme_logits_stay_finite() {
    for named in devices() {
        let device = named.device.autodiff();
        for budget in budgets([2, 3, 1]) {
            let operands = Operands {
                hidden: Tensor::<2>::from_floats([[1e2], [-1e2]], &device).require_grad(),
                weight: Tensor::<2>::from_floats([[1e2], [0.0], [-1e2]], &device).require_grad(),
                bias: Tensor::<1>::zeros([3], &device).require_grad(),
            };
            let logits = || {
                LinearLogits::new(operands.hidden.clone(), operands.weight.clone())
                    .with_bias(operands.bias.clone())
                    .with_budget(budget)
            };
            let targets = Tensor::<1, Int>::from_data([2, 2], &device);
            let statistics = linear_statistics(logits(), targets.clone());
            assert_eq!(floats(&statistics.log_probs), [-2e4, 0.0], "{}", named.name);
            assert_eq!(floats(&statistics.entropy), [0.0, 0.0], "{}", named.name);
            let teacher = || LinearLogits::new(-operands.hidden.clone(), operands.weight.clone());
            let jsd = LinearJsdConfig::new().init().unwrap();
            let value = jsd.forward(logits(), teacher(), Reduction::Mean);
            let parts = operands.value_and_gradients(&value);
            assert!(
                (parts[0][0] - 2f64.ln()).abs() < 1e-6,
                "{}: {parts:?}",
                named.name
            );
            assert!(parts.iter().flatten().all(|entry| entry.is_finite()));
            let kl = LinearKlConfig::new().init().unwrap();
            let value = kl.forward(logits(), teacher(), Reduction::Mean);
            assert!(
                operands
                    .value_and_gradients(&value)
                    .iter()
                    .flatten()
                    .all(|entry| entry.is_finite())
            );
        }
    }
}

#[test]
fn a_frozen_weight_gets_no_gradient_and_the_hidden_states_theirs() {
    for named in devices() {
        let parts = Parts::new([5, 29, 6], 1.0, 21);
        let device = named.device.clone().autodiff();
        let all = parts.operands(&device, DType::F32);
        let frozen = parts.constants(&named.device, DType::F32);
        let loss = LinearCrossEntropyConfig::new().init().unwrap();
        let gradient = |weight: Tensor<2>, bias: Tensor<1>| {
            let hidden = all.hidden.clone().detach().require_grad();
            let logits = LinearLogits::new(hidden.clone(), weight).with_bias(bias);
            let value = loss.forward(logits, parts.targets(&device), Reduction::Mean);
            floats(&hidden.grad(&value.backward()).unwrap())
        };
        let ours = gradient(frozen.weight, frozen.bias);
        close(
            named.name,
            &[ours],
            &[gradient(all.weight.clone(), all.bias.clone())],
            1e-6,
        );
    }
}

#[test]
fn gradient_checkpointing_changes_nothing() {
    let parts = Parts::new([4, 23, 5], 1.0, 2);
    let gradients = |device: Device| {
        // What is made on the device follows its strategy.
        let vector = |values: &[f64]| Tensor::<1>::from_data(values, &device);
        let operands = Operands {
            hidden: vector(&parts.hidden)
                .reshape([4, 5])
                .detach()
                .require_grad(),
            weight: vector(&parts.weight)
                .reshape([23, 5])
                .detach()
                .require_grad(),
            bias: vector(&parts.bias).require_grad(),
        };
        let targets = parts.targets(&Device::flex());
        let log_probs = linear_log_probs(operands.logits(MemoryBudget::bytes(100)), targets);
        operands.value_and_gradients(&log_probs)
    };
    let device = Device::flex().autodiff();
    close(
        "checkpointing",
        &gradients(device.clone().gradient_checkpointing()),
        &gradients(device),
        0.0,
    );
}

#[test]
fn half_precision_operands_are_summed_in_single_precision() {
    for named in devices() {
        for dtype in [DType::F16, DType::BF16] {
            if !named.device.supports_dtype(dtype) || named.name != "flex" {
                continue;
            }
            let parts = Parts::new([6, 257, 32], 1.0, 8);
            let half = parts.operands(&named.device.clone().autodiff(), dtype);
            // What the rounded operands say, in single precision.
            let wide = |tensor: &Tensor<2>| {
                tensor
                    .clone()
                    .detach()
                    .cast(FloatDType::F32)
                    .detach()
                    .require_grad()
            };
            let exact = Operands {
                hidden: wide(&half.hidden),
                weight: wide(&half.weight),
                bias: half
                    .bias
                    .clone()
                    .detach()
                    .cast(FloatDType::F32)
                    .detach()
                    .require_grad(),
            };
            let loss = LinearCrossEntropyConfig::new().init().unwrap();
            for budget in budgets(parts.shape) {
                let value = |operands: &Operands| {
                    let targets = parts.targets(&named.device);
                    let value = loss.forward(operands.logits(budget), targets, Reduction::Mean);
                    operands.value_and_gradients(&value)
                };
                let (ours, expected) = (value(&half), value(&exact));
                close("value", &ours[..1], &expected[..1], 1e-5);
                close(
                    "gradients",
                    &ours[1..],
                    &expected[1..],
                    if dtype == DType::F16 { 1e-3 } else { 8e-3 },
                );
            }
        }
    }
}

#[test]
fn illegal_settings_are_named() {
    let error = LinearCrossEntropyConfig::new()
        .with_label_smoothing(1.0)
        .init()
        .unwrap_err();
    assert!(error.to_string().contains("label_smoothing"), "{error}");
    let error = LinearCrossEntropyConfig::new()
        .with_z_loss(-1.0)
        .init()
        .unwrap_err();
    assert!(error.to_string().contains("z_loss"), "{error}");
    let error = LinearKlConfig::new()
        .with_temperature(0.0)
        .init()
        .unwrap_err();
    assert!(error.to_string().contains("temperature"), "{error}");
    let error = LinearJsdConfig::new().with_beta(1.5).init().unwrap_err();
    assert!(error.to_string().contains("beta"), "{error}");
    let logits = || {
        LinearLogits::new(
            Tensor::ones([1, 2], &Device::flex()),
            Tensor::ones([3, 2], &Device::flex()),
        )
    };
    assert!(logits().with_soft_cap(f64::NAN).is_err() && logits().with_temperature(-1.0).is_err());
    let loss = LinearCrossEntropyConfig::new()
        .with_ignore_index(Some(-1))
        .init()
        .unwrap();
    let targets = |target: i64| Tensor::<1, Int>::from_data([target], &Device::flex());
    assert!(
        loss.validate(&logits(), &targets(-1)).is_ok()
            && loss.validate(&logits(), &targets(2)).is_ok()
    );
    assert!(
        loss.validate(&logits(), &targets(3))
            .unwrap_err()
            .to_string()
            .contains("targets")
    );
}

#[test]
#[should_panic(expected = "LinearLogits: weight has shape [3, 4], wanted [_, 2]")]
fn widths_that_differ_are_named() {
    let device = Device::flex();
    LinearLogits::new(Tensor::ones([1, 2], &device), Tensor::ones([3, 4], &device));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn laws_of_distributions_hold(
        rows in 1usize..6, classes in 2usize..40, width in 1usize..6, scale in 0.1f64..20.0, seed in 0u64..1000,
        shift in -50.0f64..50.0,
    ) {
        let device = Device::flex();
        let parts = Parts::new([rows, classes, width], scale, seed);
        let operands = parts.constants(&device, DType::F64);
        let logits = LinearLogits::new(operands.hidden.clone(), operands.weight.clone());
        let shifted = logits.clone().with_bias(Tensor::ones([classes], (&device, DType::F64)) * shift);
        let a = linear_statistics(logits.clone(), parts.targets(&device));
        let b = linear_statistics(shifted, parts.targets(&device));
        // A constant added to every logit changes no probability.
        close("shift", &[floats(&b.log_probs), floats(&b.entropy)], &[floats(&a.log_probs), floats(&a.entropy)], 1e-9);
        for (entropy, log_prob) in floats(&a.entropy).into_iter().zip(floats(&a.log_probs)) {
            prop_assert!(log_prob <= 1e-12);
            prop_assert!(entropy > -1e-9 && entropy <= (classes as f64).ln() + 1e-9);
        }
        let other = Parts::new([rows, classes, width], scale, seed + 1).constants(&device, DType::F64);
        let other = LinearLogits::new(other.hidden, other.weight);
        let jsd = LinearJsdConfig::new().init().unwrap();
        let value = |a: &LinearLogits, b: &LinearLogits| {
            floats(&jsd.forward(a.clone(), b.clone(), Reduction::Mean))[0]
        };
        let there = value(&logits, &other);
        prop_assert!((there - value(&other, &logits)).abs() < 1e-9, "symmetric at beta 1/2");
        prop_assert!((-1e-9..=2f64.ln() + 1e-9).contains(&there));
        prop_assert!(value(&logits, &logits).abs() < 1e-9);
    }
}
