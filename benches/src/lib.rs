//! What the benches share: the peers' networks and inputs, the loops over the devices; and the GPU suite.

use std::cell::LazyCell;

use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Distribution, Tensor};
use candor_core::{Predictor, Target};
use candor_testkit::devices;
use criterion::Criterion;

pub mod gpu_suite;
pub mod language_model;
mod random_head;

pub use mimalloc::MiMalloc;
pub use random_head::RandomHead;

/// Criterion's main function, with the allocator that `cargo xtask` has.
#[macro_export]
macro_rules! bench_main {
    ($($group:path),+) => {
        #[global_allocator]
        static ALLOCATOR: $crate::MiMalloc = $crate::MiMalloc;

        criterion::criterion_main!($($group),+);
    };
}

/// 1x28x28 -> conv3x3(32) relu conv3x3(64) relu maxpool2 flatten(9216) linear(128) relu linear(10).
#[derive(Debug)]
pub struct PeerCnn {
    first: Conv2d,
    second: Conv2d,
    pool: MaxPool2d,
    hidden: Linear,
    output: Linear,
}

impl PeerCnn {
    /// The network with random weights.
    pub fn new(device: &Device) -> Self {
        Self {
            first: Conv2dConfig::new([1, 32], [3, 3]).init(device),
            second: Conv2dConfig::new([32, 64], [3, 3]).init(device),
            pool: MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
            hidden: LinearConfig::new(9216, 128).init(device),
            output: LinearConfig::new(128, 10).init(device),
        }
    }
}

impl Predictor<4> for PeerCnn {
    fn predict(&self, images: Tensor<4>) -> Tensor<2> {
        let maps = relu(self.second.forward(relu(self.first.forward(images))));
        let features = self.pool.forward(maps).flatten(1, 3);
        self.output.forward(relu(self.hidden.forward(features)))
    }
}

/// 30-128-128-2 with ReLU.
#[derive(Debug)]
pub struct PeerMlp([Linear; 3]);

impl PeerMlp {
    /// The network with random weights.
    pub fn new(device: &Device) -> Self {
        Self(
            [(30, 128), (128, 128), (128, 2)]
                .map(|(from, to)| LinearConfig::new(from, to).init(device)),
        )
    }
}

impl Predictor<2> for PeerMlp {
    fn predict(&self, rows: Tensor<2>) -> Tensor<2> {
        let [first, second, third] = &self.0;
        third.forward(relu(second.forward(relu(first.forward(rows)))))
    }
}

/// What a bench on 16 images gets.
#[derive(Debug)]
pub struct ImageBench {
    /// The network.
    pub model: PeerCnn,
    /// `[16, 1, 28, 28]`, normal.
    pub images: Tensor<4>,
    /// Attributions of the same shape, normal.
    pub attributions: Tensor<4>,
    /// Row modulo ten.
    pub target: Target,
}

/// Benches work on 16 images on every device.
pub fn on_images(criterion: &mut Criterion, name: &str, run: impl Fn(&ImageBench)) {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10);
    for named in devices() {
        let normal = || {
            Tensor::random(
                [16, 1, 28, 28],
                Distribution::Normal(0.0, 1.0),
                &named.device,
            )
        };
        let bench = ImageBench {
            model: PeerCnn::new(&named.device),
            images: normal(),
            attributions: normal(),
            target: Target::PerRow((0..16).map(|row| row % 10).collect()),
        };
        group.bench_function(named.name, |bencher| bencher.iter(|| run(&bench)));
    }
    group.finish();
}

/// Benches work on 10 rows of 30 features on every device.
pub fn on_rows(criterion: &mut Criterion, name: &str, run: impl Fn(&PeerMlp, Tensor<2>)) {
    let mut group = criterion.benchmark_group(name);
    for named in devices() {
        let model = PeerMlp::new(&named.device);
        let rows = Tensor::random([10, 30], Distribution::Normal(0.0, 1.0), &named.device);
        group.bench_function(named.name, |bencher| {
            bencher.iter(|| run(&model, rows.clone()));
        });
    }
    group.finish();
}

/// Times the forward and the backward pass of a loss on each device.
///
/// # Panics
///
/// When a device stops working.
#[allow(clippy::expect_used)] // a bench that cannot run should stop
pub fn forward_backward<F: Fn() -> Tensor<1>>(
    criterion: &mut Criterion,
    component: &str,
    prepare: impl Fn(&Device) -> F,
) {
    let mut group = criterion.benchmark_group(component);
    group.sample_size(20);
    for device in devices() {
        // Only if the case is run: a case's memory is its own.
        let loss = LazyCell::new(|| prepare(&device.device));
        group.bench_function(device.name, |bencher| {
            bencher.iter(|| {
                let gradients = loss().backward();
                device.device.sync().expect("a device that works");
                gradients
            });
        });
    }
    group.finish();
}
