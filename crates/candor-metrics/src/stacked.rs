//! Altered copies and draws, stacked along the first axis: `[batch · draws, ..]`, those of the first row first.

use std::ops::Range;

use burn::tensor::{Int, Tensor, TensorData};
use candor_core::{DrawKey, InputError, host};
use rand_chacha::ChaCha8Rng;

/// How many draws a row a stack holds; refuses a stack of none or of another shape.
pub(crate) fn per_row(
    component: &'static str,
    argument: &'static str,
    stacked: &[usize],
    batch: &[usize],
) -> Result<usize, InputError> {
    InputError::check_not_empty(component, "inputs", batch[0])?;
    InputError::check_not_empty(component, argument, stacked[0])?;
    let draws = stacked[0].div_ceil(batch[0]);
    let mut wanted = batch.to_vec();
    wanted[0] *= draws;
    InputError::check_dims(component, argument, stacked, &wanted)?;
    Ok(draws)
}

/// The row of the batch that each copy belongs to.
pub(crate) fn rows_of<const D: usize>(
    copies: Range<usize>,
    copies_per_row: usize,
    like: &Tensor<D>,
) -> Tensor<1, Int> {
    let count = copies.len();
    let rows: Vec<i64> = copies.map(|copy| (copy / copies_per_row) as i64).collect();
    Tensor::from_data(TensorData::new(rows, [count]), &like.device())
}

/// The generator of one draw of one row of the batch.
pub(crate) fn generator(key: DrawKey, copy: usize, draws: usize) -> ChaCha8Rng {
    key.row(key.row + (copy / draws) as u64)
        .draw(key.draw + (copy % draws) as u64)
        .rng()
}

/// A range of a stack, every entry drawn by `entry`.
pub(crate) fn draw_like<const D: usize>(
    like: &Tensor<D>,
    copies: Range<usize>,
    draws: usize,
    key: DrawKey,
    entry: impl Fn(&mut ChaCha8Rng) -> f64,
) -> Tensor<D> {
    let mut shape = like.dims();
    shape[0] = copies.len();
    let features: usize = shape[1..].iter().product();
    let mut values = Vec::with_capacity(copies.len() * features);
    for copy in copies {
        let mut rng = generator(key, copy, draws);
        values.extend((0..features).map(|_| entry(&mut rng)));
    }
    host::tensor_like(values, shape, like)
}
