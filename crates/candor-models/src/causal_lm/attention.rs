use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use candor_core::layers::{AttentionOutput, attention, observed_attention};

use super::kv_cache::LayerSlot;
use super::linear::{project, uninitialised};
use super::{CausalLmConfig, RmsNorm, Rotation};

/// Self-attention of a decoder layer: projections, rotation, [`attention`], projection.
#[derive(Module, Debug)]
pub(super) struct SelfAttention {
    pub(super) q_proj: Linear,
    pub(super) k_proj: Linear,
    pub(super) v_proj: Linear,
    pub(super) o_proj: Linear,
    pub(super) q_norm: Option<RmsNorm>,
    pub(super) k_norm: Option<RmsNorm>,
    head_dim: usize,
}

/// What the layers of one forward share.
pub(super) struct AttentionInputs {
    pub(super) batch: usize,
    pub(super) rotation: Rotation,
    pub(super) mask: Option<Tensor<4>>,
    /// Whether somebody looks at the maps; without them a layer holds less and is faster.
    pub(super) observed: bool,
}

impl SelfAttention {
    pub(super) fn uninitialised(config: &CausalLmConfig, device: &Device) -> Self {
        let CausalLmConfig {
            hidden_size,
            head_dim,
            ..
        } = *config;
        let queries = config.num_heads * head_dim;
        let keys = config.num_kv_heads * head_dim;
        let norm = || RmsNorm::uninitialised(head_dim, config.rms_norm_eps, device);
        Self {
            q_proj: uninitialised(hidden_size, queries, device),
            k_proj: uninitialised(hidden_size, keys, device),
            v_proj: uninitialised(hidden_size, keys, device),
            o_proj: uninitialised(queries, hidden_size, device),
            q_norm: config.qk_norm.then(norm),
            k_norm: config.qk_norm.then(norm),
            head_dim,
        }
    }

    /// Of rows `[batch · positions, hidden]`: the same, and the map `[batch, heads, positions, keys]` if observed.
    pub(super) fn forward(
        &self,
        rows: Tensor<2>,
        inputs: &AttentionInputs,
        cache: Option<LayerSlot<'_>>,
    ) -> (Tensor<2>, Option<Tensor<4>>) {
        let queries = self.heads(&self.q_proj, rows.clone(), inputs.batch);
        let keys = self.heads(&self.k_proj, rows.clone(), inputs.batch);
        let values = self.heads(&self.v_proj, rows, inputs.batch).swap_dims(1, 2);
        let queries = inputs.rotation.apply(normed(queries, self.q_norm.as_ref()));
        let keys = inputs.rotation.apply(normed(keys, self.k_norm.as_ref()));
        let (keys, values) = match cache {
            Some(cache) => cache.append(keys, values),
            None => (keys, values),
        };
        let mask = inputs.mask.as_ref();
        let (mixed, map) = if inputs.observed {
            let AttentionOutput { mixed, map } = observed_attention(queries, keys, values, mask);
            (mixed, Some(map))
        } else {
            (attention(queries, keys, values, mask), None)
        };
        let [batch, heads, positions, width] = mixed.dims();
        let rows = mixed
            .swap_dims(1, 2)
            .reshape([batch * positions, heads * width]);
        (project(&self.o_proj, rows), map)
    }

    /// The heads of each position, `[batch, positions, heads, head_dim]`.
    fn heads(&self, projection: &Linear, rows: Tensor<2>, batch: usize) -> Tensor<4> {
        let projected = project(projection, rows);
        let [rows, width] = projected.dims();
        projected.reshape([batch, rows / batch, width / self.head_dim, self.head_dim])
    }
}

fn normed(heads: Tensor<4>, norm: Option<&RmsNorm>) -> Tensor<4> {
    match norm {
        Some(norm) => norm.forward(heads),
        None => heads,
    }
}
