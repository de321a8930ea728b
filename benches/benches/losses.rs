//! Classification objectives, forward and backward.
#![allow(missing_docs, clippy::unwrap_used)] // a bench that cannot be set up should stop

use burn::nn::loss::Reduction;
use burn::tensor::{Device, Distribution, Int, Tensor};
use candor_benches::forward_backward;
use candor_losses::classification::{AnyLossConfig, CompSumLossConfig, ConfusionMetric};
use criterion::{Criterion, criterion_group};

fn normal<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), device)
}

/// Labels 0, 1, …, classes - 1, 0, ….
fn labels(rows: usize, classes: usize, device: &Device) -> Tensor<1, Int> {
    Tensor::arange(0..rows as i64, device).remainder_scalar(classes as i64)
}

/// Logits 4096 x 1000: the cross-entropy, and a member that goes through the power.
fn comp_sum(criterion: &mut Criterion) {
    for (component, tau) in [("comp_sum_cross_entropy", 1.0), ("comp_sum_tau_1.5", 1.5)] {
        forward_backward(criterion, component, |device| {
            let loss = CompSumLossConfig::new().with_tau(tau).init().unwrap();
            let logits = normal([4096, 1000], device).autodiff().require_grad();
            let labels = labels(4096, 1000, device);
            move || loss.forward(logits.clone(), labels.clone(), Reduction::Mean)
        });
    }
}

/// Probabilities of 65536 rows, F1 and the Matthews correlation.
fn any_loss(criterion: &mut Criterion) {
    for (component, metric) in [
        ("any_loss", ConfusionMetric::F1),
        ("any_loss_mcc", ConfusionMetric::Mcc),
    ] {
        forward_backward(criterion, component, |device| {
            let loss = AnyLossConfig::new().with_metric(metric).init().unwrap();
            let p = Tensor::random([65_536], Distribution::Uniform(0.0, 1.0), device)
                .autodiff()
                .require_grad();
            let labels = labels(65_536, 2, device);
            move || loss.forward(p.clone(), labels.clone())
        });
    }
}

criterion_group!(benches, comp_sum, any_loss);
candor_benches::bench_main!(benches);
