//! Gambler's loss and the sigmoid cross-entropy beside it.

use burn::nn::loss::Reduction;
use burn::tensor::{DType, Device, Tensor};
use candor_core::host::{floats, tensor_like};
use candor_losses::classification::{
    GamblerLoss, GamblerLossConfig, SigmoidCrossEntropy, SigmoidCrossEntropyConfig,
};
use candor_testkit::contract::{Objective, check_config, check_refused, check_send_sync};
use proptest::prelude::*;

fn matrix(values: &[f64], width: usize) -> Tensor<2> {
    let options = (&Device::flex(), DType::F64);
    Tensor::<1>::from_data(values, options).reshape([values.len() / width, width])
}

/// Targets of row i: class i, and in every fourth row none.
fn targets(rows: &[usize], classes: usize, like: &Tensor<2>) -> Tensor<2> {
    let of = |row: usize| {
        (0..classes).map(move |class| f64::from(u8::from(row % 4 != 3 && class == row % classes)))
    };
    let values = rows.iter().flat_map(|&row| of(row)).collect();
    tensor_like(values, [rows.len(), classes], like)
}

#[test]
fn gambler_keeps_the_contract() {
    for reward in [1.01, 4.0] {
        let loss = GamblerLossConfig::new().with_reward(reward).init().unwrap();
        Objective::new("GamblerLoss", 4, |logits, rows| {
            let targets = targets(rows, 3, &logits);
            loss.forward_no_reduction(logits, targets)
        })
        .reduced(|logits, rows, reduction| {
            let targets = targets(rows, 3, &logits);
            loss.forward(logits, targets, reduction)
        })
        .check();
    }
}

#[test]
fn sigmoid_cross_entropy_keeps_the_contract_balanced_or_not() {
    let plain = SigmoidCrossEntropyConfig::new().init().unwrap();
    Objective::new("SigmoidCrossEntropy", 3, |logits, rows| {
        let targets = targets(rows, 3, &logits);
        plain
            .forward_no_reduction(logits, targets)
            .mean_dim(1)
            .squeeze_dim(1)
    })
    .reduced(|logits, rows, reduction| {
        let targets = targets(rows, 3, &logits);
        let losses = plain.forward_no_reduction(logits, targets).mean_dim(1);
        candor_core::reduce(losses, &reduction)
    })
    .check();
    let config = SigmoidCrossEntropyConfig::new().with_class_balanced(true);
    let balanced = config.init().unwrap();
    Objective::new("SigmoidCrossEntropy", 3, |logits, rows| {
        let targets = targets(rows, 3, &logits);
        balanced
            .forward_no_reduction(logits, targets)
            .mean_dim(1)
            .squeeze_dim(1)
    })
    .batch_dependent()
    .check();
}

#[test]
fn configurations_survive_json_and_refuse_what_is_illegal() {
    check_config(&GamblerLossConfig::new(), GamblerLossConfig::init);
    check_config(
        &SigmoidCrossEntropyConfig::new(),
        SigmoidCrossEntropyConfig::init,
    );
    for bad in [1.0, 0.5, -4.0, f64::NAN, f64::INFINITY] {
        check_refused(GamblerLossConfig::new().with_reward(bad).init(), "reward");
    }
    check_send_sync::<(GamblerLoss, SigmoidCrossEntropy)>();
}

