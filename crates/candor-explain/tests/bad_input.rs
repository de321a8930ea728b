//! What the methods do with input that they are not defined for, and at their edges.
#![cfg(feature = "flex")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use burn::tensor::{DType, Device, FloatDType, Tensor};
use candor_core::host::floats;
use candor_core::{Attribution, DrawKey, ExplainError, InputError, Target};
use candor_explain::attribution::*;

const KEY: DrawKey = DrawKey::new(3);
const FIRST: Target = Target::Output(0);

type Explain = Box<dyn Fn(Tensor<2>, &Masker<2>) -> Result<Attribution<2>, ExplainError>>;

fn product(x: Tensor<2>) -> Tensor<2> {
    x.prod_dim(1)
}

fn device() -> Device {
    Device::flex()
}

fn inputs() -> Tensor<2> {
    Tensor::from_floats([[2.0, -1.0, 0.5]], &device())
}

/// The methods that evaluate the model away from the input, with the masker where they take one.
fn samplers() -> Vec<(&'static str, Explain)> {
    let lime = LimeConfig::new().with_n_samples(32).init().unwrap();
    let shap = KernelShapConfig::new().init().unwrap();
    let penalized = KernelShapConfig::new()
        .with_mode(KernelShapMode::Penalized)
        .init()
        .unwrap();
    let shapley = ShapleyExactConfig::new().init().unwrap();
    let occlusion = OcclusionConfig::new().init().unwrap();
    vec![
        (
            "Lime",
            Box::new(move |x, m| lime.explain(&product, x, &FIRST, m, KEY)),
        ),
        (
            "KernelShap",
            Box::new(move |x, m| shap.explain(&product, x, &FIRST, m, KEY)),
        ),
        (
            "KernelShap, penalized",
            Box::new(move |x, m| penalized.explain(&product, x, &FIRST, m, KEY)),
        ),
        (
            "ShapleyExact",
            Box::new(move |x, m| shapley.explain(&product, x, &FIRST, m)),
        ),
        (
            "Occlusion",
            Box::new(move |x, m| occlusion.explain(&product, x, &FIRST, m)),
        ),
    ]
}

fn gradient_methods() -> Vec<(&'static str, Explain)> {
    let vanilla = VanillaGradientConfig::new().init().unwrap();
    let times_input = GradientXInputConfig::new().init().unwrap();
    let smooth = SmoothGradConfig::new().init().unwrap();
    let integrated = IntegratedGradientsConfig::new().init().unwrap();
    let c_lime = CLimeConfig::new().init().unwrap();
    vec![
        (
            "VanillaGradient",
            Box::new(move |x, _| vanilla.explain(&product, x, &FIRST)),
        ),
        (
            "GradientXInput",
            Box::new(move |x, _| times_input.explain(&product, x, &FIRST)),
        ),
        (
            "SmoothGrad",
            Box::new(move |x, _| smooth.explain(&product, x, &FIRST, KEY)),
        ),
        (
            "IntegratedGradients",
            Box::new(move |x, _| integrated.explain(&product, x, &FIRST, &Baseline::Zeros)),
        ),
        (
            "CLime",
            Box::new(move |x, _| c_lime.explain(&product, x, &FIRST, KEY)),
        ),
    ]
}

#[test]
fn nan_and_infinity_in_the_input_are_errors() {
    for (name, explain) in samplers().into_iter().chain(gradient_methods()) {
        for bad in [f32::NAN, f32::INFINITY] {
            let inputs = Tensor::from_floats([[1.0, bad, 0.0]], &device());
            let result = explain(inputs, &Masker::default());
            let seen = matches!(
                result,
                Err(ExplainError::Input(InputError::OutOfRange { index: 1, .. }))
            );
            assert!(seen, "{name} with {bad}");
        }
    }
}

#[test]
fn baselines_and_groups_that_do_not_fit_are_errors() {
    let narrow = Masker::default().with_baseline(Tensor::zeros([1, 2], &device()));
    let nan = Masker::default().with_baseline(Baseline::Constant(f64::NAN));
    let groups = Masker::default().with_groups(FeatureGroups::from_ids(&[0, 1]).unwrap());
    for (name, explain) in samplers() {
        for masker in [&narrow, &nan, &groups] {
            assert!(
                matches!(explain(inputs(), masker), Err(ExplainError::Input(_))),
                "{name}"
            );
        }
    }
}

