//! Invariants that hold whatever the model, the input and the draws.
#![cfg(feature = "flex")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use burn::tensor::{Device, Tensor, TensorData};
use candor_core::host::floats;
use candor_core::{DrawKey, MemoryBudget, Target};
use candor_explain::attribution::*;
use candor_testkit::check_gradient;
use proptest::prelude::*;

const FIRST: Target = Target::Output(0);

/// A smooth model of any width that couples neighbours.
fn coupled(x: Tensor<2>) -> Tensor<2> {
    let [_, features] = x.dims();
    let shifted = Tensor::cat(
        vec![
            x.clone().slice_dim(1, 1..features),
            x.clone().slice_dim(1, 0..1),
        ],
        1,
    );
    (x.clone().tanh() * shifted + x).sum_dim(1)
}

fn row(values: &[f64]) -> Tensor<2> {
    Tensor::from_data(
        TensorData::new(values.to_vec(), [1, values.len()]),
        &Device::flex(),
    )
}

fn close(seen: &[f64], wanted: &[f64], tolerance: f64) -> bool {
    seen.len() == wanted.len()
        && seen
            .iter()
            .zip(wanted)
            .all(|(seen, wanted)| (seen - wanted).abs() <= tolerance * (1.0 + wanted.abs()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn integrated_gradients_are_complete(values in prop::collection::vec(-2.0..2.0, 2..6)) {
        let method = IntegratedGradientsConfig::new().init().unwrap();
        let explained = method.explain(&coupled, row(&values), &FIRST, &Baseline::Constant(0.25)).unwrap();
        prop_assert!(explained.convergence_delta.unwrap()[0].abs() < 1e-4);
    }

    #[test]
    fn shapley_values_sum_to_the_difference_and_the_kernel_finds_them(values in prop::collection::vec(-2.0..2.0, 2..6)) {
        let exact = ShapleyExactConfig::new().init().unwrap()
            .explain(&coupled, row(&values), &FIRST, &Masker::default()).unwrap();
        prop_assert!(exact.convergence_delta.as_ref().unwrap()[0].abs() < 1e-9);
        let kernel = KernelShapConfig::new().init().unwrap()
            .explain(&coupled, row(&values), &FIRST, &Masker::default(), DrawKey::new(0)).unwrap();
        prop_assert!(close(&kernel.row(0), &exact.row(0), 1e-6));
    }

    #[test]
    fn sampled_kernel_shap_keeps_the_sum_exactly(
        values in prop::collection::vec(-2.0..2.0, 6..12), run: u64,
    ) {
        let shap = KernelShapConfig::new().with_n_samples(40).init().unwrap();
        let explained = shap.explain(&coupled, row(&values), &FIRST, &Masker::default(), DrawKey::new(run)).unwrap();
        prop_assert!(explained.convergence_delta.unwrap()[0].abs() < 1e-12);
    }

    #[test]
    fn the_chunk_does_not_change_the_answer(rows_in_flight in 1usize..20, run: u64) {
        let inputs = Tensor::<2>::from_floats([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]], &Device::flex());
        let chunked = Batching::new()
            .with_model_row_bytes(0)
            .with_memory(MemoryBudget::bytes(rows_in_flight * 8 * 12));
        let key = DrawKey::new(run);
        let smooth = |batching| SmoothGradConfig::new().with_n_samples(13).with_batching(batching).init().unwrap()
            .explain(&coupled, inputs.clone(), &FIRST, key).unwrap();
        let (seen, wanted) = (smooth(chunked), smooth(Batching::new()));
        prop_assert!(close(&floats(&seen.values), &floats(&wanted.values), 1e-5));
        let error = |explained: &candor_core::Attribution<2>| floats(explained.standard_error.as_ref().unwrap());
        prop_assert!(close(&error(&seen), &error(&wanted), 1e-4));
        let masker = Masker::default();
        let occlude = |batching| OcclusionConfig::new().with_batching(batching).init().unwrap()
            .explain(&coupled, inputs.clone(), &FIRST, &masker).unwrap();
        prop_assert!(close(&floats(&occlude(chunked).values), &floats(&occlude(Batching::new()).values), 1e-5));
    }

    #[test]
    fn a_row_of_a_later_batch_keeps_its_draws(run: u64) {
        let inputs = Tensor::<2>::from_floats([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]], &Device::flex());
        let lime = LimeConfig::new().with_n_samples(20).init().unwrap();
        let key = DrawKey::new(run).row(40);
        let masker = Masker::default();
        let together = lime.explain(&coupled, inputs.clone(), &FIRST, &masker, key).unwrap();
        let second = lime.explain(&coupled, inputs.slice_dim(0, 1..2), &FIRST, &masker, key.row(41)).unwrap();
        prop_assert!(close(&second.row(0), &together.row(1), 1e-5));
    }

    #[test]
    fn no_explanation_beats_the_lower_bound(
        pool in prop::collection::vec((-2.0..2.0, -2.0..2.0, -3.0..3.0), 5..30),
        weights in (-2.0..2.0, -2.0..2.0, -2.0..2.0),
    ) {
        let device = Device::flex();
        let xi: Vec<f64> = pool.iter().flat_map(|point| [point.0, point.1]).collect();
        let y: Vec<f64> = pool.iter().map(|point| point.2).collect();
        let xi = Tensor::<2>::from_data(TensorData::new(xi, [pool.len(), 2]), &device);
        let y = Tensor::<1>::from_data(TensorData::new(y, [pool.len()]), &device);
        let check = NflCheckConfig::new().init().unwrap();
        let bound = check.bound(&xi, &y).unwrap();
        let explanation = LinearExplanation {
            weights: vec![weights.0, weights.1], bias: weights.2, r2: None, local_pred: 0.0,
        };
        prop_assert!(bound.lower <= bound.upper + 1e-9);
        prop_assert!(check.worst_loss(&xi, &y, &explanation).unwrap() >= bound.lower - 1e-9);
    }

    #[test]
    fn a_linear_model_is_found_in_every_neighbourhood(values in prop::collection::vec(0.5..2.0, 3), run: u64) {
        // The paper's second check: additive weights are w, multiplicative ones w ⊙ (x − r).
        let linear = |x: Tensor<2>| {
            let weights = Tensor::<2>::from_floats([[2.0], [-1.0], [0.5]], &x.device().without_autodiff());
            x.matmul(weights) + 0.3
        };
        let spaces = [Neighbourhood::Gaussian { sigma: 1.0 }, Neighbourhood::Masks];
        for space in spaces {
            let u = space.displacements(&row(&values), &Baseline::Zeros, 100, DrawKey::new(run)).unwrap();
            let fit = fit_on_displacement(&linear, row(&values), &FIRST, &PerturbationSet::new(u)).unwrap();
            prop_assert!(close(&fit[0].weights, &[2.0, -1.0, 0.5], 1e-5), "{:?}", fit[0]);
        }
    }
}

