use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};
use candor_core::{check_shape, in_f32};

use super::kv_cache::LayerSlot;
use super::linear::{project, uninitialised};
use super::{CausalLmConfig, RmsNorm, Rotation};

/// What attention gives: the mixed values and the map they were mixed by.
#[derive(Debug, Clone)]
pub struct AttentionOutput {
    /// The values mixed, `[batch, heads, queries, head_dim]`.
    pub mixed: Tensor<4>,
    /// The weights, `[batch, heads, queries, keys]`; each row sums to one.
    pub map: Tensor<4>,
}

/// Attention whose query heads share key and value heads in groups.
///
/// ```text
/// map = softmax(q kᵀ / sqrt(head_dim) + mask),  mixed = map v
/// ```
///
/// Query head `h` looks at key and value head `floor(h / group)`, with `group = heads / kv_heads`. The softmax is
/// computed in `f32` for half-precision inputs. Queries are `[batch, heads, queries, head_dim]`, keys and values
/// `[batch, kv_heads, keys, head_dim]`; the mask is added and broadcasts to `[batch, heads, queries, keys]`, -inf hides
/// a key. No key or value is copied for the heads that share it.
///
/// Source: Ainslie et al. 2023, "GQA: Training Generalized Multi-Query Transformer Models from Multi-Head Checkpoints".
///
/// # Panics
///
/// When the shapes do not fit, or `heads` is no multiple of `kv_heads`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_models::causal_lm::grouped_query_attention;
///
/// let device = Device::flex();
/// let (queries, keys) = (Tensor::zeros([1, 4, 1, 2], &device), Tensor::zeros([1, 2, 3, 2], &device));
/// let values = Tensor::<4>::from_floats([[[[0., 3.], [3., 3.], [6., 3.]], [[1., 0.], [1., 0.], [1., 0.]]]], &device);
/// // Queries that see all keys alike take the mean of the values: heads 0 and 1 of the first, 2 and 3 of the second.
/// let mixed = grouped_query_attention(queries, keys, values, None).mixed;
/// assert_eq!(mixed.into_data().to_vec::<f32>().unwrap(), [3., 3., 3., 3., 1., 0., 1., 0.]);
/// ```
pub fn grouped_query_attention(
    queries: Tensor<4>,
    keys: Tensor<4>,
    values: Tensor<4>,
    mask: Option<&Tensor<4>>,
) -> AttentionOutput {
    let [batch, heads, count, head_dim] = queries.dims();
    let [_, kv_heads, seen, _] = keys.dims();
    let shared_by = heads / kv_heads.max(1);
    let wanted_heads = kv_heads * shared_by;
    check_shape!("Attention", queries, [_, wanted_heads, _, _]);
    check_shape!("Attention", keys, [batch, _, _, head_dim]);
    check_shape!("Attention", values, [batch, kv_heads, seen, head_dim]);
    let scale = (head_dim as f64).sqrt().recip();
    // The queries of a group lie one below the other, so that one product serves all of them.
    let grouped = (queries * scale).reshape([batch, kv_heads, shared_by * count, head_dim]);
    let scores = grouped.matmul(keys.swap_dims(2, 3));
    let map = in_f32(scores, |scores| {
        let scores = scores.reshape([batch, heads, count, seen]);
        softmax(
            match mask {
                Some(mask) => scores + mask.clone(),
                None => scores,
            },
            3,
        )
    });
    let grouped = map
        .clone()
        .reshape([batch, kv_heads, shared_by * count, seen]);
    let mixed = grouped
        .matmul(values)
        .reshape([batch, heads, count, head_dim]);
    AttentionOutput { mixed, map }
}

/// Self-attention of a decoder layer: projections, rotation, [`grouped_query_attention`], projection.
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

    /// Of rows `[batch · positions, hidden]`: the same, and the map `[batch, heads, positions, keys]`.
    pub(super) fn forward(
        &self,
        rows: Tensor<2>,
        inputs: &AttentionInputs,
        cache: Option<LayerSlot<'_>>,
    ) -> (Tensor<2>, Tensor<4>) {
        let queries = self.heads(&self.q_proj, rows.clone(), inputs.batch);
        let keys = self.heads(&self.k_proj, rows.clone(), inputs.batch);
        let values = self.heads(&self.v_proj, rows, inputs.batch).swap_dims(1, 2);
        let queries = inputs.rotation.apply(normed(queries, self.q_norm.as_ref()));
        let keys = inputs.rotation.apply(normed(keys, self.k_norm.as_ref()));
        let (keys, values) = match cache {
            Some(cache) => cache.append(keys, values),
            None => (keys, values),
        };
        let AttentionOutput { mixed, map } =
            grouped_query_attention(queries, keys, values, inputs.mask.as_ref());
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
