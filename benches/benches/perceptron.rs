//! Separating rows: one step on many, and a whole run on the worst ones.
#![allow(missing_docs, clippy::unwrap_used)] // a bench that cannot be set up should stop

use std::hint::black_box;

use burn::tensor::{Distribution, Int, Tensor};
use candor_online::perceptron::{
    BatchPerceptron, LinearSeparator, NormalizedLrGdConfig, SeparationConfig, SignedRows,
    worst_case_rows,
};
use candor_testkit::devices;
use criterion::{Criterion, criterion_group};

/// 65536 rows of 64 features.
fn step(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("normalized_lr_gd_step");
    for named in devices() {
        let features = Tensor::random([65_536, 64], Distribution::Normal(0.0, 1.0), &named.device);
        let labels = Tensor::<1, Int>::arange(0..65_536, &named.device).remainder_scalar(2) * 2 - 1;
        let rows = SignedRows::new(features, labels).unwrap();
        let method = NormalizedLrGdConfig::new().init().unwrap();
        let theta = rows.zero_weights();
        group.bench_function(named.name, |bencher| {
            bencher.iter(|| black_box(method.update(&rows, theta.clone(), 0).into_data()));
        });
    }
    group.finish();
}

/// 301 iterations on 1000 rows.
fn run(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("batch_perceptron_worst_case");
    group.sample_size(10);
    for named in devices() {
        let rows = worst_case_rows(1000, &named.device).unwrap();
        let config = SeparationConfig::new().with_keep_trace(false);
        group.bench_function(named.name, |bencher| {
            bencher.iter(|| black_box(BatchPerceptron.fit(&rows, &config).unwrap().iterations));
        });
    }
    group.finish();
}

criterion_group!(benches, step, run);
candor_benches::bench_main!(benches);
