use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{CONFIG, LLAMA, QWEN3};
use crate::causal_lm::weights::even_head_dim;
use crate::causal_lm::{CausalLmConfig, LmError, RopeLayout};

/// Reads and checks the text of a `config.json`.
pub(super) fn read_config(path: &Path, text: &[u8]) -> Result<CausalLmConfig, LmError> {
    let fields: Fields =
        serde_json::from_slice(text).map_err(|error| LmError::malformed(path, CONFIG, error))?;
    let qk_norm = fields.qk_norm(path)?;
    fields.check_variant(path)?;
    let head_dim = match fields.head_dim {
        Some(head_dim) => head_dim,
        None => even_head_dim(fields.hidden_size, fields.num_attention_heads)?,
    };
    let config = CausalLmConfig {
        vocab_size: fields.vocab_size,
        hidden_size: fields.hidden_size,
        intermediate_size: fields.intermediate_size,
        num_layers: fields.num_hidden_layers,
        num_heads: fields.num_attention_heads,
        num_kv_heads: fields
            .num_key_value_heads
            .unwrap_or(fields.num_attention_heads),
        head_dim,
        rope_theta: fields.rope_theta(path)?,
        rms_norm_eps: fields.rms_norm_eps,
        context_length: fields.max_position_embeddings,
        rope_layout: RopeLayout::Half,
        tie_embeddings: fields.tie_word_embeddings,
        qk_norm,
    };
    config.validate()?;
    Ok(config)
}

/// What decides the network; fields that may be absent have the defaults of transformers.
#[derive(Deserialize)]
struct Fields {
    architectures: Option<Vec<String>>,
    model_type: Option<String>,
    vocab_size: usize,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    max_position_embeddings: usize,
    rms_norm_eps: f64,
    rope_theta: Option<f64>,
    /// Up to version 4 of transformers.
    rope_scaling: Option<Map<String, Value>>,
    /// What version 5 calls `rope_scaling`, with `rope_theta` in it.
    rope_parameters: Option<Map<String, Value>>,
    #[serde(default)]
    tie_word_embeddings: bool,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// Settings under which the architecture computes something else, and the one value of each that is read, as JSON.
const FIXED: [(&str, &str); 7] = [
    ("hidden_act", "\"silu\""),
    ("attention_bias", "false"),
    ("mlp_bias", "false"),
    ("partial_rotary_factor", "1.0"),
    ("rope_interleaved", "false"),
    ("use_sliding_window", "false"),
    ("quantization_config", "null"),
];

/// The same inside `rope_scaling` and `rope_parameters`.
const FIXED_ROPE: [(&str, &str); 3] = [
    ("rope_type", "\"default\""),
    ("type", "\"default\""),
    ("partial_rotary_factor", "1.0"),
];

impl Fields {
    /// Whether the architecture normalises queries and keys; refuses those that are not read.
    fn qk_norm(&self, path: &Path) -> Result<bool, LmError> {
        let classes = self.architectures.iter().flatten();
        let seen = classes.chain(&self.model_type).next();
        let seen = seen.map_or("", String::as_str);
        for (architecture, qk_norm) in [(LLAMA, false), (QWEN3, true)] {
            if seen == architecture.class || seen == architecture.model_type {
                return Ok(qk_norm);
            }
        }
        Err(LmError::UnsupportedArchitecture {
            path: path.to_owned(),
            seen: seen.to_owned(),
            wanted: "`LlamaForCausalLM` or `Qwen3ForCausalLM`",
        })
    }

    fn check_variant(&self, path: &Path) -> Result<(), LmError> {
        check_fixed(path, "", &self.others, &FIXED)?;
        for (name, rope) in self.rope() {
            check_fixed(path, name, rope, &FIXED_ROPE)?;
            // Parameters by kind of layer would stand one level deeper.
            if let Some((key, value)) = rope.iter().find(|(_, value)| value.is_object()) {
                return Err(unsupported(path, name, key, value, "a plain value"));
            }
        }
        Ok(())
    }

    fn rope_theta(&self, path: &Path) -> Result<f64, LmError> {
        for (name, rope) in self.rope() {
            match rope.get("rope_theta") {
                None | Some(Value::Null) => {}
                Some(value) => {
                    let theta = value.as_f64();
                    return theta
                        .ok_or_else(|| unsupported(path, name, "rope_theta", value, "a number"));
                }
            }
        }
        Ok(self.rope_theta.unwrap_or(10_000.0))
    }

    /// The parameters of the rotation, by the name they stand under.
    fn rope(&self) -> impl Iterator<Item = (&'static str, &Map<String, Value>)> {
        let scaling = self.rope_scaling.iter().map(|map| ("rope_scaling.", map));
        let parameters = self.rope_parameters.iter();
        scaling.chain(parameters.map(|map| ("rope_parameters.", map)))
    }
}

/// Refuses settings that are there and differ from the value that is read.
fn check_fixed(
    path: &Path,
    prefix: &str,
    settings: &Map<String, Value>,
    fixed: &[(&str, &'static str)],
) -> Result<(), LmError> {
    for &(key, wanted) in fixed {
        match settings.get(key) {
            None | Some(Value::Null) => {}
            Some(value) if is_value(value, wanted) => {}
            Some(value) => return Err(unsupported(path, prefix, key, value, wanted)),
        }
    }
    Ok(())
}

/// Whether a value is the one that stands as JSON in `wanted`; 1 is 1.0.
fn is_value(value: &Value, wanted: &str) -> bool {
    serde_json::from_str::<Value>(wanted).is_ok_and(|wanted| {
        let same_number = wanted.is_number() && wanted.as_f64() == value.as_f64();
        wanted == *value || same_number
    })
}

fn unsupported(
    path: &Path,
    prefix: &str,
    key: &str,
    value: &Value,
    wanted: &'static str,
) -> LmError {
    LmError::UnsupportedSetting {
        path: path.to_owned(),
        setting: format!("{prefix}{key}"),
        seen: value.to_string(),
        wanted,
    }
}
