#![allow(clippy::inline_always)] // only what is inlined into a dispatch is compiled with its instructions

use std::mem::MaybeUninit;
use std::ops::Range;

use burn::backend::flex::{FlexTensor, Layout};
use burn::tensor::{Bytes, Element};
use gemm::Parallelism;
use rayon::prelude::*;

use super::{FlexFloat, vectorised};

/// A matrix in memory that a tensor owns, row by row or transposed.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a, E> {
    entries: &'a [E],
    dims: [usize; 2],
    strides: [isize; 2],
}

impl<'a, E: FlexFloat> Matrix<'a, E> {
    /// Rows of `width` entries, one below the other.
    pub(crate) fn contiguous(entries: &'a [E], width: usize) -> Self {
        Self {
            entries,
            dims: [entries.len() / width.max(1), width],
            strides: [width as isize, 1],
        }
    }

    pub(crate) fn new(storage: &'a [E], layout: &Layout) -> Self {
        let strides = layout.strides();
        Self {
            entries: &storage[layout.start_offset()..],
            dims: layout.shape().dims(),
            strides: [strides[0], strides[1]],
        }
    }

    pub(crate) fn transposed(self) -> Self {
        let ([rows, columns], [down, right]) = (self.dims, self.strides);
        Self {
            dims: [columns, rows],
            strides: [right, down],
            ..self
        }
    }

    /// Some of the rows.
    pub(crate) fn rows(self, range: Range<usize>) -> Self {
        let [_, columns] = self.dims;
        Self {
            entries: &self.entries[range.start * self.strides[0] as usize..],
            dims: [range.len(), columns],
            ..self
        }
    }

    fn at(&self, row: usize, column: usize) -> E {
        self.entries[row * self.strides[0] as usize + column * self.strides[1] as usize]
    }

