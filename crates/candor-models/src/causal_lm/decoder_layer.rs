use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::attention::{AttentionInputs, SelfAttention};
use super::feed_forward::FeedForward;
use super::kv_cache::LayerSlot;
use super::{CausalLmConfig, RmsNorm};

/// One layer: attention and feed-forward, each on the normalised stream and added to it.
///
/// The fields are called as in Hugging Face's files.
#[derive(Module, Debug)]
pub(super) struct DecoderLayer {
    pub(super) input_layernorm: RmsNorm,
    pub(super) self_attn: SelfAttention,
    pub(super) post_attention_layernorm: RmsNorm,
    pub(super) mlp: FeedForward,
}

impl DecoderLayer {
    pub(super) fn uninitialised(config: &CausalLmConfig, device: &Device) -> Self {
        let norm = || RmsNorm::uninitialised(config.hidden_size, config.rms_norm_eps, device);
        Self {
            input_layernorm: norm(),
            self_attn: SelfAttention::uninitialised(config, device),
            post_attention_layernorm: norm(),
            mlp: FeedForward::uninitialised(config, device),
        }
    }

    /// Of rows `[batch · positions, hidden]`: the same, and the attention map if observed.
    pub(super) fn forward(
        &self,
        rows: Tensor<2>,
        inputs: &AttentionInputs,
        cache: Option<LayerSlot<'_>>,
    ) -> (Tensor<2>, Option<Tensor<4>>) {
        let normed = self.input_layernorm.forward(rows.clone());
        let (attended, map) = self.self_attn.forward(normed, inputs, cache);
        let rows = rows + attended;
        let normed = self.post_attention_layernorm.forward(rows.clone());
        (rows + self.mlp.forward(normed), map)
    }
}
