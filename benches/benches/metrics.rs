//! Measures of explanations, in the sizes of `peers/bench_torch.py`.
#![allow(clippy::unwrap_used)] // a bench that cannot be set up should stop

use std::hint::black_box;

use burn::tensor::{Distribution, Tensor};
use candor_benches::{ImageBench, PeerCnn, on_images};
use candor_core::{Attribution, DrawKey, ExplainError, Target, output_gradient};
use candor_metrics::agreement::{AgreementMatrix, AgreementMeasure};
use candor_metrics::faithfulness::{
    FaithfulnessCorrelationConfig, InfidelityConfig, PixelFlippingConfig,
};
use candor_metrics::robustness::SensitivityConfig;
use candor_testkit::devices;
use criterion::{Criterion, criterion_group};

const KEY: DrawKey = DrawKey::new(0);

/// Integrated gradients from zero with ten midpoints, all in one call: what Captum's side of `max_sensitivity` does.
fn integrated_gradients(
    model: &PeerCnn,
    inputs: Tensor<4>,
    target: &Target,
) -> Result<Attribution<4>, ExplainError> {
    const STEPS: usize = 10;
    let rows = inputs.dims()[0];
    let path = (0..STEPS)
        .map(|step| inputs.clone() * ((step as f64 + 0.5) / STEPS as f64))
        .collect();
    let targets = (0..STEPS * rows)
        .map(|copy| target.of_row(copy % rows))
        .collect();
    let gradient = output_gradient(model, Tensor::cat(path, 0), &Target::PerRow(targets))?.gradient;
    let mean = gradient
        .reshape([STEPS, rows, 28 * 28])
        .mean_dim(0)
        .reshape([rows, 1, 28, 28]);
    Ok(Attribution::new(
        mean * inputs,
        target.clone(),
        STEPS * rows,
    ))
}

fn pixel_flipping(criterion: &mut Criterion) {
    let measure = PixelFlippingConfig::new()
        .with_features_per_step(28)
        .init()
        .unwrap();
    on_images(criterion, "pixel_flipping", |bench| {
        let ImageBench {
            model,
            images,
            attributions,
            target,
        } = bench;
        let baseline = images.zeros_like();
        let curves = measure.evaluate(model, images.clone(), attributions, baseline, target);
        black_box(curves.unwrap());
    });
}

fn faithfulness_correlation(criterion: &mut Criterion) {
    let measure = FaithfulnessCorrelationConfig::new()
        .with_subset_size(Some(224))
        .init()
        .unwrap();
    on_images(criterion, "faithfulness_correlation", |bench| {
        let ImageBench {
            model,
            images,
            attributions,
            target,
        } = bench;
        let baseline = images.zeros_like();
        let reports = measure.evaluate(model, images.clone(), attributions, baseline, target, KEY);
        black_box(reports.unwrap());
    });
}

fn infidelity(criterion: &mut Criterion) {
    let measure = InfidelityConfig::new()
        .with_n_samples(50)
        .with_sigma(0.1)
        .init()
        .unwrap();
    on_images(criterion, "infidelity", |bench| {
        let ImageBench {
            model,
            images,
            attributions,
            target,
        } = bench;
        let values = measure.evaluate(model, images.clone(), attributions, target, KEY);
        black_box(values.unwrap());
    });
}

fn max_sensitivity(criterion: &mut Criterion) {
    let measure = SensitivityConfig::new().init().unwrap();
    on_images(criterion, "max_sensitivity", |bench| {
        let ImageBench {
            model,
            images,
            target,
            ..
        } = bench;
        let reports = measure.evaluate(images.clone(), target, KEY, |images, target| {
            integrated_gradients(model, images, target)
        });
        black_box(reports.unwrap());
    });
}

fn kendall_matrix(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("kendall_matrix");
    for device in devices() {
        let scores = Tensor::<3>::random([8, 32, 512], Distribution::Default, &device.device);
        group.bench_function(device.name, |bencher| {
            bencher.iter(|| {
                AgreementMatrix::compute(&scores, &[512; 32], &AgreementMeasure::KendallTau)
                    .unwrap()
            });
        });
    }
}

criterion_group!(
    benches,
    pixel_flipping,
    faithfulness_correlation,
    infidelity,
    max_sensitivity,
    kendall_matrix
);
candor_benches::bench_main!(benches);