#[test]
fn smoothing_and_the_local_fit_agree_in_the_limit() {
    // C-LIME and SmoothGrad are the same choice of noise under two losses: E[β] = E[∇f] by Stein's identity.
    let inputs = row(&[0.5, -1.0, 2.0]);
    let key = DrawKey::new(1);
    let smooth = SmoothGradConfig::new()
        .with_sigma(0.3)
        .with_n_samples(20_000)
        .init()
        .unwrap();
    let fit = CLimeConfig::new()
        .with_sigma(0.3)
        .with_n_samples(20_000)
        .init()
        .unwrap();
    let smooth = smooth
        .explain(&coupled, inputs.clone(), &FIRST, key)
        .unwrap();
    let fit = fit.explain(&coupled, inputs, &FIRST, key).unwrap();
    assert!(
        close(&fit.row(0), &smooth.row(0), 0.03),
        "{:?} and {:?}",
        fit.row(0),
        smooth.row(0)
    );
}

#[test]
fn the_framework_contains_its_methods() {
    // Gradient matching under additive noise is SmoothGrad; its objective is smallest there.
    let inputs = row(&[0.5, -1.0, 2.0]);
    let xi = Neighbourhood::Gaussian { sigma: 0.5 }
        .displacements(&inputs, &Baseline::Zeros, 30, DrawKey::new(9))
        .unwrap();
    let framework = LocalFunctionApproximationConfig::new()
        .with_loss(FitLoss::GradientMatching)
        .init()
        .unwrap();
    let set = PerturbationSet::new(xi.clone());
    let fit = framework
        .fit(&coupled, inputs.clone(), &FIRST, &Baseline::Zeros, &set)
        .unwrap();
    let smooth = SmoothGradConfig::new().with_sigma(1.0).init().unwrap();
    let smooth = smooth
        .explain_with(&coupled, inputs.clone(), &FIRST, xi)
        .unwrap();
    assert!(close(&fit[0].weights, &smooth.row(0), 1e-6));
    let objective = |weights: &[f64]| {
        let surrogates = AffineSurrogate {
            weights: row(weights),
            bias: Tensor::zeros([1], &Device::flex()),
        };
        let loss = framework.objective(
            &coupled,
            inputs.clone(),
            &FIRST,
            &Baseline::Zeros,
            &set,
            &surrogates,
        );
        floats(&loss.unwrap())[0]
    };
    let moved: Vec<f64> = fit[0].weights.iter().map(|weight| weight + 0.1).collect();
    assert!((objective(&moved) - objective(&fit[0].weights) - 0.03).abs() < 1e-4);
}

