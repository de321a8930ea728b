//! Peak memory is flat from 64 to 4096 draws, steps and rows in flight.
#![cfg(feature = "flex")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::atomic::{AtomicUsize, Ordering};

use burn::tensor::{Device, Tensor};
use candor_core::{DrawKey, MemoryBudget, Target};
use candor_explain::attribution::*;
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const FEATURES: usize = 256;
const KEY: DrawKey = DrawKey::new(5);
const FIRST: Target = Target::Output(0);

/// Bytes above what was live before.
fn peak(work: impl FnOnce()) -> usize {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    work();
    MEMORY.peak_usage() - before
}

/// One test, for the allocator counts the whole process.
#[test]
fn the_peak_does_not_grow_with_the_number_of_draws() {
    let largest = AtomicUsize::new(0);
    let model = |x: Tensor<2>| {
        largest.fetch_max(x.dims()[0], Ordering::Relaxed);
        x.tanh().sum_dim(1)
    };
    let inputs = Tensor::<2>::full([2, FEATURES], 0.5, &Device::flex());
    // 64 rows of 16 KiB fill a call, so that 64 draws already need the whole of it.
    let batching = Batching::new()
        .with_memory(MemoryBudget::mib(1))
        .with_model_row_bytes(8 * FEATURES * 4);
    assert_eq!(batching.rows_in_flight(FEATURES * 4), 64);
    let groups =
        FeatureGroups::from_ids(&(0..FEATURES).map(|i| (i / 16) as i64).collect::<Vec<_>>())
            .unwrap();
    let masker = Masker::default().with_groups(groups);
    let smooth = |n| {
        let method = SmoothGradConfig::new()
            .with_n_samples(n)
            .with_batching(batching)
            .init()
            .unwrap();
        method.explain(&model, inputs.clone(), &FIRST, KEY).unwrap();
    };
    let integrated = |n| {
        let rule = Quadrature::RiemannMiddle;
        let method = IntegratedGradientsConfig::new()
            .with_rule(rule)
            .with_n_steps(n)
            .with_batching(batching);
        method
            .init()
            .unwrap()
            .explain(&model, inputs.clone(), &FIRST, &Baseline::Zeros)
            .unwrap();
    };
    let lime = |n| {
        let method = LimeConfig::new()
            .with_n_samples(n)
            .with_batching(batching)
            .init()
            .unwrap();
        method
            .explain(&model, inputs.clone(), &FIRST, &masker, KEY)
            .unwrap();
    };
    let shap = |n| {
        let method = KernelShapConfig::new()
            .with_n_samples(n)
            .with_batching(batching)
            .init()
            .unwrap();
        method
            .explain(&model, inputs.clone(), &FIRST, &masker, KEY)
            .unwrap();
    };
    let narrow = inputs.clone().slice_dim(1, 0..32);
    let c_lime = |n| {
        let batching = batching.with_model_row_bytes(15 * FEATURES * 4);
        let method = CLimeConfig::new()
            .with_n_samples(n)
            .with_batching(batching)
            .init()
            .unwrap();
        method.explain(&model, narrow.clone(), &FIRST, KEY).unwrap();
    };
    let methods: [(&str, &dyn Fn(usize)); 5] = [
        ("SmoothGrad", &smooth),
        ("IntegratedGradients", &integrated),
        ("Lime", &lime),
        ("KernelShap", &shap),
        ("CLime", &c_lime),
    ];
    for (name, explain) in methods {
        explain(4096); // warms up what is allocated once
        // The only growth allowed is that of the scores and their weights, 8 bytes each.
        let (few, many) = (peak(|| explain(64)), peak(|| explain(4096)));
        println!("{name}: {few} bytes at 64 draws, {many} at 4096");
        assert!(
            many <= few + few / 20 + 3 * 8 * 4096,
            "{name}: {few} bytes at 64 draws, {many} at 4096"
        );
        assert!(
            largest.load(Ordering::Relaxed) <= 64,
            "{name}: a call of {largest:?} rows"
        );
    }
}
