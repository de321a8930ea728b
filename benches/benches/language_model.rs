//! A language model of SmolLM2-135M's shape with random weights: prefill, decoding, and a step of unlearning.
#![allow(missing_docs, clippy::unwrap_used)] // a bench that cannot be set up should stop

use std::cell::LazyCell;

use burn::tensor::Tensor;
use candor_benches::forward_backward;
use candor_benches::language_model::{self, NpoStep};
use candor_core::layers::project;
use candor_models::causal_lm::CausalLmConfig;
use candor_testkit::devices;
use criterion::{Criterion, criterion_group};

/// 256 tokens, logits of the last position.
fn prefill(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lm_prefill_256");
    group.sample_size(10);
    for named in devices() {
        let config = CausalLmConfig::smollm2_135m();
        let prefill = LazyCell::new(|| language_model::prefill(&config, &named.device).unwrap());
        group.bench_function(named.name, |bencher| {
            bencher.iter(|| {
                let logits = prefill();
                named.device.sync().unwrap();
                logits
            });
        });
    }
    group.finish();
}

/// 32 tokens greedily after a prompt of 16.
fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lm_decode_32");
    group.sample_size(10);
    for named in devices() {
        let config = CausalLmConfig::smollm2_135m();
        let decode = LazyCell::new(|| language_model::decode(&config, &named.device).unwrap());
        group.bench_function(named.name, |bencher| {
            bencher.iter(|| decode().unwrap());
        });
    }
    group.finish();
}

/// Policy forward and backward, reference forward, on 4 rows of 64 tokens.
fn npo_step(criterion: &mut Criterion) {
    forward_backward(criterion, "lm_npo_step", |device| {
        let step = NpoStep::new(&CausalLmConfig::smollm2_135m(), device).unwrap();
        move || step.loss().unwrap()
    });
}

type Product = fn(Tensor<2>, Tensor<2>) -> Tensor<2>;

/// The products of a prefill of 256 tokens and nothing else, as Candor computes them and as Burn does.
fn products(criterion: &mut Criterion) {
    let ways: [(&str, Product); 2] = [
        ("lm_products_256", project),
        ("lm_products_256_burn", Tensor::matmul),
    ];
    for (name, product) in ways {
        let mut group = criterion.benchmark_group(name);
        group.sample_size(20);
        for named in devices() {
            let config = CausalLmConfig::smollm2_135m();
            let products = LazyCell::new(|| language_model::products(&config, &named.device));
            group.bench_function(named.name, |bencher| {
                bencher.iter(|| {
                    products(product);
                    named.device.sync().unwrap();
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, prefill, decode, npo_step, products);
candor_benches::bench_main!(benches);
