use std::ops::Range;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::IntDType;

use super::DivergencePlan;
use super::cross_entropy::weights_of;
use super::head::{GradientSums, Head, RowTiles, ValueAndGradients};
use super::kernels::{Divergence, Kernels, column};
use super::statistics::Column;
use super::tiling::Tiling;

/// The weighted sum of the rows' divergences, `[1]`.
pub(super) fn value<B: Backend, K: Kernels<B>>(
    student: &Head<B>,
    teacher: &Head<B>,
    row_weights: &FloatTensor<B>,
    plan: &DivergencePlan,
    tiling: &Tiling,
) -> FloatTensor<B> {
    let values = tiling.row_chunks().map(|range| {
        let mut tiles = PairedTiles::<B, K>::new(student, teacher, &range, tiling);
        let log_sum_exps = tiles.log_sum_exps();
        let terms = tiles.terms(&log_sum_exps, plan.divergence);
        let weights = weights_of::<B>(&terms, row_weights, &range);
        B::float_mul(column::<B>(&terms, 0), weights)
    });
    B::float_sum(B::float_cat(values.collect(), 0))
}

/// The same, with the student's gradients.
///
/// Both tiles of a row chunk are computed once when all classes fit; otherwise each of the three phases (log-sum-exp,
/// value, gradient) computes its chunks of classes anew.
pub(super) fn value_and_gradients<B: Backend, K: Kernels<B>>(
    student: &Head<B>,
    teacher: &Head<B>,
    row_weights: &FloatTensor<B>,
    plan: &DivergencePlan,
    tiling: &Tiling,
) -> ValueAndGradients<B> {
    let mut sums = GradientSums::zeros::<K>(student, plan.wanted);
    let mut values = Vec::new();
    for range in tiling.row_chunks() {
        let mut tiles = PairedTiles::<B, K>::new(student, teacher, &range, tiling);
        let log_sum_exps = tiles.log_sum_exps();
        let terms = tiles.terms(&log_sum_exps, plan.divergence);
        let weights = weights_of::<B>(&terms, row_weights, &range);
        values.push(B::float_mul(column::<B>(&terms, 0), weights.clone()));
        let rows = B::float_cat(vec![weights, column::<B>(&terms, 1)], 1);
        for classes in tiling.class_chunks() {
            let (logits, teacher) = (tiles.student.take(&classes), tiles.teacher.take(&classes));
            let gradient = K::divergence_gradient(
                logits,
                teacher,
                &log_sum_exps,
                &rows,
                plan.divergence,
                student.map,
            );
            sums.add::<K>(&tiles.student, &classes, gradient);
        }
        sums.close_rows();
    }
    let value = B::float_sum(B::float_cat(values, 0));
    let (hidden, weight, bias) = sums.finish(student);
    (value, hidden, weight, bias)
}

/// The student's and the teacher's logits of the same rows.
struct PairedTiles<'a, B: Backend, K: Kernels<B>> {
    student: RowTiles<'a, B, K>,
    teacher: RowTiles<'a, B, K>,
}

impl<'a, B: Backend, K: Kernels<B>> PairedTiles<'a, B, K> {
    fn new(
        student: &'a Head<B>,
        teacher: &'a Head<B>,
        range: &Range<usize>,
        tiling: &'a Tiling,
    ) -> Self {
        Self {
            student: RowTiles::new(student, range.clone(), tiling),
            teacher: RowTiles::new(teacher, range.clone(), tiling),
        }
    }

    /// `[student, teacher]`, `[rows, 2]`.
    fn log_sum_exps(&mut self) -> FloatTensor<B> {
        let both = [&mut self.student, &mut self.teacher].map(|tiles| {
            // A divergence has no targets; the statistics that it shares with the other operators want one a row.
            let hidden = tiles.hidden();
            let targets = B::int_zeros([hidden.shape()[0]].into(), &hidden.device(), IntDType::I32);
            column::<B>(&tiles.statistics(&targets), Column::LogSumExp as usize)
        });
        B::float_cat(both.to_vec(), 1)
    }

    fn terms(&mut self, log_sum_exps: &FloatTensor<B>, divergence: Divergence) -> FloatTensor<B> {
        let chunks: Vec<Range<usize>> = self.student.class_chunks().collect();
        let mut sum = None;
        for classes in chunks {
            let teacher = &mut self.teacher;
            let terms = self.student.look(&classes, |student| {
                teacher.look(&classes, |teacher| {
                    K::divergence_terms(student, teacher, log_sum_exps, divergence)
                })
            });
            sum = Some(match sum {
                Some(sum) => B::float_add(sum, terms),
                None => terms,
            });
        }
        // There is at least one class: the shapes were checked.
        sum.unwrap_or_else(|| log_sum_exps.clone())
    }
}
