//! Laws of distributions, and gradients against finite differences.

use burn::nn::loss::Reduction;
use burn::tensor::{DType, Device, Tensor};
use candor_core::MemoryBudget;
use candor_core::host::floats;
use candor_core::linear::{LinearJsdConfig, LinearLogits, linear_statistics};
use candor_testkit::check_gradient;
use proptest::prelude::*;

use super::operands::{Parts, close, mixture};

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
