//! The operators made of a backend's own.

use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, Scalar, TensorMetadata};
use burn::tensor::IndexingUpdateOp;

use super::LEFT_OUT;
use super::operators::LabelMeasure;

pub(super) fn label<B: Backend>(
    logits: FloatTensor<B>,
    labels: IntTensor<B>,
    measure: LabelMeasure,
) -> FloatTensor<B> {
    let labels = as_column::<B>(labels);
    let own = B::float_gather(1, logits.clone(), labels.clone());
    let against = against::<B>(logits, labels, measure);
    let max = B::float_max_dim(against.clone(), 1);
    let log_sum = Softmax::<B>::new(against).log_sum;
    as_vector::<B>(B::float_sub(B::float_sub(own, max), log_sum))
}

pub(super) fn label_gradient<B: Backend>(
    logits: FloatTensor<B>,
    labels: IntTensor<B>,
    upstream: FloatTensor<B>,
    measure: LabelMeasure,
) -> FloatTensor<B> {
    let (labels, upstream) = (as_column::<B>(labels), float_column::<B>(upstream));
    let probs = Softmax::<B>::new(against::<B>(logits, labels.clone(), measure)).probs;
    let away = B::float_mul(probs, B::float_neg(upstream.clone()));
    B::float_scatter(1, away, labels, upstream, IndexingUpdateOp::Add)
}

/// The logits that the label is measured against: all, or all but its own, whose exponential is then 0 beside any other's.
fn against<B: Backend>(
    logits: FloatTensor<B>,
    labels: IntTensor<B>,
    measure: LabelMeasure,
) -> FloatTensor<B> {
    match measure {
        LabelMeasure::LogProb => logits,
        LabelMeasure::LogOdds => {
            let own = B::float_gather(1, logits.clone(), labels.clone());
            let left_out = B::float_add_scalar(B::float_neg(own), Scalar::from(LEFT_OUT));
            B::float_scatter(1, logits, labels, left_out, IndexingUpdateOp::Add)
        }
    }
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
