//! What methods that separate rows hold whatever the rows.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp
)]

use burn::tensor::{DType, Device, FloatDType, Int, Tensor};
use candor_core::host::floats;
use candor_online::perceptron::{
    BatchPerceptron, LinearSeparator, LrGd, LrGdConfig, NormalizedBatchPerceptron, NormalizedLrGd,
    NormalizedLrGdConfig, PassiveAggressive, PassiveAggressiveConfig, Perceptron, RowSelection,
    SeparationConfig, SignedRows, iteration_bounds, normalized_logistic_scale, worst_case_rows,
};
use candor_testkit::check_gradient;
use candor_testkit::contract::{check_config, check_refused, check_send_sync};
use proptest::prelude::*;

fn f64s<const D: usize>(values: &[f64], shape: [usize; D]) -> Tensor<D> {
    Tensor::<1>::from_data(values, (&Device::flex(), DType::F64)).reshape(shape)
}

fn labels(values: &[i64]) -> Tensor<1, Int> {
    Tensor::from_data(values, &Device::flex())
}

fn methods(step: f64) -> Vec<(&'static str, Box<dyn LinearSeparator>)> {
    let lr = LrGdConfig::new().with_step(step).init().unwrap();
    let normalized = NormalizedLrGdConfig::new().with_step(step).init().unwrap();
    vec![
        ("LrGd", Box::new(lr)),
        ("NormalizedLrGd", Box::new(normalized)),
        ("BatchPerceptron", Box::new(BatchPerceptron)),
        (
            "NormalizedBatchPerceptron",
            Box::new(NormalizedBatchPerceptron),
        ),
        ("Perceptron", Box::new(Perceptron::default())),
        (
            "PassiveAggressive",
            Box::new(PassiveAggressiveConfig::new().init().unwrap()),
        ),
    ]
}

