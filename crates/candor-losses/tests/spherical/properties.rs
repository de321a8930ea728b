//! Invariants of the formulas, and bad input.

use burn::nn::loss::Reduction;
use burn::tensor::{DType, Device, Tensor};
use candor_core::host::floats;
use candor_losses::spherical::{
    OutputSummary, SparseTargets, SphericalLoss, SphericalMse, SphericalSoftmaxLossConfig,
    TaylorSoftmaxLoss, ZLossConfig, z_scores,
};
use proptest::prelude::*;

use super::{labels, losses, matrix, vector};

fn one_loss(loss: &dyn SphericalLoss, outputs: &[f64], label: i64) -> f64 {
    let logits = matrix(outputs, outputs.len());
    floats(&loss.forward_no_reduction(logits, labels(&[label])))[0]
}

fn summary(outputs: &[f64], label: usize) -> OutputSummary {
    OutputSummary {
        label: outputs[label],
        squares: outputs.iter().map(|output| output * output).sum(),
        sum: outputs.iter().sum(),
        classes: outputs.len(),
    }
}

proptest! {
    #[test]
    fn the_z_loss_sees_neither_shift_nor_scale(
        outputs in prop::collection::vec(-5.0..5.0f64, 6),
        label in 0..6i64,
        scale in 0.01..100.0f64,
        shift in -100.0..100.0f64,
    ) {
        let loss = ZLossConfig::new().with_sharpness(0.7).with_margin(1.0).init().unwrap();
        let moved: Vec<f64> = outputs.iter().map(|output| scale * output + shift).collect();
        let (straight, moved) = (one_loss(&loss, &outputs, label), one_loss(&loss, &moved, label));
        prop_assert!((straight - moved).abs() < 1e-9);
    }

    #[test]
    fn z_scores_are_standardised_and_bounded(outputs in prop::collection::vec(-1e4..1e4f64, 2..20)) {
        let z = floats(&z_scores(matrix(&outputs, outputs.len())));
        let classes = z.len() as f64;
        prop_assert!(z.iter().sum::<f64>().abs() < 1e-9 * classes);
        prop_assert!((z.iter().map(|z| z * z).sum::<f64>() - classes).abs() < 1e-9 * classes);
        prop_assert!(z.iter().all(|z| z.abs() <= (classes - 1.0).sqrt() + 1e-9));
    }

    #[test]
    fn losses_do_not_depend_on_the_order_of_the_other_outputs(
        outputs in prop::collection::vec(-5.0..5.0f64, 5),
    ) {
        let mut turned = outputs.clone();
        turned[1..].reverse();
        for loss in losses() {
            let (straight, turned) = (one_loss(&*loss, &outputs, 0), one_loss(&*loss, &turned, 0));
            prop_assert!((straight - turned).abs() < 1e-9, "{}", loss.name());
        }
    }

    #[test]
    fn losses_are_not_negative(outputs in prop::collection::vec(-1e3..1e3f64, 4), label in 0..4i64) {
        for loss in losses() {
            let value = one_loss(&*loss, &outputs, label);
            prop_assert!(value >= -1e-9, "{}: {}", loss.name(), value);
        }
    }

    #[test]
    fn the_host_and_the_tensors_agree_in_value_and_slopes(
        outputs in prop::collection::vec(-3.0..3.0f64, 3..9),
    ) {
        let seen = summary(&outputs, 1);
        for loss in losses() {
            let slopes = loss.slopes(seen);
            let [a, q, s] = [seen.label, seen.squares, seen.sum]
                .map(|number| vector(&[number]).autodiff().require_grad());
            let value = loss.forward_summaries(a.clone(), q.clone(), s.clone(), seen.classes);
            prop_assert!((floats(&value)[0] - slopes.loss).abs() < 1e-9, "{}", loss.name());
            let dense = one_loss(&*loss, &outputs, 1);
            prop_assert!((dense - slopes.loss).abs() < 1e-7 * (1.0 + dense), "{}", loss.name());
            let gradients = value.sum().backward();
            for (tensor, slope) in [(a, slopes.label), (q, slopes.squares), (s, slopes.sum)] {
                let gradient = tensor.grad(&gradients).map_or(0.0, |gradient| floats(&gradient)[0]);
                prop_assert!(
                    (gradient - slope).abs() < 1e-6 * (1.0 + slope.abs()),
                    "{}: {} and {}", loss.name(), gradient, slope
                );
            }
        }
    }
}

