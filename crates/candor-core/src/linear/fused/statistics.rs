use std::ops::Range;

use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, Scalar, Slice, TensorMetadata};

use super::Wanted;
use super::head::{GradientSums, Gradients, Head, RowTiles};
use super::kernels::{Kernels, column, rows};
use super::tiling::Tiling;

/// Columns of the statistics of a row, in this order.
#[derive(Clone, Copy)]
pub(crate) enum Column {
    LogProb,
    LogSumExp,
    Entropy,
    MeanLogit,
    Top1,
}

#[cfg(feature = "fusion")]
impl Column {
    pub(crate) const COUNT: usize = 5;
}

/// Statistics of each row, `[rows, 5]` in the order of [`Column`], without gradients.
pub(super) fn statistics<B: Backend, K: Kernels<B>>(
    head: &Head<B>,
    targets: &IntTensor<B>,
    tiling: &Tiling,
) -> FloatTensor<B> {
    let chunks = tiling.row_chunks().map(|range| {
        let targets = some_targets::<B>(targets, &range);
        RowTiles::<B, K>::new(head, range, tiling).statistics(&targets)
    });
    B::float_cat(chunks.collect(), 0)
}

/// The gradients that `upstream` `[rows, 5]`, the gradient with respect to known statistics, gives.
pub(super) fn statistics_gradients<B: Backend, K: Kernels<B>>(
    head: &Head<B>,
    targets: &IntTensor<B>,
    statistics: &FloatTensor<B>,
    upstream: &FloatTensor<B>,
    wanted: Wanted,
    tiling: &Tiling,
) -> Gradients<B> {
    let mut sums = GradientSums::zeros::<K>(head, wanted);
    for range in tiling.row_chunks() {
        let mut tiles = RowTiles::<B, K>::new(head, range.clone(), tiling);
        let statistics = rows::<B>(statistics, range.clone());
        let upstream = rows::<B>(upstream, range.clone());
        let targets = some_targets::<B>(targets, &range);
        tiles.descend(&targets, &statistics, &upstream, &mut sums);
    }
    sums.finish(head)
}

/// Statistics and gradients in one sweep, where the gradient with respect to a chunk's statistics follows from
/// them: `upstream(rows, statistics)`.
pub(super) fn statistics_with_gradients<B: Backend, K: Kernels<B>>(
    head: &Head<B>,
    targets: &IntTensor<B>,
    wanted: Wanted,
    tiling: &Tiling,
    upstream: impl Fn(&Range<usize>, &FloatTensor<B>) -> FloatTensor<B>,
) -> (FloatTensor<B>, Gradients<B>) {
    let mut sums = GradientSums::zeros::<K>(head, wanted);
    let mut all = Vec::new();
    for range in tiling.row_chunks() {
        let mut tiles = RowTiles::<B, K>::new(head, range.clone(), tiling);
        let targets = some_targets::<B>(targets, &range);
        let statistics = tiles.statistics(&targets);
        let upstream = upstream(&range, &statistics);
        tiles.descend(&targets, &statistics, &upstream, &mut sums);
        all.push(statistics);
    }
    (B::float_cat(all, 0), sums.finish(head))
}

impl<B: Backend, K: Kernels<B>> RowTiles<'_, B, K> {
    pub(super) fn statistics(&mut self, targets: &IntTensor<B>) -> FloatTensor<B> {
        let mut sum = None;
        for classes in self.class_chunks() {
            let part = self.look(&classes, |logits| {
                K::statistics(logits, targets, classes.start)
            });
            sum = Some(match sum {
                Some(sum) => merge::<B>(sum, part),
                None => part,
            });
        }
        let classes = self.class_count();
        match sum {
            Some(sum) => read::<B>(&sum, classes),
            None => self.hidden().clone(),
        }
    }

    fn descend(
        &mut self,
        targets: &IntTensor<B>,
        statistics: &FloatTensor<B>,
        upstream: &FloatTensor<B>,
        sums: &mut GradientSums<B>,
    ) {
        let map = self.map();
        let coefficients = coefficients::<B>(statistics, upstream, self.class_count());
        for classes in self.class_chunks() {
            let gradient = K::blend(
                self.take(&classes),
                column::<B>(statistics, Column::LogSumExp as usize),
                coefficients.clone(),
                targets,
                classes.start,
                map,
            );
            sums.add::<K>(self, &classes, gradient);
        }
        sums.close_rows();
    }
}

