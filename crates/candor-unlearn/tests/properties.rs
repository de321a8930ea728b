//! Invariants of the formulas, the gradients they promise, and bad input.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use burn::nn::loss::Reduction;
use burn::tensor::{Bool, DType, Device, FloatDType, Int, Tensor};
use candor_core::host::{floats, ints};
use candor_testkit::check_gradient;
use candor_unlearn::{
    DpoUnlearnConfig, GradDiffConfig, IGNORE_INDEX, KtoUnlearnConfig, NpoConfig, NpoRtConfig,
    SequenceLogProbs, SimNpoConfig, class_retain_kl, retain_kl, validate_retain_mask,
};
use proptest::prelude::*;

fn logps(values: &[f64]) -> Tensor<1> {
    Tensor::from_data(values, (&Device::flex(), DType::F64))
}

fn tokens(values: &[i64]) -> Tensor<2, Int> {
    Tensor::<1, Int>::from_data(values, &Device::flex()).unsqueeze()
}

/// Logits `[1, tokens, 3]` without symmetry.
fn logits(count: usize) -> Tensor<3> {
    let values: Vec<f64> = (0..count * 3)
        .map(|i| (i as f64 * 0.9).sin() * 2.0)
        .collect();
    logps(&values).reshape([1, count, 3])
}

proptest! {
    #[test]
    fn npo_lies_above_gradient_ascent_and_above_zero(policy in -50.0..0.0f64, reference in -50.0..0.0f64, beta in 0.01..5.0f64) {
        let npo = NpoConfig::new().with_beta(beta).init().unwrap();
        let loss = floats(&npo.forward_no_reduction(logps(&[policy]), logps(&[reference])))[0];
        prop_assert!(loss >= 0.0 && loss >= 2.0 * (policy - reference) - 1e-9);
    }

    #[test]
    fn the_adaptive_weight_is_the_gradient(policy in -9.0..0.0f64, reference in -9.0..0.0f64, beta in 0.05..3.0f64) {
        let npo = NpoConfig::new().with_beta(beta).init().unwrap();
        let tracked = logps(&[policy]).autodiff().require_grad();
        let loss = npo.forward(tracked.clone(), logps(&[reference]), Reduction::Sum);
        let slope = floats(&tracked.grad(&loss.backward()).unwrap())[0];
        let weight = floats(&npo.adaptive_weight(logps(&[policy]), logps(&[reference])))[0];
        prop_assert!((slope - weight).abs() < 1e-9 && (0.0..=2.0).contains(&weight));
    }

    #[test]
    fn dpo_is_npo_when_the_refusal_has_not_moved(policy in -9.0..0.0f64, reference in -9.0..0.0f64, idk in -9.0..0.0f64) {
        let npo = NpoConfig::new().init().unwrap().forward_no_reduction(logps(&[policy]), logps(&[reference]));
        let dpo = DpoUnlearnConfig::new().init().unwrap();
        let dpo = dpo.forward_no_reduction(logps(&[policy]), logps(&[reference]), logps(&[idk]), logps(&[idk]));
        prop_assert!((floats(&npo)[0] - floats(&dpo)[0]).abs() < 1e-12);
    }

    #[test]
    fn sim_npo_of_one_token_is_npo_against_a_certain_reference(policy in -9.0..0.0f64, beta in 0.05..5.0f64) {
        let npo = NpoConfig::new().with_beta(beta).init().unwrap();
        let sim = SimNpoConfig::new().with_beta(beta).init().unwrap();
        let one = Tensor::<1, Int>::from_data([1], &Device::flex());
        let a = floats(&npo.forward_no_reduction(logps(&[policy]), logps(&[0.0])))[0];
        let b = floats(&sim.forward_no_reduction(logps(&[policy]), one))[0];
        prop_assert!((a - b).abs() < 1e-12);
    }
}

#[test]
fn towards_beta_zero_npo_becomes_gradient_ascent() {
    let beta = 1e-6;
    let npo = NpoConfig::new().with_beta(beta).init().unwrap();
    let loss = floats(&npo.forward_no_reduction(logps(&[-3.0]), logps(&[-5.0])))[0];
    assert!((loss - 2.0 / beta * 2f64.ln() - 2.0).abs() < 1e-5, "{loss}");
}