#[test]
fn a_baseline_equal_to_the_input_leaves_nothing_to_explain() {
    let masker = Masker::default().with_baseline(inputs());
    for (name, explain) in samplers() {
        for value in explain(inputs(), &masker).unwrap().row(0) {
            assert!(value.abs() < 1e-9, "{name} gave {value}");
        }
    }
    let integrated = IntegratedGradientsConfig::new().init().unwrap();
    let explained = integrated
        .explain(&product, inputs(), &FIRST, &inputs().into())
        .unwrap();
    assert_eq!(explained.row(0), [0.0; 3]);
}

#[test]
fn half_precision_inputs_are_explained_in_their_precision() {
    for (name, explain) in samplers().into_iter().chain(gradient_methods()) {
        if name == "CLime" {
            continue; // scores of half precision are too coarse to fit a slope at sigma 0.1
        }
        let exact = explain(inputs(), &Masker::default()).unwrap();
        let half = explain(inputs().cast(FloatDType::F16), &Masker::default()).unwrap();
        assert_eq!(half.values.dtype(), DType::F16, "{name}");
        for (seen, wanted) in floats(&half.values).iter().zip(floats(&exact.values)) {
            assert!((seen - wanted).abs() < 2e-2, "{name}: {seen} and {wanted}");
        }
    }
}

#[test]
fn a_score_that_is_not_finite_is_an_error_and_not_a_number() {
    let broken = |x: Tensor<2>| x.sum_dim(1).log(); // log of a negative number
    let inputs = Tensor::from_floats([[-2.0, -1.0]], &device());
    let shap = KernelShapConfig::new().init().unwrap();
    let result = shap.explain(&broken, inputs, &FIRST, &Masker::default(), KEY);
    assert!(matches!(
        result,
        Err(ExplainError::Input(InputError::OutOfRange {
            argument: "model scores",
            ..
        }))
    ));
}

#[test]
fn another_number_of_targets_or_predictions_than_rows_is_an_error() {
    let occlusion = OcclusionConfig::new().init().unwrap();
    let two = Target::PerRow(vec![0, 0]);
    assert!(
        occlusion
            .explain(&product, inputs(), &two, &Masker::default())
            .is_err()
    );
    let short = |x: Tensor<2>| x.slice_dim(0, 0..1);
    let result = occlusion.explain(&short, inputs(), &FIRST, &Masker::default());
    assert!(matches!(
        result,
        Err(ExplainError::PredictionRows { seen: 1, wanted: 4 })
    ));
}

#[test]
fn weights_that_all_vanish_are_a_degenerate_neighbourhood() {
    let lime = LimeConfig::new()
        .with_distance(LimeDistance::Euclidean)
        .with_kernel_width(1e-3)
        .init()
        .unwrap();
    let far = Coalitions::new(3, vec![false; 6]).unwrap();
    let result = lime.explain_with(&product, inputs(), &FIRST, &Masker::default(), &far);
    assert!(matches!(
        result,
        Err(ExplainError::DegenerateNeighbourhood { samples: 2, .. })
    ));
}

#[test]
fn masks_without_information_are_errors() {
    let constrained = KernelShapConfig::new().init().unwrap();
    let penalized = KernelShapConfig::new()
        .with_mode(KernelShapMode::Penalized)
        .init()
        .unwrap();
    let (none, masker) = (Coalitions::new(3, vec![]).unwrap(), Masker::default());
    let ends = Coalitions::new(3, [[true; 3], [false; 3]].concat()).unwrap();
    let narrow = Coalitions::new(2, vec![true, false]).unwrap();
    let explain = |shap: &KernelShap, masks: &Coalitions, counts: Option<&[usize]>| {
        shap.explain_with(&product, inputs(), &FIRST, &masker, masks, counts)
    };
    assert!(explain(&penalized, &none, None).is_err());
    assert!(explain(&constrained, &none, None).is_err());
    assert!(explain(&constrained, &ends, None).is_err());
    assert!(explain(&constrained, &narrow, None).is_err());
    assert!(explain(&penalized, &ends, Some(&[1])).is_err());
    let whole = Masker::default().with_groups(FeatureGroups::from_ids(&[0, 0, 0]).unwrap());
    assert!(
        penalized
            .explain(&product, inputs(), &FIRST, &whole, KEY)
            .is_err()
    );
}

