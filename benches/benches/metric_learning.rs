//! Objectives for embeddings, forward and backward.
#![allow(missing_docs, clippy::unwrap_used)] // a bench that cannot be set up should stop

use burn::nn::loss::Reduction;
use burn::tensor::{Device, Distribution, Int, Tensor};
use candor_benches::forward_backward;
use candor_losses::metric_learning::{
    IcnnLossConfig, ProtoCrossEntropyLossConfig, ProtoTripletLossConfig, TripletMarginLossConfig,
    TripletMinerConfig,
};
use criterion::{Criterion, criterion_group};

fn normal(rows: usize, width: usize, device: &Device) -> Tensor<2> {
    Tensor::random([rows, width], Distribution::Normal(0.0, 1.0), device)
}

/// Labels 0, 1, …, classes - 1, 0, ….
fn labels(rows: usize, classes: usize, device: &Device) -> Tensor<1, Int> {
    Tensor::arange(0..rows as i64, device).remainder_scalar(classes as i64)
}

/// 20-way, 15 queries a class, 640 wide (ResNet-12).
fn prototypes(criterion: &mut Criterion) {
    forward_backward(criterion, "proto_triplet", |device| {
        let loss = ProtoTripletLossConfig::new().init().unwrap();
        let queries = normal(300, 640, device).autodiff().require_grad();
        let (labels, means) = (labels(300, 20, device), normal(20, 640, device));
        move || {
            loss.forward(
                queries.clone(),
                labels.clone(),
                means.clone(),
                Reduction::Mean,
            )
        }
    });
    forward_backward(criterion, "proto_cross_entropy", |device| {
        let loss = ProtoCrossEntropyLossConfig::new().init().unwrap();
        let queries = normal(300, 640, device).autodiff().require_grad();
        let (labels, means) = (labels(300, 20, device), normal(20, 640, device));
        move || {
            loss.forward(
                queries.clone(),
                labels.clone(),
                means.clone(),
                Reduction::Mean,
            )
        }
    });
}

/// 20-way 5-shot support, 640 wide.
fn icnn(criterion: &mut Criterion) {
    forward_backward(criterion, "icnn", |device| {
        let loss = IcnnLossConfig::new().init().unwrap();
        let support = normal(100, 640, device).autodiff().require_grad();
        let labels = labels(100, 20, device);
        move || loss.forward(support.clone(), labels.clone())
    });
}

/// 512 embeddings of 64 classes, 128 wide, mining included.
fn triplets(criterion: &mut Criterion) {
    forward_backward(criterion, "triplet_batch_hard", |device| {
        let miner = TripletMinerConfig::new().init().unwrap();
        let loss = TripletMarginLossConfig::new().init().unwrap();
        let embeddings = normal(512, 128, device).autodiff().require_grad();
        let labels = labels(512, 64, device);
        move || {
            let triplets = miner.mine(embeddings.clone(), labels.clone());
            loss.forward(embeddings.clone(), &triplets)
        }
    });
}

criterion_group!(benches, prototypes, icnn, triplets);
candor_benches::bench_main!(benches);
