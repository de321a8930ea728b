#![allow(clippy::inline_always)] // only what is inlined into a dispatch is compiled with its instructions

use burn::backend::flex::FlexTensor;
use burn::backend::ops::IntTensorOps;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{DType, IntDType};
use rayon::prelude::*;

use super::composed;
use super::operators::{CategoricalOperators, LabelMeasure};
use crate::flex::{FlexFloat, has_kernels, maximum, sum_over, unwritten, vectorised, with_element};

/// Entries below which a piece of the rows is not worth another thread.
const PIECE: usize = 16_384;

impl CategoricalOperators for Flex {
    fn categorical_label(
        logits: FlexTensor,
        labels: FlexTensor,
        measure: LabelMeasure,
    ) -> FlexTensor {
        if !has_kernels(&logits, &logits) {
            return composed::label::<Self>(logits, labels, measure);
        }
        let ([rows, classes], least_rows) = rows_of(&logits);
        let (logits, labels) = (logits.to_contiguous(), indices(labels));
        let mut values = unwritten([rows], logits.dtype());
        with_element!(logits.dtype(), E => {
            let value = match measure {
                LabelMeasure::LogProb => log_prob::<E>,
                LabelMeasure::LogOdds => log_odds::<E>,
            };
            let values = values.storage_mut::<E>().par_iter_mut().with_min_len(least_rows);
            let logits = logits.storage::<E>().par_chunks(classes);
            let rows = logits.zip(labels.storage::<i64>());
            values.zip(rows).for_each(|(entry, (logits, &label))| {
                *entry = value(logits, label as usize);
            });
        });
        values
    }

    fn categorical_label_gradient(
        logits: FlexTensor,
        labels: FlexTensor,
        upstream: FlexTensor,
        measure: LabelMeasure,
    ) -> FlexTensor {
        if !has_kernels(&logits, &upstream) {
            return composed::label_gradient::<Self>(logits, labels, upstream, measure);
        }
        let ([_, classes], least_rows) = rows_of(&logits);
        let [logits, upstream] = [logits, upstream].map(|tensor| tensor.to_contiguous());
        let labels = indices(labels);
        let mut gradients = unwritten(logits.shape(), logits.dtype());
        with_element!(logits.dtype(), E => {
            let write = match measure {
                LabelMeasure::LogProb => log_prob_gradient::<E>,
                LabelMeasure::LogOdds => log_odds_gradient::<E>,
            };
            let gradients = gradients.storage_mut::<E>().par_chunks_mut(classes);
            let logits = logits.storage::<E>().par_chunks(classes);
            let rows = labels.storage::<i64>().par_iter().zip(upstream.storage::<E>());
            let rows = gradients.zip(logits).zip(rows).with_min_len(least_rows);
            rows.for_each(|((gradient, logits), (&label, &upstream))| {
                write(gradient, logits, label as usize, upstream);
            });
        });
        gradients
    }

    fn categorical_kl(target: FlexTensor, logits: FlexTensor, sharpness: f64) -> FlexTensor {
        if !has_kernels(&target, &logits) {
            return composed::kl::<Self>(target, logits, sharpness);
        }
        let ([rows, classes], least_rows) = rows_of(&logits);
        let [target, logits] = [target, logits].map(|tensor| tensor.to_contiguous());
        let mut values = unwritten([rows], logits.dtype());
        with_element!(logits.dtype(), E => {
            let sharpness = E::from_f64(sharpness);
            let values = values.storage_mut::<E>().par_iter_mut().with_min_len(least_rows);
            let target = target.storage::<E>().par_chunks(classes);
            let logits = logits.storage::<E>().par_chunks(classes);
            values.zip(target).zip(logits).for_each(|((value, target), logits)| {
                *value = kl(target, logits, sharpness);
            });
        });
        values
    }

    fn categorical_kl_gradient(
        target: FlexTensor,
        logits: FlexTensor,
        upstream: FlexTensor,
        sharpness: f64,
    ) -> FlexTensor {
        if !has_kernels(&target, &logits) || !has_kernels(&logits, &upstream) {
            return composed::kl_gradient::<Self>(target, logits, upstream, sharpness);
        }
        let ([_, classes], least_rows) = rows_of(&logits);
        let [target, logits, upstream] =
            [target, logits, upstream].map(|tensor| tensor.to_contiguous());
        let mut gradients = unwritten(logits.shape(), logits.dtype());
        with_element!(logits.dtype(), E => {
            let sharpness = E::from_f64(sharpness);
            let gradients = gradients.storage_mut::<E>().par_chunks_mut(classes);
            let target = target.storage::<E>().par_chunks(classes);
            let logits = logits.storage::<E>().par_chunks(classes);
            let rows = gradients.zip(target).zip(logits).zip(upstream.storage::<E>());
            rows.with_min_len(least_rows).for_each(|(((gradient, target), logits), &upstream)| {
                kl_gradient(gradient, target, logits, upstream, sharpness);
            });
        });
        gradients
    }
}

