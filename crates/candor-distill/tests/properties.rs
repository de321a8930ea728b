//! Invariants of the formulas, gradients at the edges, and bad input.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use burn::module::Module;
use burn::nn::loss::Reduction;
use burn::tensor::{DType, Device, Int, Tensor};
use candor_core::host::floats;
use candor_distill::features::{
    ClassMeanCosineLossConfig, ClassMeans, FeatureNormLossConfig, FeatureProjectorConfig, NdLoss,
    NdLossConfig,
};
use candor_distill::logits::{DkdLossConfig, HintonKdConfig};
use candor_testkit::check_gradient;
use proptest::prelude::*;

fn matrix(values: &[f64], width: usize) -> Tensor<2> {
    let options = (&Device::flex(), DType::F64);
    Tensor::<1>::from_data(values, options).reshape([values.len() / width, width])
}

fn labels(values: &[i64]) -> Tensor<1, Int> {
    Tensor::from_data(values, &Device::flex())
}

fn nd() -> NdLoss {
    let means = ClassMeans::from_tensor(&matrix(&[1.0, 0.0, 0.0, 1.0], 2), "by hand").unwrap();
    NdLossConfig::new().init(&means, &Device::flex()).unwrap()
}

proptest! {
    #[test]
    fn a_divergence_is_never_negative_and_zero_only_for_a_shifted_copy(
        student in prop::collection::vec(-4.0..4.0f64, 4),
        teacher in prop::collection::vec(-4.0..4.0f64, 4),
        shift in -30.0..30.0f64,
    ) {
        let kd = HintonKdConfig::new().init().unwrap();
        let value = |student: &[f64]| {
            floats(&kd.forward_no_reduction(matrix(student, 4), matrix(&teacher, 4)))[0]
        };
        prop_assert!(value(&student) >= -1e-12);
        let copy: Vec<f64> = teacher.iter().map(|logit| logit + shift).collect();
        prop_assert!(value(&copy).abs() < 1e-12);
    }

    #[test]
    fn hinton_is_dkd_with_the_teachers_doubt_as_beta(
        student in prop::collection::vec(-3.0..3.0f64, 4),
        teacher in prop::collection::vec(-3.0..3.0f64, 4),
        label in 0..4i64,
    ) {
        // KL(p‖q) = KL of the pair + (1 - p_y) KL of the others.
        let (student, teacher_row) = (matrix(&student, 4), matrix(&teacher, 4));
        let kd = HintonKdConfig::new().with_temperature(2.0).init().unwrap();
        let dkd = DkdLossConfig::new().with_temperature(2.0).init().unwrap();
        let terms = dkd.terms(student.clone(), teacher_row.clone(), labels(&[label]));
        let weights: Vec<f64> = teacher.iter().map(|logit| (logit / 2.0).exp()).collect();
        let doubt = 1.0 - weights[label as usize] / weights.iter().sum::<f64>();
        let sum = floats(&terms.target_class)[0] + doubt * floats(&terms.non_target_class)[0];
        let whole = floats(&kd.forward_no_reduction(student, teacher_row))[0];
        prop_assert!((sum - whole).abs() < 1e-9 * (1.0 + whole));
    }

    #[test]
    fn nd_does_not_see_a_common_scale(
        student in prop::collection::vec(-2.0..2.0f64, 2),
        teacher in prop::collection::vec(-2.0..2.0f64, 2),
        scale in 1e-3..1e3f64,
    ) {
        let value = |scale: f64| {
            let scaled = |values: &[f64]| matrix(&values.iter().map(|v| v * scale).collect::<Vec<_>>(), 2);
            floats(&nd().forward_no_reduction(scaled(&student), scaled(&teacher), labels(&[1])))[0]
        };
        prop_assert!((value(1.0) - value(scale)).abs() < 1e-9);
        prop_assert!((0.0..=2.0).contains(&value(1.0)));
    }
}

