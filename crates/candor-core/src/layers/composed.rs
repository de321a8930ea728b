//! The operators made of a backend's own.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Scalar, TensorMetadata};

pub(super) fn swiglu<B: Backend>(gate: FloatTensor<B>, up: FloatTensor<B>) -> FloatTensor<B> {
    let silu = B::float_mul(gate.clone(), B::sigmoid(gate));
    B::float_mul(silu, up)
}

pub(super) fn swiglu_gradients<B: Backend>(
    gate: FloatTensor<B>,
    up: FloatTensor<B>,
    upstream: FloatTensor<B>,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let sigmoid = B::sigmoid(gate.clone());
    let silu = B::float_mul(gate, sigmoid.clone());
    // silu' = σ + silu (1 - σ)
    let rest = B::float_add_scalar(B::float_neg(sigmoid.clone()), Scalar::from(1.0));
    let slope = B::float_add(sigmoid, B::float_mul(silu.clone(), rest));
    let to_gate = B::float_mul(B::float_mul(slope, up), upstream.clone());
    (to_gate, B::float_mul(silu, upstream))
}

pub(super) fn rms_norm<B: Backend>(
    hidden: FloatTensor<B>,
    scale: FloatTensor<B>,
    epsilon: f64,
) -> FloatTensor<B> {
    let inverse = inverse_root::<B>(&hidden, epsilon);
    let scale = as_row::<B>(scale, &hidden);
    B::float_mul(B::float_mul(hidden, inverse), scale)
}

pub(super) fn rms_norm_gradients<B: Backend>(
    hidden: FloatTensor<B>,
    scale: FloatTensor<B>,
    upstream: FloatTensor<B>,
    epsilon: f64,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let inverse = inverse_root::<B>(&hidden, epsilon);
    let (scale_shape, scale) = (scale.shape(), as_row::<B>(scale, &hidden));
    let normed = B::float_mul(hidden, inverse.clone());
    let to_scale = B::float_sum_dim(B::float_mul(upstream.clone(), normed.clone()), 0);
    let scaled = B::float_mul(upstream, scale);
    let along = B::float_mean_dim(B::float_mul(scaled.clone(), normed.clone()), 1);
    let across = B::float_sub(scaled, B::float_mul(normed, along));
    let to_hidden = B::float_mul(across, inverse);
    (to_hidden, B::float_reshape(to_scale, scale_shape))
}

/// `1 / sqrt(mean(hidden²) + ε)` of each row, `[rows, 1]`.
fn inverse_root<B: Backend>(hidden: &FloatTensor<B>, epsilon: f64) -> FloatTensor<B> {
    let squares = B::float_mul(hidden.clone(), hidden.clone());
    let mean = B::float_add_scalar(B::float_mean_dim(squares, 1), Scalar::from(epsilon));
    B::float_recip(B::float_sqrt(mean))
}

fn as_row<B: Backend>(scale: FloatTensor<B>, like: &FloatTensor<B>) -> FloatTensor<B> {
    B::float_reshape(scale, [1, like.shape()[1]].into())
}
