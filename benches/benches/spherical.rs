//! A step of an output layer with very many classes: the log-softmax, whose cost is that of all classes, and the spherical
//! layer, whose cost is not.
#![allow(missing_docs, clippy::unwrap_used)] // a bench that cannot be set up should stop

use std::cell::LazyCell;

use burn::nn::loss::Reduction;
use burn::tensor::{Device, FloatDType, Tensor};
use candor_benches::{RandomHead, forward_backward};
use candor_core::DrawKey;
use candor_core::linear::{LinearCrossEntropyConfig, LinearLogits};
use candor_losses::spherical::{SphericalLoss, SphericalOutputLayerConfig, ZLossConfig};
use candor_testkit::devices;
use criterion::{Criterion, criterion_group};

const WIDTH: usize = 128;
const BATCH: usize = 32;
/// The vocabulary of the Z-loss paper.
const VOCABULARY: usize = 793_471;
const RATE: f64 = 0.01;

fn head(classes: usize, device: &Device) -> RandomHead {
    RandomHead::new([BATCH, classes, WIDTH], FloatDType::F32, device)
}

/// One SGD step of a log-softmax output layer, D=793471 d=128 batch=32, gradients of weight and hidden states.
fn softmax_output_layer_step(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("softmax_output_layer_step");
    group.sample_size(10);
    for named in devices() {
        let prepared = LazyCell::new(|| head(VOCABULARY, &named.device));
        let loss = LinearCrossEntropyConfig::new().init().unwrap();
        let mut weight: Option<Tensor<2>> = None;
        group.bench_function(named.name, |bencher| {
            bencher.iter(|| {
                let before = weight.take().unwrap_or_else(|| prepared.weight.clone());
                let hidden = prepared.hidden.clone().autodiff().require_grad();
                let tracked = before.autodiff().require_grad();
                let logits = LinearLogits::new(hidden, tracked.clone());
                let mean = loss.forward(logits, prepared.targets(), Reduction::Mean);
                let mut gradients = mean.backward();
                let slope = tracked.grad_remove(&mut gradients).unwrap();
                weight = Some(tracked.without_autodiff() - slope * RATE);
                named.device.sync().unwrap();
            });
        });
    }
    group.finish();
}

/// One step of the spherical layer under the Z-loss, gradient of the hidden states; its state is on the host.
fn spherical_step(criterion: &mut Criterion, name: &str, classes: usize) {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(50);
    let device = Device::flex();
    let small = head(classes.min(1000), &device);
    let mut layer = LazyCell::new(|| {
        let loss = ZLossConfig::new().init().unwrap();
        let config = SphericalOutputLayerConfig::new(RATE).with_initial_deviation(0.05);
        config.init(loss, classes, WIDTH, DrawKey::new(0)).unwrap()
    });
    let stride = (classes / BATCH) as i64;
    let targets = Tensor::arange(0..BATCH as i64, &device) * stride;
    group.bench_function("flex", |bencher| {
        let layer = LazyCell::force_mut(&mut layer);
        bencher.iter(|| {
            let hidden = small.hidden.clone();
            layer
                .step(hidden, targets.clone(), Reduction::Mean)
                .unwrap()
        });
    });
    group.finish();
}

fn spherical_output_layer_step(criterion: &mut Criterion) {
    spherical_step(criterion, "spherical_output_layer_step", VOCABULARY);
}

fn spherical_output_layer_step_10k(criterion: &mut Criterion) {
    spherical_step(criterion, "spherical_output_layer_step_10k", 10_000);
}

/// The Z-loss as a plain loss, logits 4096 x 1000.
fn z_loss(criterion: &mut Criterion) {
    forward_backward(criterion, "z_loss", |device| {
        let loss = ZLossConfig::new().init().unwrap();
        let head = RandomHead::new([4096, 1000, 1], FloatDType::F32, device);
        let logits = head.hidden.clone().matmul(head.weight.clone().transpose());
        let (logits, targets) = (logits.autodiff().require_grad(), head.targets());
        move || loss.forward(logits.clone(), targets.clone(), Reduction::Mean)
    });
}

criterion_group!(
    benches,
    z_loss,
    spherical_output_layer_step_10k,
    spherical_output_layer_step,
    softmax_output_layer_step
);
candor_benches::bench_main!(benches);
