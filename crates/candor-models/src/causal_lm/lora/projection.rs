use burn::nn::Linear;
use serde::{Deserialize, Serialize};

use crate::causal_lm::CausalLmConfig;
use crate::causal_lm::decoder_layer::DecoderLayer;

/// One of the weights of a decoder layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Projection {
    /// `self_attn.q_proj`
    Q,
    /// `self_attn.k_proj`
    K,
    /// `self_attn.v_proj`
    V,
    /// `self_attn.o_proj`
    O,
    /// `mlp.gate_proj`
    Gate,
    /// `mlp.up_proj`
    Up,
    /// `mlp.down_proj`
    Down,
}

impl Projection {
    /// All seven, in the order of the forward pass.
    pub const ALL: [Self; 7] = [
        Self::Q,
        Self::K,
        Self::V,
        Self::O,
        Self::Gate,
        Self::Up,
        Self::Down,
    ];

    /// The name of the weight in Hugging Face's files: `q_proj`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Q => "q_proj",
            Self::K => "k_proj",
            Self::V => "v_proj",
            Self::O => "o_proj",
            Self::Gate => "gate_proj",
            Self::Up => "up_proj",
            Self::Down => "down_proj",
        }
    }

    /// The projection of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|projection| projection.name() == name)
    }

    /// Where it is in a model: `layers.0.self_attn.q_proj`.
    pub(super) fn path(self, layer: usize) -> String {
        let block = match self {
            Self::Q | Self::K | Self::V | Self::O => "self_attn",
            Self::Gate | Self::Up | Self::Down => "mlp",
        };
        format!("layers.{layer}.{block}.{}", self.name())
    }

    /// Inputs and outputs of the weight in a model of this configuration.
    pub(super) fn shape(self, config: &CausalLmConfig) -> [usize; 2] {
        let (hidden, inner) = (config.hidden_size, config.intermediate_size);
        let queries = config.num_heads * config.head_dim;
        let keys = config.num_kv_heads * config.head_dim;
        match self {
            Self::Q => [hidden, queries],
            Self::K | Self::V => [hidden, keys],
            Self::O => [queries, hidden],
            Self::Gate | Self::Up => [hidden, inner],
            Self::Down => [inner, hidden],
        }
    }

    /// Whether the order of its outputs depends on the rotary layout.
    pub(super) fn is_rotated(self) -> bool {
        matches!(self, Self::Q | Self::K)
    }

    pub(super) fn of(self, layer: &DecoderLayer) -> &Linear {
        match self {
            Self::Q => &layer.self_attn.q_proj,
            Self::K => &layer.self_attn.k_proj,
            Self::V => &layer.self_attn.v_proj,
            Self::O => &layer.self_attn.o_proj,
            Self::Gate => &layer.mlp.gate_proj,
            Self::Up => &layer.mlp.up_proj,
            Self::Down => &layer.mlp.down_proj,
        }
    }

    pub(super) fn of_mut(self, layer: &mut DecoderLayer) -> &mut Linear {
        match self {
            Self::Q => &mut layer.self_attn.q_proj,
            Self::K => &mut layer.self_attn.k_proj,
            Self::V => &mut layer.self_attn.v_proj,
            Self::O => &mut layer.self_attn.o_proj,
            Self::Gate => &mut layer.mlp.gate_proj,
            Self::Up => &mut layer.mlp.up_proj,
            Self::Down => &mut layer.mlp.down_proj,
        }
    }
}
