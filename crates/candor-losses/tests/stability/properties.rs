//! Invariants of the formulas, bad input, and extremes.

use burn::nn::loss::Reduction;
use burn::tensor::{Bool, DType, Device, FloatDType, Int, Tensor};
use candor_core::host::floats;
use candor_losses::stability::{
    AdamMoments, AuxZLossConfig, CrossEntropyWithZConfig, IndependentAdamWConfig,
    LogitSoftCapConfig, MuParamScalesConfig, QkNorm, QkNormConfig, QkNormKind, WarmupCosineConfig,
    WeightDecayKind, attention_logits, attention_weights,
};
use candor_testkit::check_gradient;
use proptest::prelude::*;

fn f64s<const D: usize>(values: &[f64], shape: [usize; D]) -> Tensor<D> {
    Tensor::<1>::from_data(values, (&Device::flex(), DType::F64)).reshape(shape)
}

fn labels(values: &[i64]) -> Tensor<1, Int> {
    Tensor::from_data(values, &Device::flex())
}

fn mask(values: &[bool]) -> Tensor<1, Bool> {
    Tensor::from_data(values, &Device::flex())
}

fn norm(width: usize, kind: QkNormKind) -> QkNorm {
    let config = QkNormConfig::new(width).with_kind(kind);
    config.init(&Device::flex()).unwrap()
}

/// Distinct numbers around zero.
fn wave(count: usize, seed: f64) -> Vec<f64> {
    (0..count)
        .map(|at| (at as f64 * 1.7 + seed).sin() * 2.0)
        .collect()
}

proptest! {
    #[test]
    fn the_penalty_moves_with_a_shift_and_the_cross_entropy_does_not(
        scores in prop::collection::vec(-5.0..5.0f64, 4),
        shift in -20.0..20.0f64,
    ) {
        let shifted: Vec<f64> = scores.iter().map(|score| score + shift).collect();
        let penalty = AuxZLossConfig::new().with_coef(1.0).init().unwrap();
        let of = |scores: &[f64]| floats(&penalty.forward_no_reduction(f64s(scores, [1, 4])))[0];
        let log_z = scores.iter().map(|score| score.exp()).sum::<f64>().ln();
        prop_assert!((of(&scores) - log_z.powi(2)).abs() < 1e-9);
        prop_assert!((of(&shifted) - (log_z + shift).powi(2)).abs() < 1e-8);
        let plain = CrossEntropyWithZConfig::new().with_coef(0.0).init().unwrap();
        let [a, b] = [&scores, &shifted].map(|scores| {
            floats(&plain.forward_no_reduction(f64s(scores, [1, 4]), labels(&[2])))[0]
        });
        prop_assert!((a - b).abs() < 1e-9);
    }

    #[test]
    fn the_joint_loss_is_the_sum_of_its_two_terms(
        scores in prop::collection::vec(-9.0..9.0f64, 6),
        coef in 0.0..1.0f64,
    ) {
        let logits = f64s(&scores, [2, 3]);
        let rows = labels(&[0, 2]);
        let of = |coef: f64| {
            let loss = CrossEntropyWithZConfig::new().with_coef(coef).init().unwrap();
            floats(&loss.forward_no_reduction(logits.clone(), rows.clone()))
        };
        let penalty = AuxZLossConfig::new().with_coef(coef).init().unwrap();
        let penalty = floats(&penalty.forward_no_reduction(logits.clone()));
        for ((joint, plain), penalty) in of(coef).iter().zip(of(0.0)).zip(penalty) {
            prop_assert!((joint - plain - penalty).abs() < 1e-9);
        }
    }

    #[test]
    fn normalised_attention_logits_stay_below_the_root_of_the_width(
        entries in prop::collection::vec(-1e4..1e4f64, 24),
        rms: bool,
    ) {
        let kind = if rms { QkNormKind::Rms } else { QkNormKind::Layer };
        let queries = f64s(&entries[..12], [1, 1, 3, 4]);
        let keys = f64s(&entries[12..], [1, 1, 3, 4]);
        let (queries, keys) = norm(4, kind).forward(queries, keys);
        for logit in floats(&attention_logits(queries, keys)) {
            prop_assert!(logit.abs() <= 2.0 + 1e-9);
        }
    }

    #[test]
    fn normalisation_does_not_see_the_scale(entries in prop::collection::vec(1.0..9.0f64, 4), scale in 1.0..1e3f64) {
        let queries = f64s(&entries, [1, 1, 1, 4]);
        let norm = norm(4, QkNormKind::Rms);
        let (a, b) = norm.forward(queries.clone(), queries * scale);
        for (a, b) in floats(&a).iter().zip(floats(&b)) {
            prop_assert!((a - b).abs() < 1e-6);
        }
    }

    #[test]
    fn the_schedule_stays_between_zero_and_its_peak(warmup in 0..20usize, more in 1..40usize, step in 0..80usize) {
        let config = WarmupCosineConfig::new(0.3).with_warmup(warmup).with_total(warmup + more);
        let schedule = config.init().unwrap();
        prop_assert!((0.0..=0.3 + 1e-15).contains(&schedule.lr(step)));
        prop_assert!((schedule.lr(warmup) - 0.3).abs() < 1e-12);
        if step > warmup {
            prop_assert!(schedule.lr(step) <= schedule.lr(step - 1) + 1e-15);
        }
        prop_assert_eq!(schedule.multiplier(step), schedule.lr(step) / 0.3);
    }
}