#[test]
fn huge_ratios_are_linear_or_gone_with_a_finite_gradient() {
    let npo = NpoConfig::new().with_beta(0.1).init().unwrap();
    let policy = Tensor::<1>::from_floats([0.0, -1e4], &Device::flex().autodiff()).require_grad();
    let reference = Tensor::from_floats([-1e4, 0.0], &Device::flex());
    let losses = npo.forward_no_reduction(policy.clone(), reference);
    assert!((floats(&losses)[0] - 2e4).abs() < 1e-2);
    assert_eq!(floats(&losses)[1..], [0.0]);
    assert_eq!(
        floats(&policy.grad(&losses.mean().backward()).unwrap()),
        [1.0, 0.0]
    );
}

#[test]
fn no_gradient_reaches_a_reference() {
    let tracked = |value: f64| logps(&[value]).autodiff().require_grad();
    let (policy, reference, idk, idk_reference) =
        (tracked(-1.0), tracked(-2.0), tracked(-3.0), tracked(-4.0));
    let dpo = DpoUnlearnConfig::new().init().unwrap();
    let kto = KtoUnlearnConfig::new().init().unwrap();
    let arguments = || {
        (
            policy.clone(),
            reference.clone(),
            idk.clone(),
            idk_reference.clone(),
        )
    };
    let (a, b, c, d) = arguments();
    let gradients = dpo.forward(a, b, c, d, Reduction::Mean).backward();
    assert!(reference.grad(&gradients).is_none() && idk_reference.grad(&gradients).is_none());
    assert!(policy.grad(&gradients).is_some() && idk.grad(&gradients).is_some());
    let (a, b, c, d) = arguments();
    let gradients = kto.forward(a, b, c, d, Reduction::Mean).backward();
    assert!(idk.grad(&gradients).is_none() && policy.grad(&gradients).is_some());
    let logits = tracked(-1.0).reshape([1, 1]);
    let gradients = (class_retain_kl(logits.clone(), reference.clone().reshape([1, 1]))
        + logits.sum())
    .backward();
    assert!(reference.grad(&gradients).is_none());
}

#[test]
fn the_first_label_is_never_scored_and_the_last_logits_never_used() {
    let scored = SequenceLogProbs::of_tokens(logits(3), tokens(&[2, 0, 1]), IGNORE_INDEX);
    let other_first = SequenceLogProbs::of_tokens(logits(3), tokens(&[1, 0, 1]), IGNORE_INDEX);
    assert_eq!(floats(&scored.sum()), floats(&other_first.sum()));
    assert_eq!(ints(&scored.count()), [2]);
    let changed = logits(3).slice_assign([0..1, 2..3, 0..3], logits(1) * 100.0);
    let changed = SequenceLogProbs::of_tokens(changed, tokens(&[2, 0, 1]), IGNORE_INDEX);
    assert_eq!(floats(&scored.sum()), floats(&changed.sum()));
}

#[test]
fn token_log_probs_are_the_log_softmax_of_the_next_label() {
    let scored =
        SequenceLogProbs::of_tokens(logits(3), tokens(&[0, 2, IGNORE_INDEX]), IGNORE_INDEX);
    let first: Vec<f64> = floats(&logits(3))[..3].to_vec();
    let wanted = first[2] - first.iter().map(|logit| logit.exp()).sum::<f64>().ln();
    assert!((floats(&scored.sum())[0] - wanted).abs() < 1e-12);
    assert_eq!(floats(&scored.log_probs())[1..], [0.0, 0.0]);
}

#[test]
fn one_token_leaves_nothing_to_score() {
    let scored = SequenceLogProbs::of_tokens(logits(1), tokens(&[0]), IGNORE_INDEX);
    assert_eq!(
        (floats(&scored.sum()), ints(&scored.count())),
        (vec![0.0], vec![0])
    );
    assert_eq!(
        (floats(&scored.mean()), floats(&scored.cross_entropy())),
        (vec![0.0], vec![0.0])
    );
    assert!(scored.validate().is_err());
}

#[test]
fn the_cross_entropy_is_a_token_mean_and_not_a_mean_of_rows() {
    // Two tokens cost 1 each, one costs 4.
    let device = Device::flex();
    let log_probs = Tensor::<2>::from_floats([[-1.0, -1.0], [-4.0, 9.0]], &device);
    let mask = Tensor::<2, Bool>::from_data([[true, true], [true, false]], &device);
    let scored = SequenceLogProbs::new(log_probs, mask);
    assert_eq!(floats(&scored.cross_entropy()), [2.0]);
    assert_eq!(floats(&scored.mean()), [-1.0, -4.0]);
}

