use std::ops::Range;

use burn::backend::flex::{FlexDevice, FlexTensor};
use burn::backend::ops::{FloatTensorOps, IntTensorOps};
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{DType, FloatDType, IntDType, Shape};
use rayon::prelude::*;

use super::kernels::{Divergence, Kernels, Plain, map_logits};
use super::row;
use crate::flex::{Matrix, forwards, multiply, product, unwritten, with_element};
use crate::linear::LogitMap;
use crate::numerics::LEFT_OUT;

/// One tile at a time, overwritten in place: products accumulate into their destination, rows run in parallel.
pub(super) struct FlexKernels;

impl Kernels<Flex> for FlexKernels {
    const LIVE_TILES: usize = 1;

    fn operand(tensor: FlexTensor) -> FlexTensor {
        forwards(<Plain as Kernels<Flex>>::operand(tensor))
    }

    fn zeros(shape: Shape, _: &FlexDevice, dtype: FloatDType) -> FlexTensor {
        unwritten(shape, dtype.into())
    }

    fn logits(
        hidden: FlexTensor,
        weight: FlexTensor,
        bias: Option<FlexTensor>,
        map: LogitMap,
    ) -> FlexTensor {
        let mut logits = with_element!(hidden.dtype(), E => {
            let hidden = Matrix::new(hidden.storage::<E>(), hidden.layout());
            let weight = Matrix::new(weight.storage::<E>(), weight.layout());
            product(hidden, weight.transposed())
        });
        if bias.is_some() || map.soft_cap.is_some() {
            return map_logits::<Flex>(logits, bias, map);
        }
        if map.is_tempered() {
            with_element!(logits.dtype(), E => {
                let scale = map.scale() as E;
                logits.storage_mut::<E>().par_iter_mut().for_each(|logit| *logit *= scale);
            });
        }
        logits
    }

    fn without_own_class(
        mut logits: FlexTensor,
        first_row: usize,
        first_class: usize,
    ) -> FlexTensor {
        let [_, classes] = logits.shape().dims();
        with_element!(logits.dtype(), E => {
            let tile = logits.storage_mut::<E>().chunks_mut(classes);
            for (row, logits) in tile.enumerate() {
                let own = (first_row + row).checked_sub(first_class);
                if let Some(logit) = own.and_then(|own| logits.get_mut(own)) {
                    *logit = LEFT_OUT as E;
                }
            }
        });
        logits
    }

    fn statistics(logits: &FlexTensor, targets: &FlexTensor, first_class: usize) -> FlexTensor {
        let [rows, classes] = logits.shape().dims();
        let targets = tile_targets(targets, first_class, classes);
        let mut statistics = unwritten([rows, 5], logits.dtype());
        with_element!(logits.dtype(), E => {
            let output = statistics.storage_mut::<E>().par_chunks_mut(5);
            let tile = logits.storage::<E>().par_chunks(classes);
            output.zip(tile).zip(targets).for_each(|((output, logits), target)| {
                let sums = row::statistics(logits);
                output[..4].copy_from_slice(&sums);
                output[4] = target.map_or(0.0, |target| logits[target]);
            });
        });
        statistics
    }

    fn blend(
        mut logits: FlexTensor,
        log_sum_exp: FlexTensor,
        coefficients: FlexTensor,
        targets: &FlexTensor,
        first_class: usize,
        map: LogitMap,
    ) -> FlexTensor {
        let [_, classes] = logits.shape().dims();
        let targets = tile_targets(targets, first_class, classes);
        let (log_sum_exp, coefficients) =
            (log_sum_exp.to_contiguous(), coefficients.to_contiguous());
        with_element!(logits.dtype(), E => {
            let chain = row::Chain { scale: map.scale() as E, slope: map.slope() as E };
            let log_sum_exp = log_sum_exp.storage::<E>();
            let coefficients = coefficients.storage::<E>().par_chunks(4);
            let tile = logits.storage_mut::<E>().par_chunks_mut(classes);
            tile.zip(log_sum_exp).zip(coefficients).zip(targets).for_each(
                |(((logits, &log_sum_exp), coefficients), target)| {
                    let [a, b, c, d] = [0, 1, 2, 3].map(|index| coefficients[index]);
                    let at_target = target.map(|target| (target, d * chain.factor(logits[target])));
                    row::blend(logits, log_sum_exp, [a, b, c], chain);
                    if let Some((target, gradient)) = at_target {
                        logits[target] += gradient;
                    }
                },
            );
        });
        logits
    }

