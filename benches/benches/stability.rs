//! What keeps training stable, forward and backward.
#![allow(missing_docs, clippy::unwrap_used)] // a bench that cannot be set up should stop

use burn::nn::loss::Reduction;
use burn::tensor::{Device, Distribution, Int, Tensor};
use candor_benches::forward_backward;
use candor_losses::stability::{AuxZLossConfig, CrossEntropyWithZConfig, QkNormConfig};
use criterion::{Criterion, criterion_group};

fn normal<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), device)
        .autodiff()
        .require_grad()
}

/// Logits 4096 x 1000, as the cross-entropy of `losses`.
fn z_losses(criterion: &mut Criterion) {
    forward_backward(criterion, "aux_z_loss", |device| {
        let loss = AuxZLossConfig::new().init().unwrap();
        let logits = normal([4096, 1000], device);
        move || loss.forward(logits.clone(), Reduction::Mean)
    });
    forward_backward(criterion, "cross_entropy_with_z", |device| {
        let loss = CrossEntropyWithZConfig::new().init().unwrap();
        let logits = normal([4096, 1000], device);
        let labels = Tensor::<1, Int>::arange(0..4096, device).remainder_scalar(1000);
        move || loss.forward(logits.clone(), labels.clone(), Reduction::Mean)
    });
}

/// Eight texts of 256 tokens, eight heads of 64.
fn qk_norm(criterion: &mut Criterion) {
    forward_backward(criterion, "qk_norm", |device| {
        let norm = QkNormConfig::new(64).init(device).unwrap();
        let queries = normal([8, 8, 256, 64], device);
        let keys = normal([8, 8, 256, 64], device);
        move || {
            let (queries, keys) = norm.forward(queries.clone(), keys.clone());
            (queries * keys).mean()
        }
    });
}

criterion_group!(benches, z_losses, qk_norm);
candor_benches::bench_main!(benches);