/// Rows and classes, and how many rows a thread takes at least.
fn rows_of(logits: &FlexTensor) -> ([usize; 2], usize) {
    let [rows, classes] = logits.shape().dims();
    ([rows, classes], PIECE.div_ceil(classes))
}

fn indices(labels: FlexTensor) -> FlexTensor {
    Flex::int_cast(labels, IntDType::I64).to_contiguous()
}

vectorised! {
    fn log_prob<'a, E>(logits: &'a [E], label: usize) -> E {
        let [max, sum] = peak_and_sum(logits, E::ONE);
        (logits[label] - max) - sum.ln()
    }

    /// `upstream · (onehot - softmax)`.
    fn log_prob_gradient<'a, E>(
        gradient: &'a mut [E],
        logits: &'a [E],
        label: usize,
        upstream: E,
    ) -> () {
        let share = -upstream / exponentials(gradient, logits, E::ONE);
        for entry in gradient.iter_mut() {
            *entry = *entry * share;
        }
        gradient[label] += upstream;
    }

    /// `z_label - log Σ exp(z)` over the other classes.
    fn log_odds<'a, E>(logits: &'a [E], label: usize) -> E {
        let (before, after) = (&logits[..label], &logits[label + 1..]);
        let max = maximum(before).max(maximum(after));
        let sum = |logits: &[E]| {
            let [sum] = sum_over([logits], |[logit]| [(logit - max).exp()]);
            sum
        };
        (logits[label] - max) - (sum(before) + sum(after)).ln()
    }

    /// `upstream` at the label, `-upstream · softmax` of the others beside it.
    fn log_odds_gradient<'a, E>(
        gradient: &'a mut [E],
        logits: &'a [E],
        label: usize,
        upstream: E,
    ) -> () {
        let max = maximum(&logits[..label]).max(maximum(&logits[label + 1..]));
        for (entry, &logit) in gradient.iter_mut().zip(logits) {
            *entry = (logit - max).exp();
        }
        gradient[label] = E::ZERO;
        let [sum] = sum_over([&*gradient], |[exponential]| [exponential]);
        let share = -upstream / sum;
        for entry in gradient.iter_mut() {
            *entry = *entry * share;
        }
        gradient[label] = upstream;
    }

    /// With `a`, `b` the logits less their maxima: `Σ exp(a) (a - b) / Σ exp(a) - log Σ exp(a) + log Σ exp(b)`.
    fn kl<'a, E>(target: &'a [E], logits: &'a [E], sharpness: E) -> E {
        let (target_max, max) = (maximum(target), maximum(logits));
        let [target_sum, sum, weighted] = sum_over([target, logits], |[target, logit]| {
            let lag = sharpness * (logit - max);
            let target_lag = sharpness * (target - target_max);
            let exponential = target_lag.exp();
            [exponential, lag.exp(), exponential * (target_lag - lag)]
        });
        weighted / target_sum - target_sum.ln() + sum.ln()
    }

    /// `upstream · sharpness · (q - p)`.
    fn kl_gradient<'a, E>(
        gradient: &'a mut [E],
        target: &'a [E],
        logits: &'a [E],
        upstream: E,
        sharpness: E,
    ) -> () {
        let factor = upstream * sharpness;
        let share = factor / exponentials(gradient, logits, sharpness);
        let [target_max, target_sum] = peak_and_sum(target, sharpness);
        let target_share = factor / target_sum;
        for (entry, &target) in gradient.iter_mut().zip(target) {
            let exponential = (sharpness * (target - target_max)).exp();
            *entry = *entry * share - exponential * target_share;
        }
    }
}

/// `[max, Σ exp(sharpness (z - max))]`.
#[inline(always)]
fn peak_and_sum<E: FlexFloat>(logits: &[E], sharpness: E) -> [E; 2] {
    let max = maximum(logits);
    let [sum] = sum_over([logits], |[logit]| [(sharpness * (logit - max)).exp()]);
    [max, sum]
}

/// Writes `exp(sharpness (z - max))`, and gives their sum.
#[inline(always)]
fn exponentials<E: FlexFloat>(output: &mut [E], logits: &[E], sharpness: E) -> E {
    let max = maximum(logits);
    for (output, &logit) in output.iter_mut().zip(logits) {
        *output = (sharpness * (logit - max)).exp();
    }
    let [sum] = sum_over([&*output], |[exponential]| [exponential]);
    sum
}