/// Sums of two chunks of classes, relative to the larger maximum.
fn merge<B: Backend>(left: FloatTensor<B>, right: FloatTensor<B>) -> FloatTensor<B> {
    let maxima = [&left, &right].map(|sums| column::<B>(sums, 0));
    let max = B::float_max_dim(B::float_cat(maxima.to_vec(), 1), 1);
    let parts = [(left, &maxima[0]), (right, &maxima[1])].map(|(sums, own)| {
        let lag = B::float_sub(own.clone(), max.clone());
        let factor = B::float_exp(lag.clone());
        let [sum, weighted, total, target] = [1, 2, 3, 4].map(|index| column::<B>(&sums, index));
        // Σ exp(z - m') (z - m') = exp(m - m') (Σ exp(z - m) (z - m) + (m - m') Σ exp(z - m))
        let weighted = B::float_add(weighted, B::float_mul(lag, sum.clone()));
        let scaled = [sum, weighted].map(|value| B::float_mul(value, factor.clone()));
        B::float_cat(scaled.into_iter().chain([total, target]).collect(), 1)
    });
    let [left, right] = parts;
    B::float_cat(vec![max, B::float_add(left, right)], 1)
}

/// What the sums over all classes mean, in the order of [`Column`].
fn read<B: Backend>(sums: &FloatTensor<B>, classes: usize) -> FloatTensor<B> {
    let [max, sum, weighted, total, target] = [0, 1, 2, 3, 4].map(|i| column::<B>(sums, i));
    let log_sum = B::float_log(sum.clone());
    let lag = B::float_sub(target, max.clone());
    let columns = vec![
        B::float_sub(lag.clone(), log_sum.clone()),
        B::float_add(max, log_sum.clone()),
        B::float_sub(log_sum, B::float_div(weighted, sum)),
        B::float_mul_scalar(total, Scalar::from(1.0 / classes as f64)),
        // 1 where the target's logit is the largest, 0 where it lies below.
        B::float_add_scalar(B::float_sign(lag), Scalar::from(1.0)),
    ];
    B::float_cat(columns, 1)
}

/// What `Kernels::blend` multiplies: `∂/∂z = p (a + b log p) + c + d [class = target]`.
///
/// ```text
/// ∂ log_prob = [target] - p     ∂ log_sum_exp = p     ∂ mean_logit = 1/V     ∂ entropy = -p (log p + entropy)
/// ```
fn coefficients<B: Backend>(
    statistics: &FloatTensor<B>,
    upstream: &FloatTensor<B>,
    classes: usize,
) -> FloatTensor<B> {
    let upstream = |of: Column| column::<B>(upstream, of as usize);
    let entropy = column::<B>(statistics, Column::Entropy as usize);
    let b = B::float_neg(upstream(Column::Entropy));
    let a = B::float_sub(upstream(Column::LogSumExp), upstream(Column::LogProb));
    let a = B::float_add(a, B::float_mul(b.clone(), entropy));
    let share = Scalar::from(1.0 / classes as f64);
    let c = B::float_mul_scalar(upstream(Column::MeanLogit), share);
    B::float_cat(vec![a, b, c, upstream(Column::LogProb)], 1)
}

fn some_targets<B: Backend>(targets: &IntTensor<B>, range: &Range<usize>) -> IntTensor<B> {
    if *range == (0..targets.shape()[0]) {
        return targets.clone();
    }
    B::int_slice(targets.clone(), &[Slice::from(range.clone())])
}
