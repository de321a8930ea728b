//! What the measures of a training's stability hold whatever the numbers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp
)]

use burn::tensor::{DType, Device, FloatDType, Tensor};
use candor_core::MemoryBudget;
use candor_metrics::training::{
    AttentionLogitStats, CrossingDirection, LogZStats, LrWeighting, NormExtrapolation,
    epsilon_attenuation, lr_sensitivity, root_mean_square,
};
use proptest::prelude::*;

fn f64s<const D: usize>(values: &[f64], shape: [usize; D]) -> Tensor<D> {
    Tensor::<1>::from_data(values, (&Device::flex(), DType::F64)).reshape(shape)
}

fn rates(count: usize) -> Vec<f64> {
    (0..count).map(|at| 1e-4 * 3f64.powi(at as i32)).collect()
}

proptest! {
    #[test]
    fn sensitivity_is_at_least_zero_and_does_not_see_a_shift(
        losses in prop::collection::vec(prop::option::of(0.0..9.0f64), 2..8),
        shift in 0.0..5.0f64,
        trapezoid: bool,
    ) {
        let weighting = if trapezoid { LrWeighting::TrapezoidLog } else { LrWeighting::Mean };
        let lrs = rates(losses.len());
        let found = lr_sensitivity(&lrs, &losses, 6.0, weighting).unwrap();
        prop_assert!((0.0..=6.0).contains(&found.sensitivity) && found.best_loss <= 6.0);
        let shifted: Vec<Option<f64>> = losses.iter().map(|loss| loss.map(|loss| loss + shift)).collect();
        let moved = lr_sensitivity(&lrs, &shifted, 6.0 + shift, weighting).unwrap();
        prop_assert!((moved.sensitivity - found.sensitivity).abs() < 1e-9);
    }

    #[test]
    fn sensitivity_does_not_see_the_order_of_the_sweep(
        mut runs in prop::collection::vec(0.0..9.0f64, 2..8),
        trapezoid: bool,
    ) {
        let weighting = if trapezoid { LrWeighting::TrapezoidLog } else { LrWeighting::Mean };
        let mut lrs = rates(runs.len());
        let of = |lrs: &[f64], runs: &[f64]| {
            let losses: Vec<Option<f64>> = runs.iter().copied().map(Some).collect();
            lr_sensitivity(lrs, &losses, 6.0, weighting).unwrap().sensitivity
        };
        let forwards = of(&lrs, &runs);
        lrs.reverse();
        runs.reverse();
        prop_assert!((forwards - of(&lrs, &runs)).abs() < 1e-12);
    }

    #[test]
    fn equal_spacing_makes_both_weightings_agree_on_a_flat_sweep(loss in 0.0..5.0f64, count in 1..9usize) {
        let losses = vec![Some(loss); count];
        for weighting in [LrWeighting::Mean, LrWeighting::TrapezoidLog] {
            let found = lr_sensitivity(&rates(count), &losses, 6.0, weighting).unwrap();
            prop_assert_eq!((found.sensitivity, found.best_lr), (0.0, 1e-4));
        }
    }

    #[test]
    fn a_law_is_found_again_and_crosses_where_it_predicts(
        level in -3.0..3.0f64,
        slope in 0.05..2.0f64,
        bend in 0.0..0.1f64,
        degree in 1..3usize,
    ) {
        let sizes = [1e6, 2e6, 1e7, 3e7, 2e8f64];
        let center = sizes.iter().map(|size| size.ln()).sum::<f64>() / 5.0;
        let bend = if degree == 2 { bend } else { 0.0 };
        let values = sizes.map(|size| {
            let x = size.ln() - center;
            (level + slope * x + bend * x * x).exp()
        });
        let law = NormExtrapolation::fit(&sizes, &values, degree).unwrap();
        let found = law.coefficients();
        prop_assert!((found[0] - level).abs() < 1e-8 && (found[1] - slope).abs() < 1e-8);
        let threshold = law.predict(1e10).unwrap();
        if bend * 2.0 * (2e8f64.ln() - center) + slope > 0.0 {
            let crossing = law.crossing(threshold, CrossingDirection::Rises).unwrap().unwrap();
            prop_assert!((crossing.ln() - 1e10f64.ln()).abs() < 1e-6);
        }
    }

    #[test]
    fn attenuation_grows_with_the_gradient(rms in 1e-30..1e3f64, factor in 1.1..10.0f64) {
        let [small, large] = [rms, rms * factor].map(|rms| epsilon_attenuation(rms, 1e-8).unwrap());
        prop_assert!(0.0 < small && small <= large && large <= 1.0);
    }

    #[test]
    fn statistics_of_logits_do_not_see_the_budget(entries in prop::collection::vec(-50.0..50.0f64, 48), rows in 1..4usize) {
        let queries = f64s(&entries[..24], [1, 2, 4, 3]);
        let keys = f64s(&entries[24..], [1, 2, 4, 3]);
        let whole = AttentionLogitStats::of(&queries, &keys, MemoryBudget::default()).unwrap();
        let tight = MemoryBudget::bytes(rows * 2 * 2 * 4 * 8);
        let pieces = AttentionLogitStats::of(&queries, &keys, tight).unwrap();
        for (a, b) in whole.per_head.iter().zip(&pieces.per_head) {
            prop_assert!((a - b).abs() < 1e-9);
        }
        prop_assert_eq!(whole.max, whole.per_head.iter().copied().fold(0.0, f64::max));
    }
}

