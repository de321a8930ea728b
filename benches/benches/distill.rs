//! Distillation objectives, forward and backward, in the sizes of `peers/bench_torch.py`.
#![allow(missing_docs, clippy::unwrap_used)] // a bench that cannot be set up should stop

use burn::nn::loss::Reduction;
use burn::tensor::{Device, Distribution, Int, Tensor};
use candor_benches::forward_backward;
use candor_distill::features::{ClassMeans, NdLossConfig};
use candor_distill::logits::{DkdLossConfig, HintonKdConfig};
use criterion::{Criterion, criterion_group};

fn normal(shape: [usize; 2], device: &Device) -> Tensor<2> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), device)
}

/// Labels 0, 1, …, classes - 1, 0, ….
fn labels(rows: usize, classes: usize, device: &Device) -> Tensor<1, Int> {
    Tensor::arange(0..rows as i64, device).remainder_scalar(classes as i64)
}

/// Logits 4096 x 1000 at temperature 4, as the peer.
fn hinton_kd(criterion: &mut Criterion) {
    forward_backward(criterion, "hinton_kd", |device| {
        let kd = HintonKdConfig::new().init().unwrap();
        let student = normal([4096, 1000], device).autodiff().require_grad();
        let teacher = normal([4096, 1000], device);
        move || kd.forward(student.clone(), teacher.clone(), Reduction::Mean)
    });
}

/// Logits 4096 x 1000 at temperature 4.
fn dkd(criterion: &mut Criterion) {
    forward_backward(criterion, "dkd", |device| {
        let dkd = DkdLossConfig::new().init().unwrap();
        let student = normal([4096, 1000], device).autodiff().require_grad();
        let (teacher, labels) = (normal([4096, 1000], device), labels(4096, 1000, device));
        move || {
            dkd.forward(
                student.clone(),
                teacher.clone(),
                labels.clone(),
                Reduction::Mean,
            )
        }
    });
}

/// Features 4096 x 512 of 1000 classes.
fn nd(criterion: &mut Criterion) {
    forward_backward(criterion, "nd", |device| {
        let means = ClassMeans::from_tensor(&normal([1000, 512], device), "random").unwrap();
        let nd = NdLossConfig::new().init(&means, device).unwrap();
        let student = normal([4096, 512], device).autodiff().require_grad();
        let (teacher, labels) = (normal([4096, 512], device), labels(4096, 1000, device));
        move || {
            nd.forward(
                student.clone(),
                teacher.clone(),
                labels.clone(),
                Reduction::Mean,
            )
        }
    });
}

criterion_group!(benches, hinton_kd, dkd, nd);
candor_benches::bench_main!(benches);
