use burn::tensor::Tensor;
use burn::tensor::activation::softmax;

use crate::{check_shape, in_f32};

/// [`grouped_query_attention`] without the map, `[batch, heads, queries, head_dim]`.
///
/// On flex, outside autodiff and in `f32` or `f64`, scores live in blocks of 64 queries, and keys that a whole block is kept from
/// seeing cost nothing; elsewhere this is the composition.
///
/// # Panics
///
/// As [`grouped_query_attention`].
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::layers::attention;
///
/// let device = Device::flex();
/// let (queries, keys) = (Tensor::zeros([1, 1, 1, 2], &device), Tensor::zeros([1, 1, 2, 2], &device));
/// let values = Tensor::<4>::from_floats([[[[0.0, 3.0], [4.0, 5.0]]]], &device);
/// assert_eq!(attention(queries, keys, values, None).into_data().to_vec::<f32>().unwrap(), [2.0, 4.0]);
/// ```
pub fn attention(
    queries: Tensor<4>,
    keys: Tensor<4>,
    values: Tensor<4>,
    mask: Option<&Tensor<4>>,
) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if let Some(blocked) = super::flex::attention(&queries, &keys, &values, mask) {
        return blocked;
    }
    grouped_query_attention(queries, keys, values, mask).mixed
}

/// [`attention`], to the bit, and its map beside it.
///
/// # Panics
///
/// As [`grouped_query_attention`].
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::layers::observed_attention;
///
/// let device = Device::flex();
/// let (queries, keys) = (Tensor::zeros([1, 1, 1, 2], &device), Tensor::zeros([1, 1, 2, 2], &device));
/// let output = observed_attention(queries, keys.clone(), keys, None);
/// assert_eq!(output.map.into_data().to_vec::<f32>().unwrap(), [0.5, 0.5]);
/// ```
pub fn observed_attention(
    queries: Tensor<4>,
    keys: Tensor<4>,
    values: Tensor<4>,
    mask: Option<&Tensor<4>>,
) -> AttentionOutput {
    #[cfg(feature = "flex")]
    if let Some(mixed) = super::flex::attention(&queries, &keys, &values, mask) {
        let AttentionOutput { map, .. } = grouped_query_attention(queries, keys, values, mask);
        return AttentionOutput { mixed, map };
    }
    grouped_query_attention(queries, keys, values, mask)
}

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
/// use candor_core::layers::grouped_query_attention;
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
