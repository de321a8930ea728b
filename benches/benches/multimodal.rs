//! Objectives on images with texts, forward and backward, in the sizes of MARS with a larger batch.
#![allow(missing_docs, clippy::unwrap_used)] // a bench that cannot be set up should stop

use std::hint::black_box;

use burn::tensor::{Device, Distribution, Int, Tensor};
use candor_benches::forward_backward;
use candor_core::numerics::normalize_rows;
use candor_losses::multimodal::{
    AttributeLossConfig, ContrastiveInputs, FeatureQueue, MlmDistillLossConfig,
    MomentumContrastiveLossConfig, ReconstructionLossConfig,
};
use candor_metrics::retrieval::RetrievalMetrics;
use criterion::{Criterion, criterion_group};

fn normal<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), device)
}

/// 32 pairs of width 256 against queues of 65536.
fn contrastive(criterion: &mut Criterion) {
    const BATCH: usize = 32;
    const QUEUE: usize = 65_536;
    forward_backward(criterion, "momentum_contrastive", |device| {
        let loss = MomentumContrastiveLossConfig::new().init().unwrap();
        let unit = |rows| normalize_rows(normal([rows, 256], device), 1e-12);
        let tracked = || unit(BATCH).autodiff().require_grad();
        let inputs = ContrastiveInputs {
            image: tracked(),
            text: tracked(),
            image_momentum: unit(BATCH),
            text_momentum: unit(BATCH),
            image_queue: unit(QUEUE),
            text_queue: unit(QUEUE),
            ids: Tensor::arange(0..BATCH as i64, device),
            queue_ids: Tensor::full([QUEUE], FeatureQueue::EMPTY, device),
        };
        let temperature = Tensor::<1>::full([1], 0.07, device);
        move || loss.forward_parts(inputs.clone(), temperature.clone()).loss
    });
}

/// 32 matching and 64 wrong pairs of 75 tokens and width 768, five attributes each.
fn attributes(criterion: &mut Criterion) {
    forward_backward(criterion, "attribute_loss", |device| {
        let loss = AttributeLossConfig::new().init().unwrap();
        let tokens = |pairs| normal([pairs, 75, 768], device).autodiff().require_grad();
        // Tokens 0 to 14 of each text are in an attribute, three in each.
        let chunks = |pairs| {
            let number = Tensor::<1, Int>::arange(3..78, device) / 3;
            let none = number.clone().greater_scalar(5);
            number
                .mask_fill(none, 0)
                .unsqueeze_dim::<2>(0)
                .repeat_dim(0, pairs)
        };
        let head = normal([768, 2], device);
        let (right, wrong) = (tokens(32), tokens(64));
        let (right_chunks, wrong_chunks) = (chunks(32), chunks(64));
        move || {
            let head = |states: Tensor<2>| states.matmul(head.clone());
            let (right, wrong) = (right.clone(), wrong.clone());
            loss.forward(
                right,
                right_chunks.clone(),
                wrong,
                wrong_chunks.clone(),
                head,
            )
        }
    });
}

/// 8 texts of 75 tokens, vocabulary 30522, every seventh token masked.
fn masked_language(criterion: &mut Criterion) {
    const SHAPE: [usize; 3] = [8, 75, 30_522];
    forward_backward(criterion, "mlm_distillation", |device| {
        let loss = MlmDistillLossConfig::new().init().unwrap();
        let logits = normal(SHAPE, device).autodiff().require_grad();
        let soft = Tensor::full(SHAPE, 1.0 / 30_522.0, device);
        let position = Tensor::<1, Int>::arange(0..600, device);
        let plain = position.clone().remainder_scalar(7).not_equal_scalar(0);
        let labels = position.mask_fill(plain, -100).reshape([8, 75]);
        move || loss.forward(logits.clone(), labels.clone(), soft.clone())
    });
}

/// 32 images of 384 x 384 in patches of 16, three quarters removed.
fn reconstruction(criterion: &mut Criterion) {
    forward_backward(criterion, "reconstruction_loss", |device| {
        let loss = ReconstructionLossConfig::new().init().unwrap();
        let images = normal([32, 3, 384, 384], device);
        let predicted = normal([32, 576, 768], device).autodiff().require_grad();
        let mask = Tensor::<1, Int>::arange(0..32 * 576, device)
            .remainder_scalar(4)
            .not_equal_scalar(0)
            .float()
            .reshape([32, 576]);
        move || loss.forward(images.clone(), predicted.clone(), mask.clone())
    });
}

/// 1000 queries in a gallery of 3000, on the host.
fn retrieval(criterion: &mut Criterion) {
    let score = |query: u32, item: u32| f64::from(query * 3000 + item).sin();
    let scores: Vec<Vec<f64>> = (0..1000)
        .map(|query| (0..3000).map(|item| score(query, item)).collect())
        .collect();
    let queries: Vec<i64> = (0..1000).collect();
    let gallery: Vec<i64> = (0..3000).map(|item| item % 1000).collect();
    criterion.bench_function("retrieval_metrics", |bench| {
        bench.iter(|| {
            let metrics = RetrievalMetrics::of(&scores, &queries, &gallery, &[1, 5, 10]);
            black_box(metrics.unwrap())
        });
    });
}

criterion_group!(
    benches,
    contrastive,
    attributes,
    masked_language,
    reconstruction,
    retrieval
);
candor_benches::bench_main!(benches);