#[test]
fn a_zero_student_row_is_pulled_along_the_direction() {
    let student = matrix(&[0.0, 0.0], 2).autodiff().require_grad();
    let loss = nd().forward_no_reduction(student.clone(), matrix(&[4.0, 0.0], 2), labels(&[0]));
    assert_eq!(floats(&loss), [1.0]);
    assert_eq!(
        floats(&student.grad(&loss.backward()).unwrap()),
        [-0.25, 0.0]
    );
}

#[test]
fn two_zero_rows_have_loss_one_and_no_gradient() {
    let student = matrix(&[0.0, 0.0], 2).autodiff().require_grad();
    let loss = nd().forward_no_reduction(student.clone(), matrix(&[0.0, 0.0], 2), labels(&[0]));
    assert_eq!(floats(&loss), [1.0]);
    assert_eq!(floats(&student.grad(&loss.backward()).unwrap()), [0.0, 0.0]);
}

#[test]
fn on_equal_norms_only_the_direction_is_pushed() {
    let student = matrix(&[0.0, 2.0], 2).autodiff().require_grad();
    let loss = nd().forward_no_reduction(student.clone(), matrix(&[2.0, 0.0], 2), labels(&[0]));
    assert_eq!(
        floats(&student.grad(&loss.backward()).unwrap()),
        [-0.5, 0.0]
    );
}

#[test]
fn no_gradient_reaches_the_teacher() {
    let teacher = matrix(&[1.0, 2.0], 2).autodiff().require_grad();
    let student = matrix(&[0.3, 0.1], 2).autodiff().require_grad();
    let kd = HintonKdConfig::new().init().unwrap();
    let dkd = DkdLossConfig::new().init().unwrap();
    let total = kd.forward(student.clone(), teacher.clone(), Reduction::Mean)
        + dkd.forward(
            student.clone(),
            teacher.clone(),
            labels(&[0]),
            Reduction::Mean,
        )
        + nd().forward(student, teacher.clone(), labels(&[0]), Reduction::Mean);
    assert!(teacher.grad(&total.backward()).is_none());
}

#[test]
fn the_weight_scales_the_reduced_loss_alone() {
    let means = ClassMeans::from_tensor(&matrix(&[1.0, 0.0, 0.0, 1.0], 2), "by hand").unwrap();
    let heavy = NdLossConfig::new()
        .with_weight(3.0)
        .init(&means, &Device::flex())
        .unwrap();
    let arguments = || (matrix(&[0.5, 0.5], 2), matrix(&[1.0, 0.0], 2), labels(&[0]));
    let (student, teacher, label) = arguments();
    let row = floats(&heavy.forward_no_reduction(student, teacher, label))[0];
    let (student, teacher, label) = arguments();
    assert!(
        (floats(&heavy.forward(student, teacher, label, Reduction::Mean))[0] - 3.0 * row).abs()
            < 1e-12
    );
    let (student, teacher, _) = arguments();
    let given =
        heavy.forward_with_directions(student, teacher, matrix(&[1.0, 0.0], 2), Reduction::Mean);
    assert!((floats(&given)[0] - 3.0 * row).abs() < 1e-12);
}

#[test]
fn the_feature_norm_loss_is_constant_and_its_gradient_is_not() {
    let loss = FeatureNormLossConfig::new().with_step(0.05).init().unwrap();
    let student = Tensor::<2>::from_floats([[3e4, 4e4], [0.0, 0.0]], &Device::flex().autodiff())
        .require_grad();
    let rows = loss.forward_no_reduction(student.clone());
    for row in floats(&rows) {
        assert!((row - 0.0025).abs() < 1e-9); // also where norm + step would lose the step
    }
    let gradient = floats(&student.grad(&rows.sum().backward()).unwrap());
    for (seen, wanted) in gradient.into_iter().zip([-0.06, -0.08, 0.0, 0.0]) {
        assert!((seen - wanted).abs() < 1e-7);
    }
}

