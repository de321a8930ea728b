//! Explainers beside Captum and SHAP: the same models, sizes and draws as `bench_torch.py`.
#![allow(missing_docs, clippy::unwrap_used)] // a bench that cannot be set up should stop

use burn::tensor::{Tensor, TensorData};
use candor_benches::{ImageBench, on_images, on_rows};
use candor_core::{Attribution, DrawKey, ExplainError, Target};
use candor_explain::attribution::{
    Baseline, IntegratedGradientsConfig, KernelShapConfig, KernelShapMode, LimeConfig, Masker,
    SmoothGradConfig, WindowOcclusionConfig,
};
use criterion::{Criterion, criterion_group};

const KEY: DrawKey = DrawKey::new(1);
const CLASS: Target = Target::Output(0);

fn integrated_gradients(criterion: &mut Criterion) {
    let method = IntegratedGradientsConfig::new()
        .with_n_steps(50)
        .init()
        .unwrap();
    on_images(criterion, "integrated_gradients", |bench| {
        let ImageBench {
            model,
            images,
            target,
            ..
        } = bench;
        read(method.explain(model, images.clone(), target, &Baseline::Zeros));
    });
}

fn smooth_grad(criterion: &mut Criterion) {
    let method = SmoothGradConfig::new().with_n_samples(50).init().unwrap();
    on_images(criterion, "smooth_grad", |bench| {
        let ImageBench {
            model,
            images,
            target,
            ..
        } = bench;
        read(method.explain(model, images.clone(), target, KEY));
    });
}

fn occlusion(criterion: &mut Criterion) {
    let method = WindowOcclusionConfig::new(4, 2).init().unwrap();
    on_images(criterion, "occlusion", |bench| {
        let ImageBench {
            model,
            images,
            target,
            ..
        } = bench;
        read(method.explain(model, images.clone(), target, &Baseline::Zeros));
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
        let method = KernelShapConfig::new()
            .with_n_samples(512)
            .with_mode(mode)
            .init()
            .unwrap();
        on_rows(criterion, name, |model, rows| {
            read(method.explain(model, rows, &CLASS, &masker, KEY));
        });
    }
}

fn lime(criterion: &mut Criterion) {
    let masker = Masker::default();
    let method = LimeConfig::new()
        .with_n_samples(512)
        .with_ridge(0.0)
        .init()
        .unwrap();
    on_rows(criterion, "lime", |model, rows| {
        read(method.explain(model, rows, &CLASS, &masker, KEY));
    });
}

/// Waits for the device: what is not read may not have been computed.
fn read<const D: usize>(attribution: Result<Attribution<D>, ExplainError>) {
    let values: Tensor<D> = attribution.unwrap().values;
    let data: TensorData = values.into_data();
    std::hint::black_box(data.as_bytes().first());
}

criterion_group!(
    explain,
    integrated_gradients,
    smooth_grad,
    occlusion,
    kernel_shap,
    lime
);
candor_benches::bench_main!(explain);