#[test]
fn images_are_explained_in_their_shape() {
    let model = |x: Tensor<4>| {
        let [rows, ..] = x.dims();
        x.reshape([rows, 16]).square().sum_dim(1)
    };
    let image = Tensor::<1, burn::tensor::Int>::arange(0..32, &Device::flex())
        .float()
        .reshape([2, 1, 4, 4]);
    let masker = Masker::default().with_groups(FeatureGroups::patches([1, 4, 4], 2).unwrap());
    let occlusion = OcclusionConfig::new().init().unwrap();
    let explained = occlusion
        .explain(&model, image.clone(), &FIRST, &masker)
        .unwrap();
    assert_eq!(explained.values.dims(), [2, 1, 4, 4]);
    // The first patch holds 0, 1, 4, 5: 0 + 1 + 16 + 25.
    assert_eq!(explained.row(0)[..2], [42.0, 42.0]);
    let windows = WindowOcclusionConfig::new(2, 2).init().unwrap();
    let windows = windows
        .explain(&model, image, &FIRST, &Baseline::Zeros)
        .unwrap();
    assert_eq!(windows.row(0), explained.row(0));
}

#[test]
fn the_objective_has_the_gradient_it_should() {
    let inputs = Tensor::<2>::from_floats([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]], &Device::flex());
    let xi = Tensor::<2>::from_floats(
        [[0.2, -0.4, 0.1], [1.0, 0.3, 0.0], [-0.6, 0.8, 0.5]],
        &Device::flex(),
    );
    let set = PerturbationSet::new(xi)
        .with_weights(Tensor::from_floats([1.0, 0.5, 2.0], &Device::flex()));
    for loss in [FitLoss::Squared, FitLoss::GradientMatching] {
        for noise in [Noise::Additive, Noise::Multiplicative] {
            let config = LocalFunctionApproximationConfig::new()
                .with_loss(loss)
                .with_noise(noise);
            let framework = config.init().unwrap();
            // The last column is the bias, the others are the weights.
            let start = Tensor::<2>::from_floats(
                [[0.1, 0.7, -0.3, 0.4], [1.1, 0.2, 0.6, -0.5]],
                &Device::flex(),
            );
            check_gradient(start, |both: Tensor<2>| {
                let surrogates = AffineSurrogate {
                    weights: both.clone().slice_dim(1, 0..3),
                    bias: both.slice_dim(1, 3..4).squeeze_dim(1),
                };
                let baseline = Baseline::Constant(0.25);
                framework
                    .objective(
                        &coupled,
                        inputs.clone(),
                        &FIRST,
                        &baseline,
                        &set,
                        &surrogates,
                    )
                    .unwrap()
                    .sum()
            });
        }
    }
}
