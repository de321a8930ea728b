use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::{DType, Tensor};
use rayon::prelude::*;

use crate::check_shape;
use crate::extensions::is_plain_flex;
use crate::flex::{
    FlexFloat, Matrix, maximum, multiply_here, sum_over, unwritten, vectorised, with_element,
};

/// Queries whose scores live at once.
const BLOCK: usize = 64;

/// Attention in blocks, or nothing where the composition has to do.
pub(in crate::layers) fn attention(
    queries: &Tensor<4>,
    keys: &Tensor<4>,
    values: &Tensor<4>,
    mask: Option<&Tensor<4>>,
) -> Option<Tensor<4>> {
    let [batch, heads, count, head_dim] = queries.dims();
    let [_, kv_heads, seen, _] = keys.dims();
    let plain = |tensor: &Tensor<4>| {
        is_plain_flex(&tensor.device())
            && matches!(tensor.dtype(), DType::F32 | DType::F64)
            && tensor.dtype() == queries.dtype()
            && tensor.dims().into_iter().product::<usize>() > 0
    };
    let tensors = [Some(queries), Some(keys), Some(values), mask];
    if !tensors.into_iter().flatten().all(plain) {
        return None;
    }
    let wanted_heads = kv_heads * (heads / kv_heads);
    check_shape!("Attention", queries, [_, wanted_heads, _, _]);
    check_shape!("Attention", keys, [batch, _, _, head_dim]);
    check_shape!("Attention", values, [batch, kv_heads, seen, head_dim]);
    // Masks are read row by row: their last axis is written out, and the others are where they are.
    let mask = match mask {
        Some(mask) => {
            let [masks, mask_heads, rows, _] = mask.dims();
            mask.clone().expand([masks, mask_heads, rows, seen])
        }
        None => Tensor::zeros([1, 1, 1, seen], (&queries.device(), queries.dtype())),
    };
    let [masks, mask_heads, rows, _] = mask.dims();
    let fits = |dim: usize, of: usize| dim == 1 || dim == of;
    assert!(
        fits(masks, batch) && fits(mask_heads, heads) && fits(rows, count),
        "Attention: mask has shape {:?}, wanted one that broadcasts to {:?}",
        mask.dims(),
        [batch, heads, count, seen]
    );
    let [queries, keys, values, mask] =
        [queries, keys, values, &mask].map(|tensor| tensor.clone().into_dispatch());
    let mixed = Dispatch::blocked_attention(queries, keys, values, mask);
    Some(Tensor::from_dispatch(mixed))
}

#[backend_extension(Flex: cfg(feature = "flex"))]
trait BlockedAttention: Backend {
    /// For queries `[batch, heads, count, width]`, keys and values `[batch, kv_heads, seen, width]` and a mask
    /// `[batch or 1, heads or 1, count or 1, seen]`.
    fn blocked_attention(
        queries: FloatTensor<Self>,
        keys: FloatTensor<Self>,
        values: FloatTensor<Self>,
        mask: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

impl BlockedAttention for Flex {
    fn blocked_attention(
        queries: FlexTensor,
        keys: FlexTensor,
        values: FlexTensor,
        mask: FlexTensor,
    ) -> FlexTensor {
        let [queries, keys, values, mask] =
            [queries, keys, values, mask].map(|tensor| tensor.to_contiguous());
        let [_, heads, count, width] = queries.shape().dims();
        let [_, kv_heads, seen, _] = keys.shape().dims();
        let mut mixed = unwritten(queries.shape(), queries.dtype());
        with_element!(queries.dtype(), E => {
            let problem = Attended {
                kv_heads,
                shared_by: heads / kv_heads,
                count,
                width,
                seen,
                scale: E::from_f64((width as f64).sqrt().recip()),
                keys: keys.storage(),
                values: values.storage(),
                mask: Mask { entries: mask.storage(), dims: mask.shape().dims() },
            };
            // The queries of a group lie one below the other, so that one product serves all of them.
            let group = problem.shared_by * count * width;
            let blocks = mixed
                .storage_mut::<E>()
                .par_chunks_mut(group)
                .zip(queries.storage::<E>().par_chunks(group))
                .enumerate()
                .flat_map(|(group, (mixed, queries))| {
                    mixed
                        .par_chunks_mut(BLOCK * width)
                        .zip(queries.par_chunks(BLOCK * width))
                        .enumerate()
                        .map(move |(block, (mixed, queries))| (group, block * BLOCK, mixed, queries))
                });
            blocks.for_each_init(Vec::new, |scores, (group, first, mixed, queries)| {
                problem.block([group / kv_heads, group % kv_heads], first, queries, scores, mixed);
            });
        });
        mixed
    }
}

/// What the blocks of one call share.
struct Attended<'a, E> {
    kv_heads: usize,
    shared_by: usize,
    count: usize,
    width: usize,
    seen: usize,
    scale: E,
    keys: &'a [E],
    values: &'a [E],
    mask: Mask<'a, E>,
}

/// What is added to the scores, broadcast over any of the first three axes.
struct Mask<'a, E> {
    entries: &'a [E],
    dims: [usize; 4],
}

impl<E: FlexFloat> Mask<'_, E> {
    fn row(&self, place: [usize; 3]) -> &[E] {
        let seen = self.dims[3];
        let row = (0..3).fold(0, |row, axis| {
            row * self.dims[axis] + if self.dims[axis] == 1 { 0 } else { place[axis] }
        });
        &self.entries[row * seen..(row + 1) * seen]
    }
}

impl<E: FlexFloat> Attended<'_, E> {
    /// Some queries of one group, from its row `first` on.
    fn block(
        &self,
        [batch, kv_head]: [usize; 2],
        first: usize,
        queries: &[E],
        scores: &mut Vec<E>,
        mixed: &mut [E],
    ) {
        let rows = queries.len() / self.width;
        let masks: Vec<&[E]> = (first..first + rows)
            .map(|row| {
                let head = kv_head * self.shared_by + row / self.count;
                self.mask.row([batch, head, row % self.count])
            })
            .collect();
        let visible = masks.iter().map(|mask| visible(mask)).max().unwrap_or(0);
        let head = (batch * self.kv_heads + kv_head) * self.seen * self.width;
        let keys = Matrix::contiguous(&self.keys[head..head + visible * self.width], self.width);
        let values =
            Matrix::contiguous(&self.values[head..head + visible * self.width], self.width);
        scores.resize(rows * visible, E::ZERO);
        let queries = Matrix::contiguous(queries, self.width);
        multiply_here(scores, queries, keys.transposed());
        for (scores, mask) in scores.chunks_mut(visible).zip(masks) {
            softmax(scores, self.scale, mask);
        }
        multiply_here(mixed, Matrix::contiguous(scores, visible), values);
    }
}

/// How many keys there are up to the last that is not hidden.
fn visible<E: FlexFloat>(mask: &[E]) -> usize {
    let last = mask.iter().rposition(|&entry| entry != E::LOWEST);
    last.map_or(mask.len(), |last| last + 1)
}

vectorised! {
    /// `softmax(scores · scale + mask)` in place.
    fn softmax<'a, E>(scores: &'a mut [E], scale: E, mask: &'a [E]) -> () {
        for (score, &mask) in scores.iter_mut().zip(mask) {
            *score = *score * scale + mask;
        }
        let max = maximum(scores);
        for score in scores.iter_mut() {
            *score = (*score - max).exp();
        }
        let [sum] = sum_over([&*scores], |[score]| [score]);
        for score in scores {
            *score = *score / sum;
        }
    }
}