proptest! {
    #[test]
    fn a_gamble_is_never_negative_and_sees_only_differences(
        scores in prop::collection::vec(-8.0..8.0f64, 4),
        held in prop::collection::vec(any::<bool>(), 3),
        reward in 1.001..20.0f64,
        shift in -50.0..50.0f64,
    ) {
        let loss = GamblerLossConfig::new().with_reward(reward).init().unwrap();
        let held: Vec<f64> = held.into_iter().map(|held| f64::from(u8::from(held))).collect();
        let shifted: Vec<f64> = scores.iter().map(|score| score + shift).collect();
        let [a, b] = [scores, shifted].map(|scores| {
            floats(&loss.forward_no_reduction(matrix(&scores, 4), matrix(&held, 3)))[0]
        });
        prop_assert!(a >= -1e-12);
        prop_assert!((a - b).abs() < 1e-9 * (1.0 + a));
    }

    #[test]
    fn a_larger_reward_makes_abstaining_dearer(scores in prop::collection::vec(-8.0..8.0f64, 3)) {
        let losses: Vec<f64> = [1.1, 2.0, 5.0, 50.0]
            .map(|reward| {
                let loss = GamblerLossConfig::new().with_reward(reward).init().unwrap();
                floats(&loss.forward_no_reduction(matrix(&scores, 3), matrix(&[1.0, 0.0], 2)))[0]
            })
            .to_vec();
        prop_assert!(losses.windows(2).all(|pair| pair[0] <= pair[1] + 1e-12));
    }

    #[test]
    fn balanced_sides_weigh_the_same_in_sum(positives in 1..7usize) {
        // At logits of zero each entry costs ln 2 times its weight.
        let targets: Vec<f64> = (0..8).map(|row| f64::from(u8::from(row < positives))).collect();
        let loss = SigmoidCrossEntropyConfig::new().with_class_balanced(true).init().unwrap();
        let losses = floats(&loss.forward_no_reduction(matrix(&[0.0; 8], 1), matrix(&targets, 1)));
        let (of_positives, of_negatives) = losses.split_at(positives);
        let half = 4.0 * 2f64.ln();
        prop_assert!((of_positives.iter().sum::<f64>() - half).abs() < 1e-9);
        prop_assert!((of_negatives.iter().sum::<f64>() - half).abs() < 1e-9);
    }
}

#[test]
fn a_side_that_is_missing_leaves_the_other_at_one_half() {
    let loss = SigmoidCrossEntropyConfig::new().with_class_balanced(true);
    let losses = loss
        .init()
        .unwrap()
        .forward_no_reduction(matrix(&[0.0; 3], 1), matrix(&[1.0; 3], 1));
    for value in floats(&losses) {
        assert!((value - 0.5 * 2f64.ln()).abs() < 1e-12);
    }
}

#[test]
fn a_row_without_a_target_pays_for_not_abstaining() {
    let loss = GamblerLossConfig::new().with_reward(2.0).init().unwrap();
    let value = loss.forward(
        matrix(&[0.0, 0.0, 0.0], 3),
        matrix(&[0.0, 0.0], 2),
        Reduction::Sum,
    );
    assert!((floats(&value)[0] - 6f64.ln()).abs() < 1e-12);
}

#[test]
fn targets_that_are_no_targets_are_refused() {
    let gambler = GamblerLossConfig::new().init().unwrap();
    let logits = matrix(&[0.0, 0.0, 0.0], 3);
    for (targets, word) in [
        (matrix(&[0.0, 0.5], 2), "0 or 1"),
        (matrix(&[0.0, f64::NAN], 2), "0 or 1"),
        (matrix(&[0.0, 0.0, 1.0], 3), "shape"),
    ] {
        let message = gambler.validate(&logits, &targets).unwrap_err().to_string();
        assert!(message.contains(word), "{message}");
    }
    let single = matrix(&[0.0], 1);
    assert!(gambler.validate(&single, &single).is_err());
    let sigmoid = SigmoidCrossEntropyConfig::new().init().unwrap();
    assert!(sigmoid.validate(&single, &matrix(&[0.3], 1)).is_ok());
    assert!(sigmoid.validate(&single, &matrix(&[1.5], 1)).is_err());
}

#[test]
#[should_panic(expected = "GamblerLoss: targets has shape [1, 3], wanted [1, 2]")]
fn a_target_for_the_reservation_panics_in_forward() {
    let loss = GamblerLossConfig::new().init().unwrap();
    let _ = loss.forward(matrix(&[0.0; 3], 3), matrix(&[0.0; 3], 3), Reduction::Mean);
}
