//! Measures of embeddings: values by hand, invariants, gradients, bad input.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use burn::tensor::{DType, Device, FloatDType, Tensor};
use candor_core::host::floats;
use candor_metrics::representation::{ToleranceMode, alignment, tolerance, uniformity};
use candor_testkit::check_gradient;
use proptest::prelude::*;

fn matrix(values: &[f64], width: usize) -> Tensor<2> {
    let options = (&Device::flex(), DType::F64);
    Tensor::<1>::from_data(values, options).reshape([values.len() / width, width])
}

/// The definition, pair by pair.
fn uniformity_of_pairs(values: &[f64], width: usize, t: f64) -> f64 {
    let rows: Vec<&[f64]> = values.chunks(width).collect();
    let mut kernels = Vec::new();
    for (i, a) in rows.iter().enumerate() {
        for b in &rows[..i] {
            let square: f64 = a.iter().zip(*b).map(|(a, b)| (a - b).powi(2)).sum();
            kernels.push((-t * square).exp());
        }
    }
    (kernels.iter().sum::<f64>() / kernels.len() as f64).ln()
}

proptest! {
    #[test]
    fn uniformity_is_the_mean_kernel_of_the_pairs_and_never_positive(
        values in prop::collection::vec(-1.0..1.0f64, 15),
        t in 0.1..4.0f64,
        shift in -100.0..100.0f64,
    ) {
        let value = floats(&uniformity(matrix(&values, 3), t).unwrap())[0];
        prop_assert!((value - uniformity_of_pairs(&values, 3, t)).abs() < 1e-9);
        prop_assert!(value <= 1e-12);
        let moved = floats(&uniformity(matrix(&values, 3) + shift, t).unwrap())[0];
        prop_assert!((value - moved).abs() < 1e-8);
    }

    #[test]
    fn tolerance_is_the_mean_of_the_pairs(
        values in prop::collection::vec(-1.0..1.0f64, 12),
        labels in prop::collection::vec(-1i64..2, 6),
    ) {
        let rows: Vec<&[f64]> = values.chunks(2).collect();
        let (mut sum, mut count) = (0.0, 0.0);
        for i in 0..6 {
            for j in 0..i {
                if labels[i] == labels[j] {
                    sum += rows[i].iter().zip(rows[j]).map(|(a, b)| a * b).sum::<f64>();
                    count += 1.0;
                }
            }
        }
        let embeddings = matrix(&values, 2);
        let joint = tolerance(&embeddings, &labels, ToleranceMode::Joint).unwrap();
        prop_assert!((joint - sum / 15.0).abs() < 1e-12);
        // Six rows of three labels: two of them share one.
        let same = tolerance(&embeddings, &labels, ToleranceMode::SameClass).unwrap();
        prop_assert!((same - sum / count).abs() < 1e-12);
    }

    #[test]
    fn alignment_is_symmetric_and_scales_with_its_power(
        x in prop::collection::vec(-1.0..1.0f64, 6),
        y in prop::collection::vec(-1.0..1.0f64, 6),
        power in 0.5..4.0f64,
    ) {
        let value = |x: Tensor<2>, y: Tensor<2>| floats(&alignment(x, y, power).unwrap())[0];
        let there = value(matrix(&x, 2), matrix(&y, 2));
        prop_assert!((there - value(matrix(&y, 2), matrix(&x, 2))).abs() < 1e-12);
        let twice = value(matrix(&x, 2) * 2.0, matrix(&y, 2) * 2.0);
        prop_assert!((twice - there * 2f64.powf(power)).abs() < 1e-9 * (1.0 + twice));
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    let points = [0.3, -0.2, 0.9, 0.4, -0.7, 0.1, 0.2, 0.8];
    check_gradient(matrix(&points, 2), |x: Tensor<2>| {
        uniformity(x, 1.5).unwrap()
    });
    for power in [0.5, 1.0, 2.0, 3.0] {
        check_gradient(matrix(&points, 2), |x: Tensor<2>| {
            let turned = x.clone().flip([1]) * 0.5 + 0.3;
            alignment(x, turned, power).unwrap()
        });
    }
}

#[test]
fn one_point_is_not_uniform_at_all_and_far_points_stay_finite() {
    let options = (&Device::flex(), DType::F32);
    let point = Tensor::<2>::from_data([[0.6, 0.8], [0.6, 0.8], [0.6, 0.8]], options);
    let tracked = point.autodiff().require_grad();
    let value = uniformity(tracked.clone(), 2.0).unwrap();
    assert!(floats(&value)[0].abs() < 1e-12);
    let gradient = floats(&tracked.grad(&value.backward()).unwrap());
    assert!(gradient.iter().all(|entry| entry.abs() < 1e-12));
    let far = Tensor::<2>::from_data([[1e4, 0.0], [-1e4, 0.0], [0.0, 1e4]], options);
    let value = floats(&uniformity(far, 2.0).unwrap())[0];
    // Two of the three pairs at a distance of 1e4 √2: -4e8 + ln(2/3).
    assert!((value / -4e8 - 1.0).abs() < 1e-6);
}

#[test]
fn a_pair_that_coincides_has_no_gradient_of_any_power() {
    for power in [0.5, 1.0, 2.0] {
        let x = Tensor::<2>::ones([2, 2], &Device::flex())
            .autodiff()
            .require_grad();
        let value = alignment(x.clone(), Tensor::ones([2, 2], &Device::flex()), power).unwrap();
        let gradient = floats(&x.grad(&value.backward()).unwrap());
        assert_eq!((floats(&value), gradient), (vec![0.0], vec![0.0; 4]));
    }
}

#[test]
fn half_precision_embeddings_keep_their_type() {
    let half = matrix(&[0.3, -0.2, 0.9, 0.4, -0.7, 0.1], 2).cast(FloatDType::BF16);
    let value = uniformity(half.clone(), 2.0).unwrap();
    assert_eq!(value.dtype(), DType::BF16);
    let exact = uniformity(half.clone().cast(FloatDType::F64), 2.0).unwrap();
    assert!((floats(&value)[0] - floats(&exact)[0]).abs() < 2e-2);
    let aligned = alignment(half.clone(), half.flip([1]), 1.0).unwrap();
    assert_eq!(aligned.dtype(), DType::BF16);
}

#[test]
fn what_has_no_value_is_an_error() {
    let one = matrix(&[0.3, 0.4], 2);
    let two = matrix(&[0.3, 0.4, 0.1, 0.2], 2);
    assert!(uniformity(one.clone(), 2.0).is_err());
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(uniformity(two.clone(), bad).is_err());
        assert!(alignment(two.clone(), two.clone(), bad).is_err());
    }
    assert!(alignment(one.clone(), two.clone(), 2.0).is_err());
    let nothing = Tensor::<2>::zeros([0, 2], &Device::flex());
    assert!(alignment(nothing.clone(), nothing.clone(), 2.0).is_err());
    for mode in [ToleranceMode::SameClass, ToleranceMode::Joint] {
        assert!(tolerance(&two, &[1], mode).is_err());
        assert!(tolerance(&one, &[1], mode).is_err());
        assert!(tolerance(&nothing, &[], mode).is_err());
        assert!(tolerance(&matrix(&[f64::NAN, 1.0], 1), &[0, 0], mode).is_err());
    }
    assert!(tolerance(&two, &[1, 2], ToleranceMode::SameClass).is_err());
    let joint = tolerance(&two, &[1, 2], ToleranceMode::Joint).unwrap();
    assert_eq!(joint.to_bits(), 0.0f64.to_bits());
}