#[test]
fn one_group_gets_the_whole_difference() {
    let shap = KernelShapConfig::new().init().unwrap();
    let whole = Masker::default().with_groups(FeatureGroups::from_ids(&[0, 0, 0]).unwrap());
    let explained = shap
        .explain(&product, inputs(), &FIRST, &whole, KEY)
        .unwrap();
    assert_eq!(explained.row(0), [-1.0; 3]);
    assert_eq!(explained.convergence_delta.unwrap(), [0.0]);
}

#[test]
fn exact_shapley_values_refuse_seventeen_groups() {
    let shapley = ShapleyExactConfig::new().init().unwrap();
    let wide = Tensor::ones([1, 17], &device());
    let result = shapley.explain(&product, wide, &FIRST, &Masker::default());
    assert!(matches!(
        result,
        Err(ExplainError::TooManyFeatures {
            features: 17,
            limit: 16,
            ..
        })
    ));
}

#[test]
fn draws_of_another_shape_are_errors() {
    let smooth = SmoothGradConfig::new().init().unwrap();
    let narrow = Tensor::zeros([4, 2], &device());
    assert!(
        smooth
            .explain_with(&product, inputs(), &FIRST, narrow)
            .is_err()
    );
    let none = Tensor::zeros([0, 3], &device());
    assert!(
        smooth
            .explain_with(&product, inputs(), &FIRST, none)
            .is_err()
    );
    let c_lime = CLimeConfig::new().init().unwrap();
    let nan = Tensor::<2>::full([4, 3], f32::NAN, &device());
    assert!(
        c_lime
            .explain_with(&product, inputs(), &FIRST, &nan)
            .is_err()
    );
}

#[test]
fn weights_of_the_framework_are_checked() {
    let framework = LocalFunctionApproximationConfig::new().init().unwrap();
    let fit = |weights: [f32; 2]| {
        let set = PerturbationSet::new(Tensor::ones([2, 3], &device()))
            .with_weights(Tensor::from_floats(weights, &device()));
        framework.fit(&product, inputs(), &FIRST, &Baseline::Zeros, &set)
    };
    assert!(fit([1.0, -1.0]).is_err());
    assert!(fit([1.0, f32::NAN]).is_err());
    assert!(matches!(
        fit([0.0, 0.0]),
        Err(ExplainError::DegenerateNeighbourhood { samples: 2, .. })
    ));
    // Two equal samples: nothing is known of the slope, and the bias is their score.
    let fitted = fit([1.0, 0.5]).unwrap();
    assert_eq!(fitted[0].weights, [0.0; 3]);
}

#[test]
fn a_perturbation_test_of_more_features_than_there_are_is_an_error() {
    let test = PerturbationTestConfig::new(4).init().unwrap();
    let result = test.changes(&product, inputs(), &FIRST, &inputs());
    assert!(matches!(
        result,
        Err(ExplainError::Input(InputError::OutOfRange {
            argument: "k",
            ..
        }))
    ));
}

#[test]
fn an_empty_pool_has_no_bound() {
    let check = NflCheckConfig::new().init().unwrap();
    let (xi, y) = (
        Tensor::zeros([0, 2], &device()),
        Tensor::zeros([0], &device()),
    );
    assert!(check.bound(&xi, &y).is_err());
    let (xi, y) = (
        Tensor::zeros([2, 2], &device()),
        Tensor::zeros([3], &device()),
    );
    assert!(check.bound(&xi, &y).is_err());
}

#[test]
fn a_batch_or_no_method_has_no_loss_matrix() {
    let chooser = MethodChooserConfig::new().init().unwrap();
    let losses = |input: Tensor<2>, methods: &[LinearExplanation]| {
        chooser.loss_matrix(&product, input, &FIRST, &Baseline::Zeros, methods, &[])
    };
    let narrow = LinearExplanation {
        weights: vec![1.0],
        bias: 0.0,
        r2: None,
        local_pred: 0.0,
    };
    assert!(losses(Tensor::zeros([2, 3], &device()), &[]).is_err());
    assert!(losses(inputs(), &[]).is_err());
    assert!(losses(inputs(), &[narrow]).is_err());
}
