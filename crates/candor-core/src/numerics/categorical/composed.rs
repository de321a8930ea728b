//! The operators made of a backend's own.

use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, Scalar, TensorMetadata};
use burn::tensor::IndexingUpdateOp;

use super::LEFT_OUT;

pub(super) fn log_probs<B: Backend>(
    logits: FloatTensor<B>,
    labels: IntTensor<B>,
) -> FloatTensor<B> {
    let labels = as_column::<B>(labels);
    let Softmax { lags, log_sum, .. } = Softmax::<B>::new(logits);
    let value = B::float_sub(B::float_gather(1, lags, labels), log_sum);
    as_vector::<B>(value)
}

pub(super) fn log_probs_gradient<B: Backend>(
    logits: FloatTensor<B>,
    labels: IntTensor<B>,
    upstream: FloatTensor<B>,
) -> FloatTensor<B> {
    let upstream = float_column::<B>(upstream);
    let away = B::float_mul(
        Softmax::<B>::new(logits).probs,
        B::float_neg(upstream.clone()),
    );
    B::float_scatter(
        1,
        away,
        as_column::<B>(labels),
        upstream,
        IndexingUpdateOp::Add,
    )
}

pub(super) fn log_odds<B: Backend>(logits: FloatTensor<B>, labels: IntTensor<B>) -> FloatTensor<B> {
    let labels = as_column::<B>(labels);
    let own = B::float_gather(1, logits.clone(), labels.clone());
    let others = without_label::<B>(logits, labels);
    let max = B::float_max_dim(others.clone(), 1);
    let log_sum = Softmax::<B>::new(others).log_sum;
    as_vector::<B>(B::float_sub(B::float_sub(own, max), log_sum))
}

pub(super) fn log_odds_gradient<B: Backend>(
    logits: FloatTensor<B>,
    labels: IntTensor<B>,
    upstream: FloatTensor<B>,
) -> FloatTensor<B> {
    let (labels, upstream) = (as_column::<B>(labels), float_column::<B>(upstream));
    let others = Softmax::<B>::new(without_label::<B>(logits, labels.clone())).probs;
    let away = B::float_mul(others, B::float_neg(upstream.clone()));
    B::float_scatter(1, away, labels, upstream, IndexingUpdateOp::Add)
}

/// Logits whose label's exponential is 0 beside any other's.
fn without_label<B: Backend>(logits: FloatTensor<B>, labels: IntTensor<B>) -> FloatTensor<B> {
    let own = B::float_gather(1, logits.clone(), labels.clone());
    let left_out = B::float_add_scalar(B::float_neg(own), Scalar::from(LEFT_OUT));
    B::float_scatter(1, logits, labels, left_out, IndexingUpdateOp::Add)
}

pub(super) fn kl<B: Backend>(
    target: FloatTensor<B>,
    logits: FloatTensor<B>,
    sharpness: f64,
) -> FloatTensor<B> {
    let [p, q] = pair::<B>(target, logits, sharpness);
    let weighted = B::float_mul(p.probs, B::float_sub(p.lags, q.lags));
    let log_sums = B::float_sub(q.log_sum, p.log_sum);
    as_vector::<B>(B::float_add(B::float_sum_dim(weighted, 1), log_sums))
}

pub(super) fn kl_gradient<B: Backend>(
    target: FloatTensor<B>,
    logits: FloatTensor<B>,
    upstream: FloatTensor<B>,
    sharpness: f64,
) -> FloatTensor<B> {
    let [p, q] = pair::<B>(target, logits, sharpness);
    let upstream = B::float_mul_scalar(float_column::<B>(upstream), Scalar::from(sharpness));
    B::float_mul(B::float_sub(q.probs, p.probs), upstream)
}

/// The softmax of each row, and what its logarithm is made of: `log p = lag - log_sum`.
struct Softmax<B: Backend> {
    /// Logits less their row's maximum.
    lags: FloatTensor<B>,
    probs: FloatTensor<B>,
    log_sum: FloatTensor<B>,
}

impl<B: Backend> Softmax<B> {
    fn new(logits: FloatTensor<B>) -> Self {
        let lags = B::float_sub(logits.clone(), B::float_max_dim(logits, 1));
        let exponentials = B::float_exp(lags.clone());
        let sum = B::float_sum_dim(exponentials.clone(), 1);
        Self {
            lags,
            probs: B::float_div(exponentials, sum.clone()),
            log_sum: B::float_log(sum),
        }
    }
}

fn pair<B: Backend>(
    target: FloatTensor<B>,
    logits: FloatTensor<B>,
    sharpness: f64,
) -> [Softmax<B>; 2] {
    [target, logits]
        .map(|logits| Softmax::new(B::float_mul_scalar(logits, Scalar::from(sharpness))))
}

fn as_vector<B: Backend>(column: FloatTensor<B>) -> FloatTensor<B> {
    let [rows, _] = column.shape().dims();
    B::float_reshape(column, [rows].into())
}

fn float_column<B: Backend>(vector: FloatTensor<B>) -> FloatTensor<B> {
    let [rows] = vector.shape().dims();
    B::float_reshape(vector, [rows, 1].into())
}

fn as_column<B: Backend>(vector: IntTensor<B>) -> IntTensor<B> {
    let [rows] = vector.shape().dims();
    B::int_reshape(vector, [rows, 1].into())
}