    /// A row whose entries lie side by side.
    #[inline(always)]
    fn row(&self, row: usize) -> &'a [E] {
        let start = row * self.strides[0] as usize;
        &self.entries[start..start + self.dims[1]]
    }

    /// Some of the columns.
    fn columns(self, range: Range<usize>) -> Self {
        self.transposed().rows(range).transposed()
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

/// `left · right` in memory that was never anything else: what a large product costs beside its multiplications is
/// mostly that its memory is written twice.
#[allow(unsafe_code)]
pub(crate) fn product<E: FlexFloat + Element>(
    left: Matrix<'_, E>,
    right: Matrix<'_, E>,
) -> FlexTensor {
    let shape = [left.dims[0], right.dims[1]];
    let count = shape[0] * shape[1];
    let mut entries = Vec::with_capacity(count);
    // A vector may get more room than it asked for.
    let target = &mut entries.spare_capacity_mut()[..count];
    multiply_into(target, false, left, right);
    // SAFETY: a product without addition writes every entry.
    unsafe { entries.set_len(count) };
    let layout = Layout::contiguous(shape.into());
    FlexTensor::new(Bytes::from_elems(entries), layout, E::dtype())
}

/// `target = left · right`, or `target += left · right`, for a target stored row by row; on all threads if it is large.
pub(crate) fn multiply<E: FlexFloat>(
    target: &mut [E],
    add: bool,
    left: Matrix<'_, E>,
    right: Matrix<'_, E>,
) {
    multiply_into(writable(target), add, left, right);
}

/// A target that is added to must have been written.
fn multiply_into<E: FlexFloat>(
    target: &mut [MaybeUninit<E>],
    add: bool,
    left: Matrix<'_, E>,
    right: Matrix<'_, E>,
) {
    /// Below them, waking the other threads takes longer than they save: a product of matrices is as slow as its
    /// multiplications, that of one row as slow as its weights arrive from memory.
    const WORTH_THREADS: usize = 192 * 192 * 192;
    const WORTH_THREADS_OF_ONE_ROW: usize = 256 * 256;
    let multiplications = target.len().saturating_mul(left.dims[1]);
    if left.dims[0] == 1 && !add && multiplications >= WORTH_THREADS_OF_ONE_ROW {
        return multiply_row(target, left, right);
    }
    let parallelism = if multiplications < WORTH_THREADS {
        Parallelism::None
    } else {
        Parallelism::Rayon(0)
    };
    gemm(target, add, left, right, parallelism);
}

/// A product of one row, which gemm would do on one thread; each thread reads one stretch of the right operand's memory.
fn multiply_row<E: FlexFloat>(
    target: &mut [MaybeUninit<E>],
    left: Matrix<'_, E>,
    right: Matrix<'_, E>,
) {
    let threads = rayon::current_num_threads();
    let ([depth, columns], [down, along]) = (right.dims, right.strides);
    if down == 1 || along != 1 {
        let size = columns.div_ceil(threads);
        let pieces = target.par_chunks_mut(size).enumerate();
        return pieces.for_each(|(piece, target)| {
            let columns = piece * size..piece * size + target.len();
            gemm(
                target,
                false,
                left,
                right.columns(columns),
                Parallelism::None,
            );
        });
    }
    let size = depth.div_ceil(threads);
    let mut parts = vec![E::ZERO; columns * depth.div_ceil(size)];
    let pieces = parts.par_chunks_mut(columns).enumerate();
    pieces.for_each(|(piece, part)| {
        let depths = piece * size..depth.min((piece + 1) * size);
        let factors: Vec<E> = depths.clone().map(|place| left.at(0, place)).collect();
        add_rows(part, &factors, right.rows(depths));
    });
    let (first, others) = parts.split_at(columns);
    for (column, (entry, &first)) in target.iter_mut().zip(first).enumerate() {
        let others = others.chunks(columns).map(|part| part[column]);
        entry.write(others.fold(first, |sum, part| sum + part));
    }
}

vectorised! {
    /// `target += factors · rows`, for rows whose entries lie side by side.
    fn add_rows<'a, E>(target: &'a mut [E], factors: &'a [E], rows: Matrix<'a, E>) -> () {
        // Four rows at a time: the target is then loaded and stored a quarter as often.
        let (fours, rest) = factors.as_chunks::<4>();
        for (index, &[a, b, c, d]) in fours.iter().enumerate() {
            let [first, second, third, fourth] = [0, 1, 2, 3].map(|row| rows.row(4 * index + row));
            let entries = first.iter().zip(second).zip(third).zip(fourth);
            for (target, (((&w, &x), &y), &z)) in target.iter_mut().zip(entries) {
                *target += (a * w + b * x) + (c * y + d * z);
            }
        }
        for (&factor, row) in rest.iter().zip(4 * fours.len()..) {
            for (target, &entry) in target.iter_mut().zip(rows.row(row)) {
                *target += factor * entry;
            }
        }
    }
}

/// `target = left · right` on the thread that asks.
pub(crate) fn multiply_here<E: FlexFloat>(
    target: &mut [E],
    left: Matrix<'_, E>,
    right: Matrix<'_, E>,
) {
    gemm(writable(target), false, left, right, Parallelism::None);
}

/// Memory as a product writes it, whether it holds something yet or not.
#[allow(unsafe_code)]
fn writable<E: FlexFloat>(target: &mut [E]) -> &mut [MaybeUninit<E>] {
    // SAFETY: the same memory, borrowed as long; products write nothing but entries.
    unsafe { &mut *(std::ptr::from_mut(target) as *mut [MaybeUninit<E>]) }
}

/// A target that is added to must have been written.
#[allow(unsafe_code)]
fn gemm<E: FlexFloat>(
    target: &mut [MaybeUninit<E>],
    add: bool,
    left: Matrix<'_, E>,
    right: Matrix<'_, E>,
    parallelism: Parallelism,
) {
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
            target.as_mut_ptr().cast::<E>(),
            1,
            columns as isize,
            add,
            left.entries.as_ptr(),
            left.strides[1],
            left.strides[0],
            right.entries.as_ptr(),
            right.strides[1],
            right.strides[0],
            if add { E::ONE } else { E::ZERO },
            E::ONE,
            false,
            false,
            false,
            parallelism,
        );
    }
}
