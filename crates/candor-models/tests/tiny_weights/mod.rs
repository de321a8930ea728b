//! A network small enough for every kind of test, with weights that no two places share.

use candor_models::causal_lm::weights::{WeightMap, tensor_shapes};
use candor_models::causal_lm::{CausalLmConfig, RopeLayout};

/// One layer, two query heads of 16 on one key head; matrices have rows of whole blocks of 32.
pub(crate) fn config() -> CausalLmConfig {
    CausalLmConfig::new(8, 32, 64, 1, 2, 1, 16)
}

/// Every variant that a file has to carry.
pub(crate) fn variants() -> Vec<CausalLmConfig> {
    let mut variants = Vec::new();
    for layout in [RopeLayout::Half, RopeLayout::Interleaved] {
        for (tied, qk_norm) in [(true, false), (false, false), (true, true)] {
            let config = config().with_rope_layout(layout);
            variants.push(config.with_tie_embeddings(tied).with_qk_norm(qk_norm));
        }
    }
    variants
}

/// Weights in (-1, 1), exact in half precision and bfloat16.
pub(crate) fn weights(config: &CausalLmConfig) -> WeightMap {
    let mut weights = WeightMap::new();
    let mut state = 1u32;
    for (name, shape) in tensor_shapes(config) {
        let values = (0..shape.iter().product::<usize>()).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Seven bits, so that both 2-byte formats hold it.
            ((state >> 25) as f32 - 64.0) / 64.0
        });
        let values = values.collect();
        weights.insert(name, shape, values).unwrap();
    }
    weights
}
