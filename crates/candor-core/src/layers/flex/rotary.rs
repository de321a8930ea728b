use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::{DType, Tensor};
use rayon::prelude::*;

use super::CHUNK;
use crate::autodiff::{constant, parents, register};
use crate::extensions::is_plain_flex;
use crate::flex::{FlexFloat, unwritten, vectorised, with_element};
use crate::layers::RopeLayout;

/// The heads turned in one pass, or nothing where the composition has to do.
pub(in crate::layers) fn rotate(
    heads: &Tensor<4>,
    cos: &Tensor<3>,
    sin: &Tensor<3>,
    layout: RopeLayout,
) -> Option<Tensor<4>> {
    let has_kernel = is_plain_flex(&heads.device().without_autodiff())
        && matches!(heads.dtype(), DType::F32 | DType::F64)
        && [cos.dtype(), sin.dtype()] == [heads.dtype(); 2]
        && heads.dims().into_iter().product::<usize>() > 0;
    has_kernel.then(|| {
        Tensor::from_dispatch(Dispatch::turned(
            heads.clone().into_dispatch(),
            cos.clone().into_dispatch(),
            sin.clone().into_dispatch(),
            layout,
            Turn::Forth,
        ))
    })
}

#[backend_extension(Autodiff, Flex: cfg(feature = "flex"))]
trait Turned: Backend {
    /// The other order of the two middle axes, each row of entries turned.
    fn turned(
        heads: FloatTensor<Self>,
        cos: FloatTensor<Self>,
        sin: FloatTensor<Self>,
        layout: RopeLayout,
        turn: Turn,
    ) -> FloatTensor<Self>;
}

/// Which way heads are turned.
#[derive(Debug, Clone, Copy)]
enum Turn {
    /// From `[batch, positions, heads, width]` to `[batch, heads, positions, width]`.
    Forth,
    /// From that by the opposite angles to where it came from: the transpose.
    Back,
}

impl Turn {
    fn reversed(self) -> Self {
        match self {
            Self::Forth => Self::Back,
            Self::Back => Self::Forth,
        }
    }
}

impl<B: Turned, C: CheckpointStrategy> Turned for Autodiff<B, C> {
    fn turned(
        heads: FloatTensor<Self>,
        cos: FloatTensor<Self>,
        sin: FloatTensor<Self>,
        layout: RopeLayout,
        turn: Turn,
    ) -> FloatTensor<Self> {
        let nodes = [heads.node()];
        let [heads, cos, sin] = [heads, cos, sin].map(constant::<B, C>);
        let turned = B::turned(heads, cos.clone(), sin.clone(), layout, turn);
        match Rotation.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(([cos, sin], layout, turn), turned),
            OpsKind::UnTracked(prep) => prep.finish(turned),
        }
    }
}

#[derive(Debug)]
struct Rotation;

impl<B: Turned> Backward<B, 1> for Rotation {
    type State = ([FloatTensor<B>; 2], RopeLayout, Turn);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let (upstream, parents) = (grads.consume::<B>(&ops.node), parents(&ops));
        let ([cos, sin], layout, turn) = ops.state;
        let gradient = B::turned(upstream, cos, sin, layout, turn.reversed());
        register::<B, 1>(grads, parents, [gradient]);
    }
}

impl Turned for Flex {
    fn turned(
        heads: FlexTensor,
        cos: FlexTensor,
        sin: FlexTensor,
        layout: RopeLayout,
        turn: Turn,
    ) -> FlexTensor {
        let [heads, cos, sin] = [heads, cos, sin].map(|tensor| tensor.to_contiguous());
        // Of the source: its rows are read in the order in which those of the target are written.
        let [batch, outer, inner, width] = heads.shape().dims();
        let [angles, positions, pairs] = cos.shape().dims();
        let mut target = unwritten([batch, inner, outer, width], heads.dtype());
        let rows_at_once = (CHUNK / width).max(1);
        with_element!(heads.dtype(), E => {
            let (source, cos, sin) = (heads.storage::<E>(), cos.storage::<E>(), sin.storage::<E>());
            let sign = match turn {
                Turn::Forth => E::ONE,
                Turn::Back => -E::ONE,
            };
            let chunks = target.storage_mut::<E>().par_chunks_mut(rows_at_once * width).enumerate();
            chunks.for_each(|(chunk, rows)| {
                for (index, target) in rows.chunks_exact_mut(width).enumerate() {
                    let row = chunk * rows_at_once + index;
                    let (batch, of_inner, of_outer) =
                        (row / (inner * outer), row / outer % inner, row % outer);
                    let position = match turn {
                        Turn::Forth => of_outer,
                        Turn::Back => of_inner,
                    };
                    let from = ((batch * outer + of_outer) * inner + of_inner) * width;
                    let angle = (batch % angles * positions + position) * pairs;
                    turn_row(
                        &source[from..from + width],
                        target,
                        [&cos[angle..angle + pairs], &sin[angle..angle + pairs]],
                        sign,
                        layout,
                    );
                }
            });
        });
        target
    }
}

vectorised! {
    fn turn_row<'a, E>(
        source: &'a [E],
        target: &'a mut [E],
        cos_sin: [&'a [E]; 2],
        sign: E,
        layout: RopeLayout,
    ) -> () {
        let [cos, sin] = cos_sin;
        let angles = cos.iter().zip(sin).map(|(&cos, &sin)| (cos, sin * sign));
        match layout {
            RopeLayout::Half => {
                let (first, second) = source.split_at(cos.len());
                let (to_first, to_second) = target.split_at_mut(cos.len());
                let pairs = first.iter().zip(second);
                let targets = to_first.iter_mut().zip(to_second);
                for (((&a, &b), (to_a, to_b)), (cos, sin)) in pairs.zip(targets).zip(angles) {
                    (*to_a, *to_b) = (a * cos - b * sin, a * sin + b * cos);
                }
            }
            RopeLayout::Interleaved => {
                let (pairs, _) = source.as_chunks::<2>();
                let (targets, _) = target.as_chunks_mut::<2>();
                for ((&[a, b], target), (cos, sin)) in pairs.iter().zip(targets).zip(angles) {
                    *target = [a * cos - b * sin, a * sin + b * cos];
                }
            }
        }
    }
}
