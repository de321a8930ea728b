use burn::tensor::{FloatDType, Int, Tensor};
use candor_core::numerics::masked_softmax;
use candor_core::{check_shape, in_f32};

/// What attention takes the softmax of: the scaled products of all queries with all keys.
///
/// ```text
/// s = q kᵀ / √d,   [batch, heads, queries, d] and [batch, heads, keys, d] to [batch, heads, queries, keys]
/// ```
///
/// Half precision is multiplied in `f32` and stays in it: above 65504 these logits would be infinite in `f16`, and they
/// are what one wants to watch. Nothing is masked.
///
/// # Panics
///
/// When batch, heads or d of the keys differ from those of the queries.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_losses::stability::attention_logits;
///
/// let device = Device::flex();
/// let queries = Tensor::<4>::ones([1, 1, 1, 4], &device);
/// let logits = attention_logits(queries.clone(), queries * 3.0); // 12 / √4
/// assert_eq!(logits.into_scalar::<f32>(), 6.0);
/// ```
pub fn attention_logits(queries: Tensor<4>, keys: Tensor<4>) -> Tensor<4> {
    let [batch, heads, _, width] = queries.dims();
    check_shape!("attention_logits", keys, [batch, heads, _, width]);
    let queries = widened(queries);
    let keys = keys.cast(queries.dtype());
    // Before the product, which is larger than they are.
    let scaled = queries * (width as f64).sqrt().recip();
    scaled.matmul(keys.swap_dims(2, 3))
}

fn widened(tensor: Tensor<4>) -> Tensor<4> {
    match tensor.dtype().size() {
        1..4 => tensor.cast(FloatDType::F32),
        _ => tensor,
    }
}

/// Softmax of attention logits `[batch, heads, queries, keys]` over the keys.
///
/// `causal` lets query i see the keys j <= i; the others have weight 0.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_losses::stability::attention_weights;
///
/// let weights = attention_weights(Tensor::zeros([1, 1, 2, 2], &Device::flex()), true);
/// assert_eq!(weights.into_data().to_vec::<f32>().unwrap(), [1.0, 0.0, 0.5, 0.5]);
/// ```
pub fn attention_weights(logits: Tensor<4>, causal: bool) -> Tensor<4> {
    if !causal {
        return in_f32(logits, |logits| {
            burn::tensor::activation::softmax(logits, 3)
        });
    }
    let [batch, heads, queries, keys] = logits.dims();
    let device = logits.device().without_autodiff();
    let places = |count: usize| Tensor::<1, Int>::arange(0..count as i64, &device);
    let query = places(queries)
        .reshape([queries, 1])
        .expand([queries, keys]);
    let key = places(keys).reshape([1, keys]).expand([queries, keys]);
    let seen = key
        .lower_equal(query)
        .unsqueeze::<4>()
        .expand([batch, heads, queries, keys]);
    in_f32(logits, |logits| masked_softmax(logits, seen, 3))
}
