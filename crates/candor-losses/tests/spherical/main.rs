//! Losses of three numbers a row, and the output layer that lives on them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp
)]

mod contract;
mod dense_layer;
mod output_layer;
mod properties;

use burn::tensor::{DType, Device, Int, Tensor};
use candor_losses::spherical::{
    SphericalLoss, SphericalMse, SphericalSoftmaxLossConfig, TaylorSoftmaxLoss, ZLossConfig,
};

/// One of each kind.
fn losses() -> Vec<Box<dyn SphericalLoss>> {
    let z = |sharpness: f64, margin: f64| {
        let config = ZLossConfig::new()
            .with_sharpness(sharpness)
            .with_margin(margin);
        Box::new(config.init().unwrap())
    };
    vec![
        z(1.0, 0.0),
        z(0.2, 3.0),
        Box::new(SphericalSoftmaxLossConfig::new().init().unwrap()),
        Box::new(TaylorSoftmaxLoss::new()),
        Box::new(SphericalMse::new()),
    ]
}

/// Rows of numbers in `f64`.
fn matrix(values: &[f64], width: usize) -> Tensor<2> {
    vector(values).reshape([values.len() / width, width])
}

fn vector(values: &[f64]) -> Tensor<1> {
    Tensor::from_data(values, (&Device::flex(), DType::F64))
}

fn labels(values: &[i64]) -> Tensor<1, Int> {
    Tensor::from_data(values, &Device::flex())
}
