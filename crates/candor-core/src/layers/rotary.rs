use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::check_shape;

/// Which entries of a head the rotary encoding pairs.
///
/// The two orders of the rows of `q_proj` and `k_proj` describe the same network: weights have to be rotated in the
/// layout they are stored in. A wrong choice still gives fluent-looking garbage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RopeLayout {
    /// Pairs `(2i, 2i + 1)`: the layout of GGUF files of the Llama family.
    Interleaved,
    /// Pairs `(i, i + head_dim / 2)`: the layout of Hugging Face's safetensors.
    Half,
}

/// Turns the pairs of each head by the angles of its position, and puts the heads before the positions.
///
/// ```text
/// (a, b) -> (a cos - b sin, a sin + b cos)
/// ```
///
/// # Shapes
///
/// - heads: `[batch, positions, heads, head_dim]`, as a projection gives them
/// - cos, sin: `[batch or 1, positions, head_dim / 2]`, an angle a pair; they carry no gradient
/// - output: `[batch, heads, positions, head_dim]`, as attention takes them
///
/// # Panics
///
/// When the shapes do not fit.
///
/// # Source
///
/// Su et al. 2021, "RoFormer: Enhanced Transformer with Rotary Position Embedding", arXiv 2104.09864.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::layers::{RopeLayout, rotate};
///
/// let device = Device::flex();
/// let heads = Tensor::<4>::from_floats([[[[1.0, 2.0, 3.0, 4.0]]]], &device);
/// let quarter = (Tensor::zeros([1, 1, 2], &device), Tensor::ones([1, 1, 2], &device));
/// let turned = rotate(heads, &quarter.0, &quarter.1, RopeLayout::Half);
/// assert_eq!(turned.into_data().to_vec::<f32>().unwrap(), [-3.0, -4.0, 1.0, 2.0]);
/// ```
pub fn rotate(heads: Tensor<4>, cos: &Tensor<3>, sin: &Tensor<3>, layout: RopeLayout) -> Tensor<4> {
    let ([batch, _, _, _], [angles, positions, pairs]) = (heads.dims(), cos.dims());
    let width = 2 * pairs;
    check_shape!("rotate", heads, [_, positions, _, width]);
    let angles = if angles == 1 { 1 } else { batch };
    check_shape!("rotate", cos, [angles, _, _]);
    check_shape!("rotate", sin, [angles, positions, pairs]);
    #[cfg(feature = "flex")]
    if let Some(turned) = super::flex::rotate(&heads, cos, sin, layout) {
        return turned;
    }
    composed(heads, cos, sin, layout)
}

fn composed(heads: Tensor<4>, cos: &Tensor<3>, sin: &Tensor<3>, layout: RopeLayout) -> Tensor<4> {
    let heads = heads.swap_dims(1, 2);
    let [batch, count, positions, width] = heads.dims();
    let (pairs, axis) = layout.pairs([batch, count, positions, width]);
    let (mut angles, _) = layout.pairs([cos.dims()[0], 1, positions, width]);
    angles[axis] = 1;
    let [cos, sin] = [cos, sin].map(|table| table.clone().reshape(angles));
    let pairs: Tensor<5> = heads.reshape(pairs);
    let a = pairs.clone().slice_dim(axis, 0..1);
    let b = pairs.slice_dim(axis, 1..2);
    let turned = [
        a.clone() * cos.clone() - b.clone() * sin.clone(),
        a * sin + b * cos,
    ];
    Tensor::cat(turned.into(), axis).reshape([batch, count, positions, width])
}

impl RopeLayout {
    /// `[.., width]` as pairs, and the axis that has the two entries of a pair.
    fn pairs(self, [a, b, c, width]: [usize; 4]) -> ([usize; 5], usize) {
        match self {
            Self::Half => ([a, b, c, 2, width / 2], 3),
            Self::Interleaved => ([a, b, c, width / 2, 2], 4),
        }
    }
}
