//! Ignored rows, extreme logits, frozen weights, other precisions and strategies, and what is refused.

use burn::nn::loss::Reduction;
use burn::tensor::{DType, Device, FloatDType, Int, Tensor};
use candor_core::MemoryBudget;
use candor_core::host::floats;
use candor_core::linear::{
    LinearCrossEntropyConfig, LinearJsdConfig, LinearKlConfig, LinearLogits, linear_log_probs,
    linear_statistics,
};
use candor_testkit::devices;

use super::operands::{AMPLE, Operands, Parts, budgets, close};

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
