#![allow(clippy::inline_always)] // only what is inlined into a dispatch is compiled with its instructions

mod attention;
mod rotary;

use burn::backend::flex::FlexTensor;
use burn::backend::ops::FloatTensorOps;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::DType;
use rayon::prelude::*;

use super::composed;
use super::operators::LayerOperators;
use crate::flex::{
    FlexFloat, Matrix, forwards, has_kernels, product, sum_over, unwritten, vectorised,
    with_element,
};

pub(super) use attention::attention;
pub(super) use rotary::rotate;

/// Entries that one thread takes at a time.
const CHUNK: usize = 4096;

impl LayerOperators for Flex {
    fn layer_project(rows: FlexTensor, weight: FlexTensor) -> FlexTensor {
        if !has_kernels(&rows, &weight) {
            return Self::float_matmul(rows, weight);
        }
        let [rows, weight] = [rows, weight].map(forwards);
        with_element!(rows.dtype(), E => {
            let left = Matrix::new(rows.storage::<E>(), rows.layout());
            let right = Matrix::new(weight.storage::<E>(), weight.layout());
            product(left, right)
        })
    }

    fn layer_swiglu(gate: FlexTensor, up: FlexTensor) -> FlexTensor {
        if !has_kernels(&gate, &up) {
            return composed::swiglu::<Self>(gate, up);
        }
        // In place where nobody else holds the gate.
        let (mut gate, up) = (gate.to_contiguous(), up.to_contiguous());
        with_element!(gate.dtype(), E => {
            let gates = gate.storage_mut::<E>().par_chunks_mut(CHUNK);
            let ups = up.storage::<E>().par_chunks(CHUNK);
            gates.zip(ups).for_each(|(gates, ups)| swiglu(gates, ups));
        });
        gate
    }

    fn layer_swiglu_gradients(
        gate: FlexTensor,
        up: FlexTensor,
        upstream: FlexTensor,
    ) -> (FlexTensor, FlexTensor) {
        if !has_kernels(&gate, &up) {
            return composed::swiglu_gradients::<Self>(gate, up, upstream);
        }
        let [mut to_gate, mut to_up, upstream] = [gate, up, upstream].map(|t| t.to_contiguous());
        with_element!(to_gate.dtype(), E => {
            let gates = to_gate.storage_mut::<E>().par_chunks_mut(CHUNK);
            let ups = to_up.storage_mut::<E>().par_chunks_mut(CHUNK);
            let upstream = upstream.storage::<E>().par_chunks(CHUNK);
            gates.zip(ups).zip(upstream).for_each(|((gates, ups), upstream)| {
                swiglu_gradients(gates, ups, upstream);
            });
        });
        (to_gate, to_up)
    }

    fn layer_rms_norm(hidden: FlexTensor, scale: FlexTensor, epsilon: f64) -> FlexTensor {
        if !has_kernels(&hidden, &scale) {
            return composed::rms_norm::<Self>(hidden, scale, epsilon);
        }
        let (mut hidden, scale) = (hidden.to_contiguous(), scale.to_contiguous());
        with_element!(hidden.dtype(), E => {
            let (scale, epsilon) = (scale.storage::<E>(), E::from_f64(epsilon));
            let rows = hidden.storage_mut::<E>().par_chunks_mut(scale.len());
            rows.for_each(|row| rms_norm(row, scale, epsilon));
        });
        hidden
    }

    fn layer_rms_norm_gradients(
        hidden: FlexTensor,
        scale: FlexTensor,
        upstream: FlexTensor,
        epsilon: f64,
    ) -> (FlexTensor, FlexTensor) {
        if !has_kernels(&hidden, &scale) {
            return composed::rms_norm_gradients::<Self>(hidden, scale, upstream, epsilon);
        }
        let [mut hidden, scale, upstream] = [hidden, scale, upstream].map(|t| t.to_contiguous());
        let mut to_scale = unwritten(scale.shape(), scale.dtype());
        with_element!(hidden.dtype(), E => {
            let (scale, epsilon) = (scale.storage::<E>(), E::from_f64(epsilon));
            let sum = to_scale.storage_mut::<E>();
            let width = scale.len();
            let rows = hidden.storage_mut::<E>();
            let upstream = upstream.storage::<E>();
            // The sum over the rows is one pass of one thread: its order, and so its value, is always the same.
            for (row, upstream) in rows.chunks(width).zip(upstream.chunks(width)) {
                add_to_scale(sum, row, upstream, epsilon);
            }
            rows.par_chunks_mut(width).zip(upstream.par_chunks(width)).for_each(|(row, upstream)| {
                rms_norm_gradient(row, scale, upstream, epsilon);
            });
        });
        (hidden, to_scale)
    }
}

#[inline(always)]
fn sigmoid<E: FlexFloat>(entry: E) -> E {
    E::ONE / (E::ONE + (-entry).exp())
}

vectorised! {
    /// In the place of the gates.
    fn swiglu<'a, E>(gates: &'a mut [E], ups: &'a [E]) -> () {
        for (gate, &up) in gates.iter_mut().zip(ups) {
            *gate = *gate * sigmoid(*gate) * up;
        }
    }

    /// The gradients in the place of what they are the gradients of.
    fn swiglu_gradients<'a, E>(gates: &'a mut [E], ups: &'a mut [E], upstream: &'a [E]) -> () {
        for ((gate, up), &upstream) in gates.iter_mut().zip(ups).zip(upstream) {
            let sigmoid = sigmoid(*gate);
            let silu = *gate * sigmoid;
            *gate = upstream * *up * (sigmoid + silu * (E::ONE - sigmoid));
            *up = upstream * silu;
        }
    }

    /// In the place of the row.
    fn rms_norm<'a, E>(row: &'a mut [E], scale: &'a [E], epsilon: E) -> () {
        let inverse = inverse_root(row, epsilon);
        for (entry, &scale) in row.iter_mut().zip(scale) {
            *entry = *entry * inverse * scale;
        }
    }

    /// The gradient in the place of the row.
    fn rms_norm_gradient<'a, E>(
        row: &'a mut [E],
        scale: &'a [E],
        upstream: &'a [E],
        epsilon: E,
    ) -> () {
        let inverse = inverse_root(row, epsilon);
        let [along] = sum_over([&*row, scale, upstream], |[entry, scale, upstream]| {
            [entry * scale * upstream]
        });
        let along = along * inverse * inverse / E::from_f64(row.len() as f64);
        for ((entry, &scale), &upstream) in row.iter_mut().zip(scale).zip(upstream) {
            *entry = inverse * (scale * upstream - *entry * along);
        }
    }

    fn add_to_scale<'a, E>(sum: &'a mut [E], row: &'a [E], upstream: &'a [E], epsilon: E) -> () {
        let inverse = inverse_root(row, epsilon);
        for ((sum, &entry), &upstream) in sum.iter_mut().zip(row).zip(upstream) {
            *sum += entry * inverse * upstream;
        }
    }
}

/// `1 / sqrt(mean(row²) + ε)`.
#[inline(always)]
fn inverse_root<E: FlexFloat>(row: &[E], epsilon: E) -> E {
    let [squares] = sum_over([row], |[entry]| [entry * entry]);
    E::ONE / (squares / E::from_f64(row.len() as f64) + epsilon).sqrt()
}
