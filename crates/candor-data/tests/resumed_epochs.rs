#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! What a device draws in an epoch is the same after a resume.
//!
//! Alone in its file: on flex the generator belongs to the process, and other tests would draw from it.

use burn::data::dataloader::DataLoader;
use burn::tensor::{Device, Distribution, Tensor};
use candor_core::host;
use candor_data::{EpochLoaderConfig, embedded};

/// Batches and masks of two epochs, as a training with dropout sees them.
fn epochs(epochs_done: usize) -> Vec<Vec<f64>> {
    let digits = embedded::digits().unwrap();
    let config = EpochLoaderConfig::new(600, 3).with_epochs_done(epochs_done);
    let loader = config
        .init(digits.clone(), digits.batcher(), &Device::flex())
        .unwrap();
    let dropped = |inputs: Tensor<4>| {
        let mask = inputs.random_like(Distribution::Bernoulli(0.5));
        host::floats(&(inputs * mask))
    };
    let epoch = || {
        loader
            .iter()
            .flat_map(|batch| dropped(batch.unwrap().inputs))
            .collect()
    };
    vec![epoch(), epoch()]
}

#[test]
fn batches_and_masks_are_those_of_the_uninterrupted_run() {
    let whole = epochs(0);
    // Something else draws between the two runs.
    Tensor::<1>::random([17], Distribution::Default, &Device::flex());
    let resumed = epochs(1);
    assert_eq!(whole[1], resumed[0]);
    assert_ne!(whole[0], whole[1]);
}