/// Rows of width 3 whose label is the side of a plane, pushed away from it by 0.3.
fn separable(values: &[f64]) -> SignedRows {
    let normal = [0.6, -0.64, 0.48];
    let (mut features, mut sides) = (Vec::new(), Vec::new());
    for row in values.chunks(3) {
        let height: f64 = row
            .iter()
            .zip(normal)
            .map(|(value, normal)| value * normal)
            .sum();
        let side = if height < 0.0 { -1.0 } else { 1.0 };
        features.extend(
            row.iter()
                .zip(normal)
                .map(|(value, normal)| value + 0.3 * side * normal),
        );
        sides.push(side as i64);
    }
    SignedRows::new(f64s(&features, [sides.len(), 3]), labels(&sides)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_method_separates_within_its_bound(values in prop::collection::vec(-2.0..2.0f64, 36)) {
        let rows = separable(&values);
        let bounds = iteration_bounds(rows.radius(), 0.3, rows.count(), 100.0).unwrap();
        for (name, method) in methods(100.0) {
            let report = method.fit(&rows, &SeparationConfig::new()).unwrap();
            prop_assert!(report.solved, "{name}");
            prop_assert_eq!(rows.accuracy(report.theta.clone()), 1.0);
            prop_assert!(rows.margin_of(report.theta).unwrap() > 0.0);
            let bound = match name {
                "BatchPerceptron" => bounds.batch_perceptron,
                "NormalizedBatchPerceptron" => bounds.normalized_batch_perceptron,
                "Perceptron" => bounds.perceptron,
                "NormalizedLrGd" => bounds.normalized_lr_gd,
                _ => f64::INFINITY,
            };
            prop_assert!(report.iterations as f64 <= bound + 1.0, "{name}: {} of {bound}", report.iterations);
        }
    }

    #[test]
    fn a_normalised_step_is_never_longer_than_gamma_times_the_radius(
        values in prop::collection::vec(-9.0..9.0f64, 18),
        theta in prop::collection::vec(-1e4..1e4f64, 3),
        step in 0.1..100.0f64,
    ) {
        let rows = separable(&values);
        let theta = f64s(&theta, [3]);
        let method = NormalizedLrGdConfig::new().with_step(step).init().unwrap();
        let moved = method.update(&rows, theta.clone(), 3) - theta;
        let length = floats(&moved.square().sum())[0].sqrt();
        prop_assert!(length <= step * rows.radius() * (1.0 + 1e-9) && length.is_finite());
    }

    #[test]
    fn the_order_of_the_rows_does_not_matter_to_the_batch_methods(values in prop::collection::vec(-2.0..2.0f64, 18)) {
        let reversed: Vec<f64> = values.chunks(3).rev().flatten().copied().collect();
        let [a, b] = [separable(&values), separable(&reversed)];
        for (name, method) in methods(2.0).into_iter().take(4) {
            let [a, b] = [&a, &b].map(|rows| floats(&method.update(rows, f64s(&[0.3, -0.1, 0.2], [3]), 1)));
            for (a, b) in a.iter().zip(&b) {
                prop_assert!((a - b).abs() < 1e-9, "{name}");
            }
        }
    }

    #[test]
    fn large_steps_walk_the_perceptrons_way(values in prop::collection::vec(-2.0..2.0f64, 30)) {
        const STEP: f64 = 1e7;
        let rows = separable(&values);
        let pairs: [(Box<dyn LinearSeparator>, Box<dyn LinearSeparator>); 2] = [
            (Box::new(LrGdConfig::new().with_step(STEP).init().unwrap()), Box::new(BatchPerceptron)),
            (
                Box::new(NormalizedLrGdConfig::new().with_step(STEP).init().unwrap()),
                Box::new(NormalizedBatchPerceptron),
            ),
        ];
        for (descent, perceptron) in pairs {
            let (mut theta, mut limit) = (rows.zero_weights(), rows.zero_weights());
            for step in 0..5 {
                let margins = floats(&rows.margins(limit.clone()));
                // Near a tie the limit has not set in; where all are right the descent moves along the nearest row.
                let near = step > 0 && margins.iter().any(|margin| margin.abs() < 1e-4);
                if near || margins.iter().all(|&margin| margin > 0.0) {
                    break;
                }
                theta = descent.update(&rows, theta, step);
                limit = perceptron.update(&rows, limit, step);
                for (a, b) in floats(&theta).iter().zip(floats(&limit)) {
                    prop_assert!((a / STEP - b).abs() < 1e-4);
                }
            }
        }
    }

    #[test]
    fn the_average_is_the_mean_of_the_weights_after_each_update(
        values in prop::collection::vec(-2.0..2.0f64, 36),
        labels_of in prop::collection::vec(prop::bool::ANY, 12),
        steps in 0usize..7,
    ) {
        let signs: Vec<i64> = labels_of.iter().map(|&positive| i64::from(positive) * 2 - 1).collect();
        let rows = SignedRows::new(f64s(&values, [12, 3]), labels(&signs)).unwrap();
        let config = SeparationConfig::new().with_max_iters(steps);
        for (name, method) in methods(1.0) {
            let report = method.fit(&rows, &config).unwrap();
            let (mut theta, mut sum) = (rows.zero_weights(), vec![0.0; 3]);
            for step in 0..report.iterations {
                theta = method.update(&rows, theta, step);
                for (sum, weight) in sum.iter_mut().zip(floats(&theta)) {
                    *sum += weight;
                }
            }
            for (average, sum) in floats(&report.average).into_iter().zip(sum) {
                let wanted = sum / report.iterations.max(1) as f64;
                prop_assert!((average - wanted).abs() < 1e-9, "{name}: {average} is not {wanted}");
            }
        }
    }
}

#[test]
fn the_gradient_is_that_of_the_loss() {
    let rows = separable(&[0.3, -1.0, 0.2, 1.5, 0.4, -0.7, -0.2, 0.9, 1.1]);
    check_gradient(f64s(&[0.5, -0.3, 0.8], [3]), |theta: Tensor<1>| {
        rows.logistic_loss(rows.margins(theta)).value
    });
    let theta = f64s(&[0.5, -0.3, 0.8], [3]).autodiff().require_grad();
    let loss = rows.logistic_loss(rows.margins(theta.clone()));
    let recorded = floats(&theta.grad(&loss.value.backward()).unwrap());
    for (a, b) in recorded.iter().zip(floats(&loss.gradient)) {
        assert!((a - b).abs() < 1e-12);
    }
}

#[test]
fn the_papers_table_is_reproduced() {
    let rows = worst_case_rows(1000, &Device::flex()).unwrap();
    let config = SeparationConfig::new().with_keep_trace(false);
    let normalized = |step| NormalizedLrGdConfig::new().with_step(step).init().unwrap();
    for (step, wanted) in [(100.0, 2), (10.0, 2), (1.0, 16), (0.1, 157)] {
        let report = normalized(step).fit(&rows, &config).unwrap();
        assert_eq!(
            (report.solved, report.iterations),
            (true, wanted),
            "γ = {step}"
        );
        assert!(report.trace.is_empty());
    }
    let plain = LrGdConfig::new().with_step(100.0).init().unwrap();
    assert_eq!(plain.fit(&rows, &config).unwrap().iterations, 308);
    let batch = BatchPerceptron.fit(&rows, &config).unwrap().iterations;
    assert!(batch.abs_diff(301) <= 3, "{batch}");
}

#[test]
fn margins_of_a_hundred_thousand_give_no_nan_and_a_step_along_the_worst_row() {
    let rows = SignedRows::new(f64s(&[1e5, 0.0, 2e5, 1.0], [2, 2]), labels(&[1, 1])).unwrap();
    let theta = f64s(&[1.0, 0.0], [2]);
    for (name, method) in methods(1.0) {
        let moved = floats(&method.update(&rows, theta.clone(), 1));
        assert!(
            moved.iter().all(|weight| weight.is_finite()),
            "{name}: {moved:?}"
        );
    }
    let normalized = NormalizedLrGdConfig::new().init().unwrap();
    assert_eq!(
        floats(&normalized.update(&rows, theta, 1)),
        [100_001.0, 0.0]
    );
    let far = f64s(&[1e5, -1e5, 0.0], [3]);
    assert!((floats(&normalized_logistic_scale(far))[0] - 2.0).abs() < 1e-12);
    let underflown = floats(&normalized_logistic_scale(f64s(&[1e5], [1])))[0];
    assert!(underflown.is_finite());
}

#[test]
fn rows_that_cannot_be_separated_run_to_the_end() {
    let same = f64s(&[1.0, 0.5, 1.0, 0.5], [2, 2]);
    let rows = SignedRows::new(same, labels(&[1, -1])).unwrap();
    let config = SeparationConfig::new().with_max_iters(7);
    for (name, method) in methods(1e6) {
        let report = method.fit(&rows, &config).unwrap();
        assert_eq!((report.solved, report.iterations), (false, 7), "{name}");
        assert_eq!(report.trace.len(), 8, "{name}");
    }
    let zeros = SignedRows::new(f64s(&[0.0, 0.0], [1, 2]), labels(&[1])).unwrap();
    let report = Perceptron::default().fit(&zeros, &config).unwrap();
    assert!(!report.solved);
}

#[test]
fn one_row_takes_one_iteration_and_a_separated_start_none() {
    let rows = SignedRows::new(f64s(&[1.0, -2.0], [1, 2]), labels(&[-1])).unwrap();
    for (name, method) in methods(1.0) {
        let report = method.fit(&rows, &SeparationConfig::new()).unwrap();
        assert_eq!((report.solved, report.iterations), (true, 1), "{name}");
        assert_eq!(
            report.trace[0].misclassified, 1,
            "zero weights separate nothing"
        );
        let again = method.fit_from(&rows, report.theta, &SeparationConfig::new());
        assert_eq!(again.unwrap().iterations, 0, "{name}");
    }
    let nothing = SeparationConfig::new().with_max_iters(0);
    let report = BatchPerceptron.fit(&rows, &nothing).unwrap();
    assert_eq!((report.solved, report.iterations), (false, 0));
}

#[test]
fn each_choice_of_a_wrong_row_separates_and_random_ones_repeat_with_their_seed() {
    let values: Vec<f64> = (0..60)
        .map(|at| (f64::from(at) * 1.3).sin() * 2.0)
        .collect();
    let rows = separable(&values);
    let fit = |selection| {
        let report = Perceptron::selecting(selection)
            .fit(&rows, &SeparationConfig::new())
            .unwrap();
        assert!(report.solved, "{selection:?}");
        floats(&report.theta)
    };
    fit(RowSelection::FirstIndex);
    fit(RowSelection::Cyclic);
    assert_eq!(fit(RowSelection::Random(3)), fit(RowSelection::Random(3)));
}

#[test]
fn a_bias_lets_the_hyperplane_miss_the_origin() {
    let features = || f64s(&[1.0, 2.0, 3.0, 4.0], [4, 1]);
    let sides = || labels(&[-1, -1, 1, 1]);
    let config = SeparationConfig::new().with_max_iters(200);
    let through = SignedRows::new(features(), sides()).unwrap();
    assert!(!Perceptron::default().fit(&through, &config).unwrap().solved);
    let free = SignedRows::with_bias(features(), sides()).unwrap();
    assert_eq!(free.width(), 2);
    assert!(Perceptron::default().fit(&free, &config).unwrap().solved);
}

#[test]
fn half_precision_is_widened() {
    let features = f64s(&[1.0, -2.0], [1, 2]).cast(FloatDType::F16);
    let rows = SignedRows::new(features, labels(&[1])).unwrap();
    assert_eq!(rows.rows().dtype(), DType::F32);
}

#[test]
fn bad_rows_and_bounds_are_refused() {
    let good = || f64s(&[1.0, 0.0, 0.0, 1.0], [2, 2]);
    assert!(SignedRows::new(good(), labels(&[1, -1])).is_ok());
    for bad in [&[0, 1][..], &[1], &[1, 2], &[]] {
        assert!(SignedRows::new(good(), labels(bad)).is_err(), "{bad:?}");
    }
    assert!(SignedRows::new(f64s(&[f64::NAN], [1, 1]), labels(&[1])).is_err());
    assert!(worst_case_rows(0, &Device::flex()).is_err());
    let rows = worst_case_rows(2, &Device::flex()).unwrap();
    assert!(rows.margin_of(rows.zero_weights()).is_err());
    let short = BatchPerceptron.fit_from(&rows, f64s(&[0.0], [1]), &SeparationConfig::new());
    assert!(short.is_err());
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(iteration_bounds(bad, 1.0, 1, 1.0).is_err());
        assert!(iteration_bounds(1.0, bad, 1, 1.0).is_err());
        assert!(iteration_bounds(1.0, 1.0, 1, bad).is_err());
    }
    assert!(iteration_bounds(1.0, 0.0, 1, 1.0).is_err());
    assert!(iteration_bounds(1.0, 1.0, 0, 1.0).is_err());
}

#[test]
#[should_panic(expected = "SignedRows: weights has shape [3], wanted [2]")]
fn weights_of_another_width_are_refused_in_one_line() {
    let rows = worst_case_rows(2, &Device::flex()).unwrap();
    BatchPerceptron.update(&rows, Tensor::zeros([3], &Device::flex()), 0);
}

#[test]
fn configurations_survive_json_and_illegal_settings_are_refused_by_name() {
    check_config(&LrGdConfig::new(), LrGdConfig::init);
    check_config(&NormalizedLrGdConfig::new(), NormalizedLrGdConfig::init);
    check_config(
        &PassiveAggressiveConfig::new(),
        PassiveAggressiveConfig::init,
    );
    check_config(&SeparationConfig::new(), |_| Ok::<_, String>(()));
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        check_refused(LrGdConfig::new().with_step(bad).init(), "step");
        check_refused(NormalizedLrGdConfig::new().with_step(bad).init(), "step");
        let bound = PassiveAggressiveConfig::new().with_aggressiveness(bad);
        check_refused(bound.init(), "aggressiveness");
    }
    check_send_sync::<(LrGd, NormalizedLrGd, PassiveAggressive, Perceptron)>();
}
