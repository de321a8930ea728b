use std::collections::BTreeSet;

use super::WeightSource;
use crate::causal_lm::{CausalLmConfig, LmError};

/// The name and shape of every tensor that a legal configuration asks for, in the order of the forward pass.
///
/// ```
/// use candor_models::causal_lm::CausalLmConfig;
/// use candor_models::causal_lm::weights::tensor_shapes;
///
/// let shapes = tensor_shapes(&CausalLmConfig::smollm2_135m());
/// assert_eq!(shapes[0], ("model.embed_tokens.weight".to_owned(), vec![49152, 576]));
/// assert_eq!(shapes.iter().map(|(_, shape)| shape.iter().product::<usize>()).sum::<usize>(), 134_515_008);
/// ```
pub fn tensor_shapes(config: &CausalLmConfig) -> Vec<(String, Vec<usize>)> {
    let (hidden, vocab) = (config.hidden_size, config.vocab_size);
    let mut tensors = vec![(EMBEDDING.to_owned(), vec![vocab, hidden])];
    for layer in 0..config.num_layers {
        let named = layer_shapes(config).into_iter();
        tensors.extend(
            named.map(|(part, shape)| (format!("model.layers.{layer}.{part}.weight"), shape)),
        );
    }
    tensors.push((FINAL_NORM.to_owned(), vec![hidden]));
    if !config.tie_embeddings {
        tensors.push((HEAD.to_owned(), vec![vocab, hidden]));
    }
    tensors
}

/// Refuses weights that are not, tensor for tensor, those of a configuration.
///
/// # Errors
///
/// An illegal configuration; a missing, extra or misshapen tensor, by name.
pub fn check_tensors(config: &CausalLmConfig, weights: &dyn WeightSource) -> Result<(), LmError> {
    config.validate()?;
    let mut extra: BTreeSet<String> = weights.names().into_iter().collect();
    for (tensor, wanted) in tensor_shapes(config) {
        extra.remove(&tensor);
        match weights.shape(&tensor) {
            None => return Err(LmError::MissingTensor { tensor }),
            Some(seen) if seen == wanted => {}
            Some(seen) => {
                return Err(LmError::WrongShape {
                    tensor,
                    seen,
                    wanted,
                });
            }
        }
    }
    extra
        .pop_first()
        .map_or(Ok(()), |tensor| Err(LmError::ExtraTensor { tensor }))
}

pub(in crate::causal_lm) const EMBEDDING: &str = "model.embed_tokens.weight";
pub(in crate::causal_lm) const FINAL_NORM: &str = "model.norm.weight";
pub(in crate::causal_lm) const HEAD: &str = "lm_head.weight";

fn layer_shapes(config: &CausalLmConfig) -> Vec<(&'static str, Vec<usize>)> {
    let (hidden, inner) = (config.hidden_size, config.intermediate_size);
    let queries = config.num_heads * config.head_dim;
    let keys = config.num_kv_heads * config.head_dim;
    let mut shapes = vec![
        ("input_layernorm", vec![hidden]),
        ("self_attn.q_proj", vec![queries, hidden]),
        ("self_attn.k_proj", vec![keys, hidden]),
        ("self_attn.v_proj", vec![keys, hidden]),
        ("self_attn.o_proj", vec![hidden, queries]),
        ("post_attention_layernorm", vec![hidden]),
        ("mlp.gate_proj", vec![inner, hidden]),
        ("mlp.up_proj", vec![inner, hidden]),
        ("mlp.down_proj", vec![hidden, inner]),
    ];
    if config.qk_norm {
        shapes.push(("self_attn.q_norm", vec![config.head_dim]));
        shapes.push(("self_attn.k_norm", vec![config.head_dim]));
    }
    shapes
}