#[test]
fn diverged_runs_count_as_the_initial_loss() {
    let lrs = [1e-3, 1e-2, 1e-1, 1.0];
    let losses = [Some(2.0), Some(f64::NAN), Some(f64::INFINITY), None];
    let found = lr_sensitivity(&lrs, &losses, 4.0, LrWeighting::Mean).unwrap();
    assert_eq!((found.sensitivity, found.best_loss), (1.5, 2.0));
    let lost = lr_sensitivity(&lrs, &[None; 4], 4.0, LrWeighting::Mean).unwrap();
    assert_eq!((lost.sensitivity, lost.best_loss), (0.0, 4.0));
}

#[test]
fn sweeps_that_are_none_are_refused() {
    let of = |lrs: &[f64], losses: &[Option<f64>], l0| {
        lr_sensitivity(lrs, losses, l0, LrWeighting::Mean).is_err()
    };
    assert!(of(&[], &[], 1.0));
    assert!(of(&[0.1], &[], 1.0));
    assert!(of(&[0.1, 0.1], &[Some(1.0); 2], 1.0));
    assert!(of(&[0.1], &[Some(1.0)], f64::NAN));
    for bad in [0.0, -0.1, f64::NAN, f64::INFINITY] {
        assert!(of(&[bad], &[Some(1.0)], 1.0), "{bad}");
    }
}

#[test]
fn extrapolation_needs_enough_distinct_sizes_and_positive_values() {
    let fit = NormExtrapolation::fit;
    assert!(fit(&[1e6, 1e7], &[1.0, 2.0], 1).is_ok());
    assert!(fit(&[1e6, 1e7], &[1.0, 2.0], 2).is_err());
    assert!(fit(&[1e6, 1e6], &[1.0, 2.0], 1).is_err());
    assert!(fit(&[1e6, 1e7], &[1.0], 1).is_err());
    assert!(fit(&[1e6, 1e7, 1e8], &[1.0, 2.0, 3.0], 3).is_err());
    assert!(fit(&[1e6, 1e7], &[1.0, 2.0], 0).is_err());
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(fit(&[1e6, bad], &[1.0, 2.0], 1).is_err());
        assert!(fit(&[1e6, 1e7], &[1.0, bad], 1).is_err());
    }
    let law = fit(&[1e6, 1e7], &[1.0, 2.0], 1).unwrap();
    assert!(law.predict(0.0).is_err());
    assert!(law.crossing(0.0, CrossingDirection::Rises).is_err());
}

#[test]
fn crossings_are_looked_for_from_the_largest_size_on() {
    let rising = NormExtrapolation::fit(&[1e6, 1e8], &[1.0, 10.0], 1).unwrap();
    let crossing = |threshold, direction| rising.crossing(threshold, direction).unwrap();
    let already = crossing(5.0, CrossingDirection::Rises).unwrap();
    assert!((already / 1e8 - 1.0).abs() < 1e-9);
    assert_eq!(crossing(1e9, CrossingDirection::Rises), None);
    assert_eq!(crossing(0.5, CrossingDirection::Falls), None);
    let falling = NormExtrapolation::fit(&[1e6, 1e8], &[1.0, 0.1], 1).unwrap();
    let low = falling
        .crossing(1e-2, CrossingDirection::Falls)
        .unwrap()
        .unwrap();
    assert!((low / 1e10 - 1.0).abs() < 1e-6);
    // A parabola that turns before it gets there.
    let turning = NormExtrapolation::fit(&[1e6, 1e7, 1e8], &[1.0, 2.0, 2.2], 2).unwrap();
    assert_eq!(
        turning.crossing(50.0, CrossingDirection::Rises).unwrap(),
        None
    );
}

#[test]
fn what_is_not_a_number_is_an_error_and_never_a_statistic() {
    let rows = f64s(&[1.0, f64::NAN], [1, 1, 1, 2]);
    let budget = MemoryBudget::default();
    assert!(AttentionLogitStats::of(&rows, &rows, budget).is_err());
    assert!(AttentionLogitStats::of_logits(&rows).is_err());
    let narrow = f64s(&[1.0], [1, 1, 1, 1]);
    assert!(AttentionLogitStats::of(&rows, &narrow, budget).is_err());
    let empty = Tensor::<4>::zeros([1, 1, 0, 2], &Device::flex());
    assert!(AttentionLogitStats::of(&empty, &empty, budget).is_err());
    assert!(LogZStats::of(&f64s(&[f64::NAN], [1, 1])).is_err());
    assert!(LogZStats::of(&Tensor::zeros([0, 2], &Device::flex())).is_err());
    assert!(root_mean_square(&f64s(&[f64::INFINITY], [1])).is_err());
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(epsilon_attenuation(bad, 1e-8).is_err());
        assert!(epsilon_attenuation(1.0, bad).is_err());
    }
    assert_eq!(epsilon_attenuation(0.0, 1e-8).unwrap(), 0.0);
}

#[test]
fn half_precision_products_are_not_cut_off() {
    let rows = Tensor::<4>::full([1, 1, 1, 4], 300.0, &Device::flex()).cast(FloatDType::F16);
    let stats = AttentionLogitStats::of(&rows, &rows, MemoryBudget::default()).unwrap();
    assert_eq!(stats.max, 180_000.0);
}

#[test]
fn logits_of_ten_thousand_have_their_log_z() {
    let stats = LogZStats::of(&f64s(&[1e4, -1e4, -1e4, -1e4], [2, 2])).unwrap();
    assert!((stats.max_abs - 1e4).abs() < 1e-6 && (stats.rms - 1e4).abs() < 1.0);
    assert_eq!(root_mean_square(&f64s(&[0.0, 0.0], [2])).unwrap(), 0.0);
}