#[test]
fn the_spherical_softmax_does_not_see_signs_and_the_taylor_softmax_turns_at_minus_one() {
    let spherical = SphericalSoftmaxLossConfig::new().init().unwrap();
    let (outputs, opposite) = ([0.5, -2.0, 1.0], [-0.5, 2.0, -1.0]);
    assert_eq!(
        one_loss(&spherical, &outputs, 1),
        one_loss(&spherical, &opposite, 1)
    );
    let taylor = TaylorSoftmaxLoss::new();
    let mirrored: Vec<f64> = outputs.iter().map(|output| -2.0 - output).collect();
    let (straight, mirrored) = (
        one_loss(&taylor, &outputs, 1),
        one_loss(&taylor, &mirrored, 1),
    );
    assert!((straight - mirrored).abs() < 1e-12);
}

#[test]
fn equal_outputs_have_a_z_score_of_zero_and_no_gradient() {
    // Values whose sum over seven or a thousand classes rounds in f32.
    for (value, classes) in [(0.7f32, 7), (-1e4, 7), (0.1, 1000), (0.0, 3)] {
        let logits = Tensor::<2>::full([2, classes], value, (&Device::flex(), DType::F32));
        let logits = logits.autodiff().require_grad();
        let loss = ZLossConfig::new().init().unwrap();
        let rows = loss.forward_no_reduction(logits.clone(), labels(&[0, 2]));
        let gradient = logits.grad(&rows.clone().sum().backward()).unwrap();
        assert!(
            floats(&rows)
                .iter()
                .all(|row| (row - 2f64.ln()).abs() < 1e-6)
        );
        assert!(floats(&gradient).iter().all(|slope| *slope == 0.0));
        let slopes = loss.slopes(summary(&vec![f64::from(value); classes], 0));
        assert!((slopes.loss - 2f64.ln()).abs() < 1e-9);
        assert_eq!((slopes.label, slopes.squares, slopes.sum), (0.0, 0.0, 0.0));
    }
}

#[test]
fn of_two_classes_the_z_loss_knows_only_which_is_larger() {
    let loss = ZLossConfig::new().init().unwrap();
    let won = (-1f64).exp().ln_1p();
    assert!((one_loss(&loss, &[0.3, -8.0], 0) - won).abs() < 1e-9);
    assert!((one_loss(&loss, &[1e4, -1e4], 1) - won - 1.0).abs() < 1e-9);
}

#[test]
fn a_million_classes_keep_the_precision_of_the_variance() {
    // 999 999 outputs of 100 and one of 101: σ² = (1 - 1/D)/D, of which q/D - μ² in f32 holds nothing.
    let classes = 1_000_000;
    let mut outputs = vec![100.0f32; classes];
    outputs[3] = 101.0;
    let logits = Tensor::<1>::from_data(outputs.as_slice(), (&Device::flex(), DType::F32));
    let z = floats(&z_scores(logits.reshape([1, classes])));
    assert!((z[3] - 999_999f64.sqrt()).abs() < 1.0, "{}", z[3]);
}

#[test]
fn validation_names_what_is_wrong() {
    for loss in losses() {
        let check = |outputs: &[f64], width, targets: &[i64]| {
            loss.validate(&matrix(outputs, width), &labels(targets))
        };
        assert!(check(&[0.0, 1.0], 2, &[1]).is_ok());
        assert!(check(&[0.0, 1.0], 2, &[2]).is_err());
        assert!(check(&[0.0, 1.0], 2, &[-1]).is_err());
        assert!(check(&[0.0, 1.0], 2, &[0, 1]).is_err());
        assert!(check(&[0.0], 1, &[0]).is_err());
        let message = check(&[0.0, 1.0], 2, &[2]).unwrap_err().to_string();
        assert!(message.contains(loss.name()), "{message}");
    }
}

#[test]
fn sparse_targets_refuse_what_is_no_target() {
    let new = |rows: &[Vec<(usize, f64)>]| SparseTargets::new(rows, 4);
    assert!(new(&[vec![(3, 0.5), (0, 0.0)]]).is_ok());
    assert!(new(&[]).is_err());
    assert!(new(&[vec![(0, 1.0)], vec![]]).is_err());
    assert!(new(&[vec![(4, 1.0)]]).is_err());
    assert!(new(&[vec![(0, -1.0)]]).is_err());
    assert!(new(&[vec![(0, f64::NAN)]]).is_err());
    assert!(SparseTargets::from_labels(&[], 4).is_err());
    assert!(SparseTargets::from_labels(&[-1], 4).is_err());
    let labels = SparseTargets::from_labels(&[2], 4).unwrap();
    assert_eq!(labels, new(&[vec![(2, 1.0)]]).unwrap());
}

#[test]
#[should_panic(expected = "SphericalMse: labels has shape [3], wanted [1]")]
fn a_wrong_shape_panics_in_one_line() {
    let logits = matrix(&[0.0, 0.0], 2);
    SphericalMse::new().forward(logits, labels(&[0, 1, 1]), Reduction::Mean);
}
