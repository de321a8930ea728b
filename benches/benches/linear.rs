//! Fused linear operators at a small language model's head, beside the composition that materialises the logits.
#![allow(missing_docs, clippy::unwrap_used)] // a bench that cannot be set up should stop

use burn::nn::loss::Reduction;
use burn::tensor::{Device, FloatDType, Tensor};
use candor_benches::{RandomHead, forward_backward};
use candor_core::linear::{
    Divergence, LinearCrossEntropyConfig, LinearKlConfig, LinearLogits, linear_log_probs, reference,
};
use criterion::{Criterion, criterion_group};

const WIDTH: usize = 576;
const CLASSES: usize = 49_152;

fn head(rows: usize, device: &Device) -> RandomHead {
    RandomHead::new([rows, CLASSES, WIDTH], FloatDType::F32, device)
}

/// N=512 H=576 V=49152, mean over the rows, gradients of both operands.
fn linear_cross_entropy(criterion: &mut Criterion) {
    forward_backward(criterion, "linear_cross_entropy", |device| {
        let head = head(512, device).tracked();
        let (logits, targets) = (head.logits(), head.targets());
        let loss = LinearCrossEntropyConfig::new().init().unwrap();
        move || loss.forward(logits.clone(), targets.clone(), Reduction::Mean)
    });
}

/// The same with the logits in memory.
fn linear_cross_entropy_materialised(criterion: &mut Criterion) {
    forward_backward(criterion, "linear_cross_entropy_materialised", |device| {
        let head = head(512, device).tracked();
        let (logits, targets) = (head.logits(), head.targets());
        move || {
            -reference::statistics(logits.clone(), targets.clone())
                .log_probs
                .mean()
        }
    });
}

/// The same from per-token log-probabilities, whose backward pass computes the logits again.
fn linear_log_probs_mean(criterion: &mut Criterion) {
    forward_backward(criterion, "linear_log_probs", |device| {
        let head = head(512, device).tracked();
        let (logits, targets) = (head.logits(), head.targets());
        move || -linear_log_probs(logits.clone(), targets.clone()).mean()
    });
}

/// KL(teacher || student) at temperature 2 times its square, N=256, gradients of the student's operands.
fn linear_kl(criterion: &mut Criterion) {
    forward_backward(criterion, "linear_kl", |device| {
        let student = head(256, device).tracked().logits();
        let teacher = head(256, device).logits();
        let kl = LinearKlConfig::new().with_temperature(2.0).init().unwrap();
        move || kl.forward(student.clone(), teacher.clone(), Reduction::Mean) * 4.0
    });
}

/// The same with both logits in memory.
fn linear_kl_materialised(criterion: &mut Criterion) {
    forward_backward(criterion, "linear_kl_materialised", |device| {
        let tempered = |logits: LinearLogits| logits.with_temperature(2.0).unwrap();
        let student = tempered(head(256, device).tracked().logits());
        let teacher = tempered(head(256, device).logits());
        let row_weights = Tensor::ones([256], device) * (4.0 / 256.0);
        move || {
            let (student, teacher) = (student.clone(), teacher.clone());
            reference::divergence(student, teacher, row_weights.clone(), Divergence::ForwardKl)
        }
    });
}

criterion_group!(
    benches,
    linear_cross_entropy,
    linear_cross_entropy_materialised,
    linear_log_probs_mean,
    linear_kl,
    linear_kl_materialised
);
candor_benches::bench_main!(benches);
