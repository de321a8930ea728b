//! Explainers beside Captum and SHAP: the same models, sizes and draws as `bench_torch.py`.
#![allow(missing_docs, clippy::unwrap_used)]

use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Distribution, Tensor};
use candor_core::{Attribution, DrawKey, Predictor, Target};
use candor_explain::attribution::{
    Baseline, IntegratedGradientsConfig, KernelShapConfig, KernelShapMode, LimeConfig, Masker,
    SmoothGradConfig, WindowOcclusionConfig,
};
use candor_testkit::devices;
use criterion::{Criterion, criterion_group, criterion_main};

const KEY: DrawKey = DrawKey::new(1);

/// 1x28x28 -> conv3x3(32) relu conv3x3(64) relu maxpool2 flatten(9216) linear(128) relu linear(10).
struct Cnn {
    conv1: Conv2d,
    conv2: Conv2d,
    pool: MaxPool2d,
    hidden: Linear,
    output: Linear,
}

impl Cnn {
    fn new(device: &Device) -> Self {
        Self {
            conv1: Conv2dConfig::new([1, 32], [3, 3]).init(device),
            conv2: Conv2dConfig::new([32, 64], [3, 3]).init(device),
            pool: MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
            hidden: LinearConfig::new(9216, 128).init(device),
            output: LinearConfig::new(128, 10).init(device),
        }
    }
}

impl Predictor<4> for Cnn {
    fn predict(&self, images: Tensor<4>) -> Tensor<2> {
        let maps = relu(self.conv1.forward(images));
        let maps = relu(self.conv2.forward(maps));
        let hidden = self.pool.forward(maps).flatten(1, 3);
        self.output.forward(relu(self.hidden.forward(hidden)))
    }
}

/// 30-128-128-2.
struct Mlp([Linear; 3]);

impl Mlp {
    fn new(device: &Device) -> Self {
        Self(
            [(30, 128), (128, 128), (128, 2)]
                .map(|(from, to)| LinearConfig::new(from, to).init(device)),
        )
    }
}

impl Predictor<2> for Mlp {
    fn predict(&self, rows: Tensor<2>) -> Tensor<2> {
        let [first, second, third] = &self.0;
        third.forward(relu(second.forward(relu(first.forward(rows)))))
    }
}

/// Benches an explanation of 16 images on every device.
fn on_images(
    criterion: &mut Criterion,
    name: &str,
    explain: impl Fn(&Cnn, Tensor<4>, &Target) -> Attribution<4>,
) {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10);
    for named in devices() {
        let cnn = Cnn::new(&named.device);
        let images = Tensor::random(
            [16, 1, 28, 28],
            Distribution::Normal(0.0, 1.0),
            &named.device,
        );
        let target = Target::PerRow((0..16).map(|row| row % 10).collect());
        group.bench_function(named.name, |bencher| {
            bencher.iter(|| explain(&cnn, images.clone(), &target).values.into_data());
        });
    }
    group.finish();
}

/// Benches an explanation of 10 rows of 30 features on every device.
fn on_rows(
    criterion: &mut Criterion,
    name: &str,
    explain: impl Fn(&Mlp, Tensor<2>, &Target) -> Attribution<2>,
) {
    let mut group = criterion.benchmark_group(name);
    for named in devices() {
        let mlp = Mlp::new(&named.device);
        let rows = Tensor::random([10, 30], Distribution::Normal(0.0, 1.0), &named.device);
        group.bench_function(named.name, |bencher| {
            bencher.iter(|| {
                explain(&mlp, rows.clone(), &Target::Output(0))
                    .values
                    .into_data()
            });
        });
    }
    group.finish();
}

fn integrated_gradients(criterion: &mut Criterion) {
    let method = IntegratedGradientsConfig::new()
        .with_n_steps(50)
        .init()
        .unwrap();
    on_images(criterion, "integrated_gradients", |cnn, images, target| {
        method
            .explain(cnn, images, target, &Baseline::Zeros)
            .unwrap()
    });
}

fn smooth_grad(criterion: &mut Criterion) {
    let method = SmoothGradConfig::new().with_n_samples(50).init().unwrap();
    on_images(criterion, "smooth_grad", |cnn, images, target| {
        method.explain(cnn, images, target, KEY).unwrap()
    });
}

fn occlusion(criterion: &mut Criterion) {
    let method = WindowOcclusionConfig::new(4, 2).init().unwrap();
    on_images(criterion, "occlusion", |cnn, images, target| {
        method
            .explain(cnn, images, target, &Baseline::Zeros)
            .unwrap()
    });
}

/// Captum samples and penalises, SHAP samples and constrains.
fn kernel_shap(criterion: &mut Criterion) {
    let masker = Masker::default();
    let modes = [
        ("kernel_shap_captum", KernelShapMode::Penalized),
        ("kernel_shap_shap", KernelShapMode::Constrained),
    ];
    for (name, mode) in modes {
        let config = KernelShapConfig::new().with_n_samples(512).with_mode(mode);
        let method = config.init().unwrap();
        on_rows(criterion, name, |mlp, rows, target| {
            method.explain(mlp, rows, target, &masker, KEY).unwrap()
        });
    }
}

fn lime(criterion: &mut Criterion) {
    let method = LimeConfig::new()
        .with_n_samples(512)
        .with_ridge(0.0)
        .init()
        .unwrap();
    let masker = Masker::default();
    on_rows(criterion, "lime", |mlp, rows, target| {
        method.explain(mlp, rows, target, &masker, KEY).unwrap()
    });
}

criterion_group!(
    explain,
    integrated_gradients,
    smooth_grad,
    occlusion,
    kernel_shap,
    lime
);
criterion_main!(explain);
