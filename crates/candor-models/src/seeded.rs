//! Layers whose parameters are drawn on the host, from a key.
//!
//! Burn draws a parameter at its first use, from one generator that every thread of the process shares. Here a
//! parameter depends on its key alone: draw 0 of the key is the weight, draw 1 the bias.

use burn::module::Param;
use burn::nn::Linear;
use burn::nn::conv::Conv2d;
use burn::tensor::{Device, Tensor, TensorData};
use candor_core::DrawKey;
use rand::RngExt;

/// The layer with new parameters, on the device it is on.
pub(crate) fn redrawn_linear(layer: &Linear, key: DrawKey) -> Linear {
    let device = layer.weight.lazy_device();
    let [inputs, outputs]: [usize; 2] = layer.weight.lazy_shape().dims();
    Linear {
        weight: kaiming_uniform([inputs, outputs], inputs, key.draw(0), &device),
        bias: Some(kaiming_uniform([outputs], inputs, key.draw(1), &device)),
    }
}

/// The layer with new parameters, on the device it is on.
pub(crate) fn redrawn_conv(layer: &Conv2d, key: DrawKey) -> Conv2d {
    let device = layer.weight.lazy_device();
    let shape: [usize; 4] = layer.weight.lazy_shape().dims();
    let [outputs, inputs, height, width] = shape;
    let fan_in = inputs * height * width;
    Conv2d {
        weight: kaiming_uniform(shape, fan_in, key.draw(0), &device),
        bias: Some(kaiming_uniform([outputs], fan_in, key.draw(1), &device)),
        ..layer.clone()
    }
}

/// Uniform in ±1/√fan_in: Kaiming with the gain 1/√3 that burn-nn's and PyTorch's layers default to.
pub(crate) fn kaiming_uniform<const D: usize>(
    shape: [usize; D],
    fan_in: usize,
    key: DrawKey,
    device: &Device,
) -> Param<Tensor<D>> {
    let bound = 1.0 / (fan_in as f32).sqrt();
    let mut rng = key.rng();
    let count = shape.iter().product();
    let values: Vec<f32> = (0..count)
        .map(|_| rng.random_range(-bound..=bound))
        .collect();
    Param::from_data(TensorData::new(values, shape), device)
}
