//! What a causal language model promises: cached as whole, padded as alone, observed, trained, adapted, continued.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::float_cmp)] // many of the promises are of the same number, bit for bit

mod generation;
mod lora;
mod model;
mod text_model;
mod training;

use burn::tensor::{Device, Int, Tensor, TensorData};
use candor_core::host;
use candor_models::causal_lm::{CausalLm, CausalLmConfig};

/// Two layers, four query heads over two of keys, an untied head, normalised queries and keys: every part is in it.
pub(crate) fn toy() -> CausalLmConfig {
    CausalLmConfig::new(13, 8, 12, 2, 4, 2, 4)
        .with_context_length(32)
        .with_tie_embeddings(false)
        .with_qk_norm(true)
}

pub(crate) fn built(config: &CausalLmConfig, device: &Device) -> CausalLm {
    config.init_seeded(device, 1).unwrap()
}

pub(crate) fn ids<const B: usize, const T: usize>(
    rows: [[i64; T]; B],
    device: &Device,
) -> Tensor<2, Int> {
    Tensor::from_data(TensorData::from(rows), device)
}

/// The largest difference.
pub(crate) fn distance<const D: usize>(a: &Tensor<D>, b: &Tensor<D>) -> f64 {
    assert_eq!(a.dims(), b.dims());
    let pairs = host::floats(a).into_iter().zip(host::floats(b));
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}
