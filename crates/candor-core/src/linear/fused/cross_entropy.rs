use std::ops::Range;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Scalar, TensorMetadata};

use super::kernels::{column, float_dtype, rows};
use super::statistics::Column;

/// What cross-entropy adds to the negative log-probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Smoothing {
    /// The uniform distribution's share of the target, ε.
    pub(crate) label_smoothing: f64,
    /// The weight ζ of the squared log-sum-exp.
    pub(crate) z_loss: f64,
}

/// `Σ w ( -(1 - ε) log p_y - ε mean log p + ζ lse² )`, `[1]`.
pub(super) fn loss<B: Backend>(
    statistics: &FloatTensor<B>,
    row_weights: &FloatTensor<B>,
    smoothing: Smoothing,
) -> FloatTensor<B> {
    let Smoothing {
        label_smoothing,
        z_loss,
    } = smoothing;
    let [log_prob, log_sum_exp, mean_logit] =
        [Column::LogProb, Column::LogSumExp, Column::MeanLogit]
            .map(|of| column::<B>(statistics, of as usize));
    let mut rows = B::float_mul_scalar(log_prob, Scalar::from(label_smoothing - 1.0));
    if label_smoothing > 0.0 {
        let mean_log_prob = B::float_sub(mean_logit, log_sum_exp.clone());
        let smoothed = B::float_mul_scalar(mean_log_prob, Scalar::from(-label_smoothing));
        rows = B::float_add(rows, smoothed);
    }
    if z_loss > 0.0 {
        let squares = B::float_mul(log_sum_exp.clone(), log_sum_exp);
        rows = B::float_add(rows, B::float_mul_scalar(squares, Scalar::from(z_loss)));
    }
    let all = 0..statistics.shape()[0];
    B::float_sum(B::float_mul(
        rows,
        weights_of::<B>(statistics, row_weights, &all),
    ))
}

/// The gradient of [`loss`] with respect to the statistics of some rows, `[rows, 5]`.
pub(super) fn upstream<B: Backend>(
    statistics: &FloatTensor<B>,
    row_weights: &FloatTensor<B>,
    range: &Range<usize>,
    smoothing: Smoothing,
) -> FloatTensor<B> {
    let Smoothing {
        label_smoothing,
        z_loss,
    } = smoothing;
    let weights = weights_of::<B>(statistics, row_weights, range);
    let times = |factor: f64| B::float_mul_scalar(weights.clone(), Scalar::from(factor));
    let log_sum_exp = column::<B>(statistics, Column::LogSumExp as usize);
    let pull = B::float_mul_scalar(log_sum_exp, Scalar::from(2.0 * z_loss));
    let pull = B::float_add_scalar(pull, Scalar::from(label_smoothing));
    // In the order of `Column`: neither the entropy nor the top-1 hit is part of the loss.
    let columns = vec![
        times(label_smoothing - 1.0),
        B::float_mul(pull, weights.clone()),
        times(0.0),
        times(-label_smoothing),
        times(0.0),
    ];
    B::float_cat(columns, 1)
}

/// The weights of some rows, `[rows, 1]`, in the statistics' precision.
pub(super) fn weights_of<B: Backend>(
    statistics: &FloatTensor<B>,
    row_weights: &FloatTensor<B>,
    range: &Range<usize>,
) -> FloatTensor<B> {
    let weights = rows::<B>(row_weights, range.clone());
    let weights = B::float_reshape(weights, [range.len(), 1].into());
    B::float_cast(weights, float_dtype(statistics))
}
