//! Contrastive objectives, forward and backward, and the measures of embeddings.
#![allow(missing_docs, clippy::unwrap_used)] // a bench that cannot be set up should stop

use burn::nn::loss::Reduction;
use burn::tensor::{Device, Distribution, Int, Tensor};
use candor_benches::forward_backward;
use candor_losses::contrastive::{
    HardInfoNceLossConfig, InfoNceLossConfig, NtXentLossConfig, SupConLossConfig,
};
use candor_metrics::representation::uniformity;
use criterion::{Criterion, criterion_group};

/// Two views of 1024 x 128.
fn views(device: &Device) -> [Tensor<2>; 2] {
    [(), ()].map(|()| {
        Tensor::random([1024, 128], Distribution::Normal(0.0, 1.0), device)
            .autodiff()
            .require_grad()
    })
}

/// SimCLR's form, as the peer computes it; and one row of losses, whose backward pass computes the similarities again.
fn info_nce(criterion: &mut Criterion) {
    let loss = NtXentLossConfig::new().init().unwrap();
    forward_backward(criterion, "info_nce", |device| {
        let ([first, second], loss) = (views(device), loss.clone());
        move || loss.forward(first.clone(), second.clone(), Reduction::Mean)
    });
    forward_backward(criterion, "info_nce_by_row", |device| {
        let ([first, second], loss) = (views(device), loss.clone());
        move || {
            loss.forward_no_reduction(first.clone(), second.clone())
                .mean()
        }
    });
}

/// Anchors against the positives of the batch, from both sides.
fn info_nce_in_batch(criterion: &mut Criterion) {
    let config = InfoNceLossConfig::new().with_two_sided(true);
    let loss = config.init().unwrap();
    forward_backward(criterion, "info_nce_in_batch", |device| {
        let ([anchor, positive], loss) = (views(device), loss.clone());
        move || loss.forward(anchor.clone(), positive.clone(), Reduction::Mean)
    });
}

/// The hardest twelfth of the negatives.
fn hard_info_nce(criterion: &mut Criterion) {
    let loss = HardInfoNceLossConfig::new().init().unwrap();
    forward_backward(criterion, "hard_info_nce", |device| {
        let ([anchor, positive], loss) = (views(device), loss.clone());
        move || loss.forward(anchor.clone(), positive.clone(), Reduction::Mean)
    });
}

/// 1024 rows of ten classes.
fn sup_con(criterion: &mut Criterion) {
    let loss = SupConLossConfig::new().init().unwrap();
    forward_backward(criterion, "sup_con", |device| {
        let ([embeddings, _], loss) = (views(device), loss.clone());
        let labels = Tensor::<1, Int>::arange(0..1024, device).remainder_scalar(10);
        move || loss.forward(embeddings.clone(), labels.clone(), Reduction::Mean)
    });
}

/// All pairs of 1024 embeddings.
fn uniformity_of_views(criterion: &mut Criterion) {
    forward_backward(criterion, "uniformity", |device| {
        let [embeddings, _] = views(device);
        move || uniformity(embeddings.clone(), 2.0).unwrap()
    });
}

criterion_group!(
    benches,
    info_nce,
    info_nce_in_batch,
    hard_info_nce,
    sup_con,
    uniformity_of_views
);
candor_benches::bench_main!(benches);