#[test]
fn half_precision_logits_give_single_precision_sums() {
    let half = logits(3).cast(FloatDType::BF16);
    let scored = SequenceLogProbs::of_tokens(half.clone(), tokens(&[0, 1, 2]), IGNORE_INDEX);
    assert_eq!(scored.sum().dtype(), DType::F32);
    assert_eq!(retain_kl(half.clone(), half, None).dtype(), DType::F32);
}

#[test]
fn a_masked_position_counts_for_nothing() {
    let (policy, reference) = (logits(2), logits(2) * -1.0);
    let mask = Tensor::<2, Bool>::from_data([[true, false]], &Device::flex());
    let masked = floats(&retain_kl(policy.clone(), reference.clone(), Some(mask)));
    let first = retain_kl(
        policy.slice_dim(1, 0..1),
        reference.slice_dim(1, 0..1),
        None,
    );
    assert!((masked[0] - floats(&first)[0]).abs() < 1e-12);
}

#[test]
fn the_weights_scale_their_terms() {
    let scored = SequenceLogProbs::of_tokens(logits(3), tokens(&[0, 1, 2]), IGNORE_INDEX);
    let config = GradDiffConfig::new()
        .with_forget_weight(0.5)
        .with_retain_weight(3.0);
    let terms = config.init().unwrap().forward(&scored, &scored);
    let wanted = 0.5 * floats(&terms.forget)[0] + 3.0 * floats(&terms.retain)[0];
    assert!((floats(&terms.total)[0] - wanted).abs() < 1e-12);
    assert_eq!(floats(&terms.forget), floats(&-terms.retain));
}

#[test]
fn the_gradient_through_shift_and_mask_matches_finite_differences() {
    let objective = NpoRtConfig::new().with_beta(0.7).init().unwrap();
    let labels = Tensor::<2, Int>::from_data([[0, 2, IGNORE_INDEX, 1]], &Device::flex());
    check_gradient(logits(4), |logits: Tensor<3>| {
        let scored = SequenceLogProbs::of_tokens(logits.clone(), labels.clone(), IGNORE_INDEX);
        let reference =
            Tensor::from_data([-3.0], (&logits.device().without_autodiff(), DType::F64));
        objective.forward(&scored, reference, &scored).total
    });
}

#[test]
fn validation_names_what_is_wrong() {
    let npo = NpoConfig::new().init().unwrap();
    assert!(npo.validate(&logps(&[-1.0]), &logps(&[-1.0])).is_ok());
    assert!(
        npo.validate(&logps(&[-1.0]), &logps(&[-1.0, -2.0]))
            .is_err()
    );
    assert!(npo.validate(&logps(&[]), &logps(&[])).is_err());
    assert!(npo.validate(&logps(&[f64::NAN]), &logps(&[-1.0])).is_err());
    let check = |labels: &[i64], ignore| {
        SequenceLogProbs::validate_tokens(&logits(labels.len()), &tokens(labels), ignore)
    };
    assert!(check(&[0, -100, 2], -100).is_ok());
    assert!(check(&[0, 3], -100).is_err());
    assert!(check(&[0, -1], -100).is_err());
    assert!(check(&[0, 1], 0).is_err());
    assert!(SequenceLogProbs::validate_tokens(&logits(2), &tokens(&[0]), -100).is_err());
    let classes = |labels: &[i64]| {
        let labels = Tensor::<1, Int>::from_data(labels, &Device::flex());
        SequenceLogProbs::validate_classes(&logps(&[0.0, 1.0]).unsqueeze(), &labels)
    };
    assert!(classes(&[1]).is_ok() && classes(&[2]).is_err() && classes(&[0, 1]).is_err());
    let empty = Tensor::<2, Bool>::from_data([[false, false]], &Device::flex());
    assert!(validate_retain_mask(&empty).is_err());
    let sim = SimNpoConfig::new().init().unwrap();
    let counts = |count: i64| Tensor::<1, Int>::from_data([count], &Device::flex());
    assert!(sim.validate(&logps(&[-1.0]), &counts(0)).is_ok());
    assert!(sim.validate(&logps(&[-1.0]), &counts(-1)).is_err());
}

#[test]
#[should_panic(expected = "Npo: ref_logps has shape [1], wanted [2]")]
fn a_wrong_length_panics_in_one_line() {
    let npo = NpoConfig::new().init().unwrap();
    npo.forward(logps(&[-1.0, -2.0]), logps(&[-1.0]), Reduction::Mean);
}