#[test]
fn dkd_of_a_certain_teacher_keeps_its_ranking_of_the_others() {
    // p_y = 1 - 1e-87: the published code's log of a sum underflows here.
    let dkd = DkdLossConfig::new()
        .with_temperature(1.0)
        .with_alpha(0.0)
        .with_beta(1.0)
        .init()
        .unwrap();
    let teacher = matrix(&[200.0, 1.0, 0.0], 3);
    let student = matrix(&[200.0, 0.0, 1.0], 3);
    let seen = floats(&dkd.forward_no_reduction(student, teacher, labels(&[0])))[0];
    let p = 1.0 / (1.0 + (-1.0f64).exp());
    assert!((seen - (2.0 * p - 1.0)).abs() < 1e-9, "{seen}");
}

#[test]
fn the_class_mean_cosine_gradient_matches_finite_differences() {
    let means = ClassMeans::from_tensor(&matrix(&[3.0, 1.0, -1.0, 2.0], 2), "by hand").unwrap();
    let cosine = ClassMeanCosineLossConfig::new()
        .init(&means, &Device::flex())
        .unwrap();
    check_gradient(
        Tensor::from_floats([[0.7, -0.4]], &Device::flex()),
        |student: Tensor<2>| cosine.forward(student, labels(&[1]), Reduction::Mean),
    );
}

#[test]
fn a_projector_trains_with_its_student() {
    let device = Device::flex().autodiff();
    let projector = FeatureProjectorConfig::new(2, 3)
        .with_dropout(0.0)
        .init(&device)
        .unwrap();
    // Scale, shift, running mean and variance of two features, then the linear layer.
    assert_eq!(projector.num_params(), 4 * 2 + 2 * 3 + 3);
    let features = Tensor::<2>::from_floats([[1.0, 2.0], [3.0, -1.0]], &device).require_grad();
    let gradients = projector
        .forward(features.clone())
        .square()
        .sum()
        .backward();
    assert!(
        floats(&features.grad(&gradients).unwrap())
            .iter()
            .all(|value| value.is_finite())
    );
}

#[test]
fn validation_names_what_is_wrong() {
    let (row, pair) = (matrix(&[0.1, 0.2], 2), matrix(&[0.1, 0.2, 0.3, 0.4], 2));
    let kd = HintonKdConfig::new().init().unwrap();
    assert!(kd.validate(&row, &row).is_ok());
    assert!(kd.validate(&row, &pair).is_err());
    assert!(kd.validate(&matrix(&[f64::NAN, 0.0], 2), &row).is_err());
    let dkd = DkdLossConfig::new().init().unwrap();
    assert!(dkd.validate(&row, &row, &labels(&[1])).is_ok());
    assert!(dkd.validate(&row, &row, &labels(&[2])).is_err());
    assert!(dkd.validate(&row, &row, &labels(&[0, 1])).is_err());
    assert!(
        dkd.validate(&matrix(&[0.1], 1), &matrix(&[0.1], 1), &labels(&[0]))
            .is_err()
    );
    assert!(nd().validate(&row, &row, &labels(&[1])).is_ok());
    assert!(nd().validate(&row, &row, &labels(&[2])).is_err());
    assert!(nd().validate(&row, &pair, &labels(&[0])).is_err());
    assert!(
        nd().validate(&matrix(&[0.0; 3], 3), &matrix(&[0.0; 3], 3), &labels(&[0]))
            .is_err()
    );
    assert!(
        FeatureNormLossConfig::new()
            .init()
            .unwrap()
            .validate(&matrix(&[f64::NAN], 1))
            .is_err()
    );
}

#[test]
#[should_panic(
    expected = "a FeatureProjector bridges widths): student_features has shape [1, 3], wanted [1, 2]"
)]
fn another_width_says_what_to_do() {
    nd().forward(
        matrix(&[0.0; 3], 3),
        matrix(&[0.0; 3], 3),
        labels(&[0]),
        Reduction::Mean,
    );
}