    fn divergence_terms(
        student: &FlexTensor,
        teacher: &FlexTensor,
        log_sum_exps: &FlexTensor,
        divergence: Divergence,
    ) -> FlexTensor {
        let [rows, classes] = student.shape().dims();
        let log_sum_exps = log_sum_exps.to_contiguous();
        let mut terms = unwritten([rows, 2], student.dtype());
        with_element!(student.dtype(), E => {
            let output = terms.storage_mut::<E>().par_chunks_mut(2);
            let student = student.storage::<E>().par_chunks(classes);
            let teacher = teacher.storage::<E>().par_chunks(classes);
            let log_sum_exps = log_sum_exps.storage::<E>().par_chunks(2);
            output.zip(student).zip(teacher).zip(log_sum_exps).for_each(
                |(((output, student), teacher), log_sum_exps)| {
                    let pair = row::Pair { student, teacher, log_sum_exps };
                    output.copy_from_slice(&row::divergence_terms(pair, divergence));
                },
            );
        });
        terms
    }

    fn divergence_gradient(
        mut student: FlexTensor,
        teacher: FlexTensor,
        log_sum_exps: &FlexTensor,
        rows: &FlexTensor,
        divergence: Divergence,
        map: LogitMap,
    ) -> FlexTensor {
        let [_, classes] = student.shape().dims();
        let (log_sum_exps, rows) = (log_sum_exps.to_contiguous(), rows.to_contiguous());
        with_element!(student.dtype(), E => {
            let chain = row::Chain { scale: map.scale() as E, slope: map.slope() as E };
            let tile = student.storage_mut::<E>().par_chunks_mut(classes);
            let teacher = teacher.storage::<E>().par_chunks(classes);
            let log_sum_exps = log_sum_exps.storage::<E>().par_chunks(2);
            let rows = rows.storage::<E>().par_chunks(2);
            tile.zip(teacher).zip(log_sum_exps).zip(rows).for_each(
                |(((student, teacher), log_sum_exps), rows)| {
                    let (weight, centre) = (rows[0], rows[1]);
                    let rewrite = row::Rewrite { student, teacher, log_sum_exps, weight, chain };
                    row::divergence_gradient(rewrite, centre, divergence);
                },
            );
        });
        student
    }

    fn accumulate(
        mut sum: FlexTensor,
        classes: Range<usize>,
        fresh: bool,
        gradient: FlexTensor,
        hidden: FlexTensor,
    ) -> FlexTensor {
        // gemm packs the whole left operand, which here is as large as the tile.
        const PIECE: usize = 4096;
        let width = sum.shape()[1];
        let entries = classes.start * width..classes.end * width;
        with_element!(sum.dtype(), E => {
            let gradient = Matrix::new(gradient.storage::<E>(), gradient.layout()).transposed();
            let hidden = Matrix::new(hidden.storage::<E>(), hidden.layout());
            let target = sum.storage_mut::<E>()[entries].chunks_mut(PIECE * width);
            for (piece, target) in target.enumerate() {
                let rows = piece * PIECE..classes.len().min((piece + 1) * PIECE);
                multiply(target, !fresh, gradient.rows(rows), hidden);
            }
        });
        sum
    }

    #[allow(clippy::float_cmp)] // exactly one, or a pass is needed
    fn scaled(mut tensor: FlexTensor, factor: FlexTensor) -> FlexTensor {
        if factor.dtype() != tensor.dtype() || !matches!(tensor.dtype(), DType::F32 | DType::F64) {
            let factor = Flex::float_cast(factor, tensor.dtype().into());
            return <Plain as Kernels<Flex>>::scaled(tensor, factor);
        }
        with_element!(tensor.dtype(), E => {
            let factor = factor.storage::<E>()[factor.layout().start_offset()];
            // The most frequent upstream gradient, and a pass over a gradient of the weight's size.
            if factor != 1.0 {
                tensor.storage_mut::<E>().par_iter_mut().for_each(|entry| *entry *= factor);
            }
        });
        tensor
    }
}

/// Where each row's target lies among the tile's classes.
fn tile_targets(
    targets: &FlexTensor,
    first_class: usize,
    classes: usize,
) -> impl IndexedParallelIterator<Item = Option<usize>> + use<> {
    let targets = Flex::int_cast(targets.clone(), IntDType::I64).to_contiguous();
    let inside: Vec<Option<usize>> = targets
        .storage::<i64>()
        .iter()
        .map(|&target| {
            let index = usize::try_from(target).ok()?.checked_sub(first_class)?;
            (index < classes).then_some(index)
        })
        .collect();
    inside.into_par_iter()
}