#[test]
fn masked_rows_count_for_nothing_whatever_they_hold() {
    let device = Device::flex().autodiff();
    let logits = Tensor::<2>::from_floats([[0.0, 0.0], [f32::NAN, 1.0]], &device).require_grad();
    let loss = AuxZLossConfig::new().with_coef(1.0).init().unwrap();
    let value = loss.forward_masked(logits.clone(), mask(&[true, false]));
    assert!((floats(&value)[0] - 2f64.ln().powi(2)).abs() < 1e-6);
    let gradient = floats(&logits.grad(&value.backward()).unwrap());
    assert!(
        gradient[..2]
            .iter()
            .all(|slope| (slope - 2f64.ln()).abs() < 1e-6)
    );
    assert_eq!(gradient[2..], [0.0, 0.0]);
    let nobody = loss.forward_masked(logits.clone(), mask(&[false, false]));
    assert_eq!(floats(&nobody), [0.0]);
    assert_eq!(floats(&logits.grad(&nobody.backward()).unwrap()), [0.0; 4]);
}

#[test]
fn the_masked_mean_has_its_gradient() {
    let loss = AuxZLossConfig::new().with_coef(0.5).init().unwrap();
    check_gradient(f64s(&wave(9, 0.3), [3, 3]), |logits: Tensor<2>| {
        loss.forward_masked(logits, mask(&[true, false, true]))
    });
}

#[test]
fn attention_with_normalised_queries_has_its_gradient() {
    for kind in [QkNormKind::Layer, QkNormKind::Rms] {
        let norm = norm(3, kind);
        let keys = f64s(&wave(12, 2.0), [1, 2, 2, 3]);
        check_gradient(f64s(&wave(12, 0.1), [1, 2, 2, 3]), |queries: Tensor<4>| {
            let (queries, keys) = norm.forward(queries, keys.clone());
            let weights = attention_weights(attention_logits(queries, keys), true);
            let cotangent = f64s(&wave(8, 5.0), [1, 2, 2, 2]);
            (weights * cotangent).sum()
        });
    }
}

#[test]
fn one_class_is_penalised_by_its_square() {
    let loss = AuxZLossConfig::new().with_coef(1.0).init().unwrap();
    let value = loss.forward_no_reduction(f64s(&[3.0, -1e4], [2, 1]));
    assert_eq!(floats(&value), [9.0, 1e8]);
}

#[test]
fn half_precision_rows_do_not_overflow_before_the_weight_is_applied() {
    let logits = f64s(&[1e4, -1e4, 0.0], [1, 3]).cast(FloatDType::F16);
    let loss = AuxZLossConfig::new().init().unwrap();
    let value = floats(&loss.forward(logits, Reduction::Mean))[0];
    assert!((value / 1e4 - 1.0).abs() < 2e-3, "{value}");
}

#[test]
fn a_constant_query_becomes_zero_with_a_finite_gradient() {
    let device = Device::flex().autodiff();
    let query = Tensor::<4>::full([1, 1, 1, 4], 7.0, &device).require_grad();
    let (normed, _) = norm(4, QkNormKind::Layer).forward(query.clone(), query.clone());
    assert_eq!(floats(&normed), [0.0; 4]);
    let gradient = query.grad(&normed.square().sum().backward()).unwrap();
    assert!(floats(&gradient).iter().all(|slope| slope.is_finite()));
}

#[test]
fn half_precision_attention_logits_are_not_cut_off() {
    let rows = Tensor::<4>::full([1, 1, 1, 4], 300.0, &Device::flex()).cast(FloatDType::F16);
    let logits = attention_logits(rows.clone(), rows);
    assert_eq!(floats(&logits), [180_000.0]);
}

