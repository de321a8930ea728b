use std::ops::Range;

use burn::backend::flex::{FlexDevice, FlexTensor, Layout};
use burn::backend::ops::{FloatTensorOps, IntTensorOps};
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{DType, FloatDType, IntDType, Shape};
use gemm::Parallelism;
use pulp::Arch;
use rayon::prelude::*;

use super::divergence::Divergence;
use super::kernels::{Kernels, Plain, map_logits};
use super::row::{self, RowFloat};
use crate::linear::LogitMap;

/// One tile at a time, overwritten in place: products accumulate into their destination, rows run in parallel.
pub(super) struct FlexKernels;

/// Runs a body with `E` bound to the tile's element type; sums are `f32` or `f64`, nothing else reaches a tile.
macro_rules! with_element {
    ($dtype:expr, $element:ident => $body:expr) => {
        if $dtype == DType::F64 {
            type $element = f64;
            $body
        } else {
            type $element = f32;
            $body
        }
    };
}

impl Kernels<Flex> for FlexKernels {
    const LIVE_TILES: usize = 1;

    fn zeros(shape: Shape, _: &FlexDevice, dtype: FloatDType) -> FlexTensor {
        unwritten(shape, dtype.into())
    }

    fn logits(
        hidden: FlexTensor,
        weight: FlexTensor,
        bias: Option<FlexTensor>,
        map: LogitMap,
    ) -> FlexTensor {
        let [rows, classes] = [hidden.shape()[0], weight.shape()[0]];
        let mut logits = unwritten([rows, classes], hidden.dtype());
        with_element!(hidden.dtype(), E => {
            let hidden = Matrix::new(hidden.storage::<E>(), hidden.layout());
            let weight = Matrix::new(weight.storage::<E>(), weight.layout());
            multiply(logits.storage_mut::<E>(), false, hidden, weight.transposed());
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

    fn statistics(logits: &FlexTensor, targets: &FlexTensor, first_class: usize) -> FlexTensor {
        let [rows, classes] = logits.shape().dims();
        let targets = tile_targets(targets, first_class, classes);
        let mut statistics = unwritten([rows, 5], logits.dtype());
        with_element!(logits.dtype(), E => {
            let output = statistics.storage_mut::<E>().par_chunks_mut(5);
            let tile = logits.storage::<E>().par_chunks(classes);
            output.zip(tile).zip(targets).for_each(|((output, logits), target)| {
                let sums = Arch::new().dispatch(|| row::statistics(logits));
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
                    Arch::new().dispatch(|| row::blend(logits, log_sum_exp, [a, b, c], chain));
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
                    output.copy_from_slice(&Arch::new().dispatch(|| pair.terms(divergence)));
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
                    Arch::new().dispatch(|| {
                        row::divergence_gradient(student, teacher, log_sum_exps, rows, divergence, chain);
                    });
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

/// A tensor to be written, zero before; `FlexTensor::empty` would allocate it twice, and copy one into the other.
fn unwritten(shape: impl Into<Shape>, dtype: DType) -> FlexTensor {
    with_element!(dtype, E => FlexTensor::filled_typed(shape.into(), dtype, E::ZERO))
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

/// A matrix in memory that a tensor owns, row by row or transposed.
#[derive(Clone, Copy)]
struct Matrix<'a, E> {
    entries: &'a [E],
    dims: [usize; 2],
    strides: [isize; 2],
}

impl<'a, E: RowFloat> Matrix<'a, E> {
    fn new(storage: &'a [E], layout: &Layout) -> Self {
        let strides = layout.strides();
        Self {
            entries: &storage[layout.start_offset()..],
            dims: layout.shape().dims(),
            strides: [strides[0], strides[1]],
        }
    }

    fn transposed(self) -> Self {
        let ([rows, columns], [down, right]) = (self.dims, self.strides);
        Self {
            dims: [columns, rows],
            strides: [right, down],
            ..self
        }
    }

    /// Some of the rows.
    fn rows(self, range: Range<usize>) -> Self {
        let [_, columns] = self.dims;
        Self {
            entries: &self.entries[range.start * self.strides[0] as usize..],
            dims: [range.len(), columns],
            ..self
        }
    }

    /// Whether every entry that the dimensions name lies in memory.
    fn is_sound(&self) -> bool {
        let last = self
            .dims
            .iter()
            .zip(self.strides)
            .try_fold(0, |sum, (&dim, stride)| {
                let stride = usize::try_from(stride).ok()?;
                Some(sum + dim.checked_sub(1)? * stride)
            });
        last.is_some_and(|last| last < self.entries.len())
    }
}

/// `target = left · right`, or `target += left · right`, for a target stored row by row.
#[allow(unsafe_code)]
fn multiply<E: RowFloat>(target: &mut [E], add: bool, left: Matrix<'_, E>, right: Matrix<'_, E>) {
    let ([rows, inner], [_, columns]) = (left.dims, right.dims);
    assert!(
        inner == right.dims[0] && target.len() == rows * columns,
        "a product of {:?} and {:?} into {} entries",
        left.dims,
        right.dims,
        target.len()
    );
    assert!(
        left.is_sound() && right.is_sound(),
        "operands outside their memory"
    );
    // SAFETY: the assertions above hold every entry that the three dimensions and strides name inside its slice, the
    // target is borrowed mutably and so overlaps neither operand, and `E` is `f32` or `f64`, which gemm knows.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            target.as_mut_ptr(),
            1,
            columns as isize,
            add,
            left.entries.as_ptr(),
            left.strides[1],
            left.strides[0],
            right.entries.as_ptr(),
            right.strides[1],
            right.strides[0],
            E::ONE,
            E::ONE,
            false,
            false,
            false,
            Parallelism::Rayon(0),
        );
    }
}
