use serde_json::{Value, json};

use super::{LLAMA, QWEN3, SpecialTokens};
use crate::causal_lm::CausalLmConfig;
use crate::causal_lm::weights::FloatFormat;

/// `config.json`, in the form that versions 4 and 5 of transformers read.
pub(super) fn config_json(
    config: &CausalLmConfig,
    format: FloatFormat,
    tokens: &SpecialTokens,
) -> Value {
    let architecture = if config.qk_norm { QWEN3 } else { LLAMA };
    let dtype = match format {
        FloatFormat::F32 => "float32",
        FloatFormat::F16 => "float16",
        FloatFormat::BF16 => "bfloat16",
    };
    json!({
        "architectures": [architecture.class],
        "model_type": architecture.model_type,
        "vocab_size": config.vocab_size,
        "hidden_size": config.hidden_size,
        "intermediate_size": config.intermediate_size,
        "num_hidden_layers": config.num_layers,
        "num_attention_heads": config.num_heads,
        "num_key_value_heads": config.num_kv_heads,
        "head_dim": config.head_dim,
        "hidden_act": "silu",
        "max_position_embeddings": config.context_length,
        "rms_norm_eps": config.rms_norm_eps,
        "rope_theta": config.rope_theta,
        "rope_scaling": null,
        "tie_word_embeddings": config.tie_embeddings,
        "attention_bias": false,
        "attention_dropout": 0.0,
        "mlp_bias": false,
        "initializer_range": 0.02,
        "use_cache": true,
        "torch_dtype": dtype,
        "bos_token_id": tokens.bos,
        "eos_token_id": tokens.eos,
        "pad_token_id": tokens.pad,
    })
}

/// `generation_config.json`: where to stop.
pub(super) fn generation_json(tokens: &SpecialTokens) -> Value {
    json!({
        "_from_model_config": true,
        "bos_token_id": tokens.bos,
        "eos_token_id": tokens.eos,
        "pad_token_id": tokens.pad,
    })
}
