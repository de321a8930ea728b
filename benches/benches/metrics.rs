//! Measures of explanations, in the sizes of `peers/bench_torch.py`.
#![allow(clippy::unwrap_used)] // a bench that cannot be set up should stop

use std::hint::black_box;

use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Distribution, Tensor};
use candor_core::{Attribution, DrawKey, ExplainError, Predictor, Target, output_gradient};
use candor_metrics::agreement::{AgreementMatrix, AgreementMeasure};
use candor_metrics::faithfulness::{
    FaithfulnessCorrelationConfig, InfidelityConfig, PixelFlippingConfig,
};
use candor_metrics::robustness::SensitivityConfig;
use candor_testkit::devices;
use criterion::{Criterion, criterion_group, criterion_main};

/// 1x28x28: conv 3x3 (32), ReLU, conv 3x3 (64), ReLU, max pool 2, linear (128), ReLU, linear (10).
struct Cnn {
    first: Conv2d,
    second: Conv2d,
    pool: MaxPool2d,
    hidden: Linear,
    output: Linear,
}

impl Cnn {
    fn new(device: &Device) -> Self {
        Self {
            first: Conv2dConfig::new([1, 32], [3, 3]).init(device),
            second: Conv2dConfig::new([32, 64], [3, 3]).init(device),
            pool: MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
            hidden: LinearConfig::new(9216, 128).init(device),
            output: LinearConfig::new(128, 10).init(device),
        }
    }
}

impl Predictor<4> for Cnn {
    fn predict(&self, inputs: Tensor<4>) -> Tensor<2> {
        let maps = relu(self.second.forward(relu(self.first.forward(inputs))));
        let features = self.pool.forward(maps).flatten(1, 3);
        self.output.forward(relu(self.hidden.forward(features)))
    }
}

fn images(device: &Device) -> Tensor<4> {
    Tensor::random([16, 1, 28, 28], Distribution::Normal(0.0, 1.0), device)
}

fn target() -> Target {
    Target::PerRow((0..16).map(|row| row % 10).collect())
}

/// Integrated gradients from zero with ten midpoints, all in one call: what Captum's side of `max_sensitivity` does.
fn integrated_gradients(
    model: &Cnn,
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
    on_images(
        criterion,
        "pixel_flipping",
        |model, inputs, attributions| {
            let baseline = inputs.zeros_like();
            let curves = measure.evaluate(model, inputs, &attributions, baseline, &target());
            black_box(curves.unwrap());
        },
    );
}

fn faithfulness_correlation(criterion: &mut Criterion) {
    let measure = FaithfulnessCorrelationConfig::new()
        .with_subset_size(Some(224))
        .init()
        .unwrap();
    on_images(
        criterion,
        "faithfulness_correlation",
        |model, inputs, attributions| {
            let (baseline, key) = (inputs.zeros_like(), DrawKey::new(0));
            let reports = measure.evaluate(model, inputs, &attributions, baseline, &target(), key);
            black_box(reports.unwrap());
        },
    );
}

fn infidelity(criterion: &mut Criterion) {
    let measure = InfidelityConfig::new()
        .with_n_samples(50)
        .with_sigma(0.1)
        .init()
        .unwrap();
    on_images(criterion, "infidelity", |model, inputs, attributions| {
        let values = measure.evaluate(model, inputs, &attributions, &target(), DrawKey::new(0));
        black_box(values.unwrap());
    });
}

fn max_sensitivity(criterion: &mut Criterion) {
    let measure = SensitivityConfig::new().init().unwrap();
    on_images(criterion, "max_sensitivity", |model, inputs, _| {
        let reports = measure.evaluate(inputs, &target(), DrawKey::new(0), |inputs, target| {
            integrated_gradients(model, inputs, target)
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

fn on_images(criterion: &mut Criterion, name: &str, run: impl Fn(&Cnn, Tensor<4>, Tensor<4>)) {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10);
    for device in devices() {
        let model = Cnn::new(&device.device);
        let (inputs, attributions) = (images(&device.device), images(&device.device));
        group.bench_function(device.name, |bencher| {
            bencher.iter(|| run(&model, inputs.clone(), attributions.clone()));
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
criterion_main!(benches);