#[test]
fn a_causal_mask_hides_later_keys_and_a_single_token_sees_itself() {
    let logits = f64s(&[1e4, 2e4, -1e4, -1e4], [1, 1, 2, 2]);
    assert_eq!(
        floats(&attention_weights(logits, true)),
        [1.0, 0.0, 0.5, 0.5]
    );
    assert_eq!(
        floats(&attention_weights(f64s(&[-1e4], [1, 1, 1, 1]), true)),
        [1.0]
    );
}

#[test]
#[should_panic(expected = "QkNorm: keys has shape [1, 1, 2, 3], wanted [_, _, _, 4]")]
fn keys_of_another_width_are_refused_in_one_line() {
    let rows = |width| Tensor::<4>::zeros([1, 1, 2, width], &Device::flex());
    norm(4, QkNormKind::Layer).forward(rows(4), rows(3));
}

#[test]
#[should_panic(expected = "AuxZLoss: mask has shape [2], wanted [3]")]
fn a_mask_of_another_length_is_refused_in_one_line() {
    let loss = AuxZLossConfig::new().init().unwrap();
    loss.forward_masked(Tensor::zeros([3, 2], &Device::flex()), mask(&[true, true]));
}

#[test]
fn labels_outside_the_classes_and_logits_that_are_none_are_found() {
    let loss = CrossEntropyWithZConfig::new().init().unwrap();
    let logits = f64s(&[0.0; 4], [2, 2]);
    assert!(loss.validate(&logits, &labels(&[0, 1])).is_ok());
    for bad in [&[0, 2][..], &[-1, 0], &[0], &[]] {
        assert!(loss.validate(&logits, &labels(bad)).is_err(), "{bad:?}");
    }
    let penalty = AuxZLossConfig::new().init().unwrap();
    assert!(penalty.validate(&f64s(&[f64::NAN], [1, 1])).is_err());
    assert!(
        penalty
            .validate(&Tensor::zeros([0, 3], &Device::flex()))
            .is_err()
    );
}

#[test]
fn a_soft_cap_keeps_small_logits_and_bounds_large_ones() {
    let capped = LogitSoftCapConfig::new().init().unwrap();
    let values = floats(&capped.forward(f64s(&[1e-3, 1e30, -1e30], [3])));
    assert!((values[0] - 1e-3).abs() < 1e-9);
    assert_eq!(values[1..], [30.0, -30.0]);
}

#[test]
fn with_burns_decay_the_steps_are_the_same() {
    let start = f64s(&[1.0, -2.0], [2]);
    let gradient = f64s(&[0.3, 1e-12], [2]);
    let config = IndependentAdamWConfig::new(0.02).with_weight_decay(0.1);
    let independent = config.init().unwrap();
    let coupled = config
        .with_decay(WeightDecayKind::Coupled)
        .with_weight_decay(independent.burn_weight_decay())
        .init()
        .unwrap();
    let [a, b] = [independent, coupled].map(|adam| {
        let moments = AdamMoments::zeros(&start);
        floats(
            &adam
                .step(start.clone(), gradient.clone(), moments, 0.7)
                .parameter,
        )
    });
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() < 1e-12);
    }
}

#[test]
fn epsilon_halves_the_update_of_a_gradient_of_its_own_size() {
    for (epsilon, wanted) in [(1e-8, 0.5), (1e-15, 1.0)] {
        let adam = IndependentAdamWConfig::new(0.1)
            .with_eps(epsilon)
            .init()
            .unwrap();
        let weight = f64s(&[0.0], [1]);
        let gradient = f64s(&[1e-8], [1]);
        let mut moments = AdamMoments::zeros(&weight);
        for _ in 0..5 {
            let step = adam.step(weight.clone(), gradient.clone(), moments, 1.0);
            assert!((floats(&step.update_rms)[0] - wanted).abs() < 1e-6);
            moments = step.moments;
        }
    }
}

#[test]
fn the_base_width_changes_nothing_and_a_wider_model_steps_less() {
    let same = MuParamScalesConfig::new(64, 64).init().unwrap();
    assert_eq!((same.hidden_lr(), same.logit_mult()), (1.0, 1.0));
    let wide = MuParamScalesConfig::new(64, 640).init().unwrap();
    assert!((wide.hidden_lr() - 0.1).abs() < 1e-15);
    assert_eq!(wide.hidden_init_std(100), 0.1);
    assert_eq!(
        (
            wide.attention_scale(16, false),
            wide.attention_scale(16, true)
        ),
        (0.25, 0.0625)
    );
}
