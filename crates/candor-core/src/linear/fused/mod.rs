//! The sweeps over tiles of logits, and their registration with Burn's backends.
//!
//! | file | what is in it |
//! |---|---|
//! | `tiling` | how many rows and classes a tile holds under a budget |
//! | `head` | tiles of factored logits, sums of their gradients |
//! | `statistics`, `cross_entropy`, `divergence` | the sweeps |
//! | `kernels` | what a backend does with one tile, on its own operators |
//! | `flex` with `row`, `cube` with `cube_kernels` | the same, written for a backend |
//! | `compute` | a sweep's tiling, chosen by the budget |
//! | `autodiff`, `fusion` | the backward passes; what lazy tensors need to know |
#![allow(deprecated)]
// Burn advises flex over ndarray; Candor still promises both
// Without a backend the dispatcher has nobody to hand its arguments to.
#![cfg_attr(
    not(any(feature = "flex", feature = "ndarray", feature = "cube")),
    allow(unused_variables)
)]

mod autodiff;
mod compute;
mod cross_entropy;
#[cfg(feature = "cube")]
mod cube;
#[cfg(feature = "cube")]
mod cube_kernels;
mod divergence;
#[cfg(feature = "flex")]
mod flex;
#[cfg(feature = "fusion")]
mod fusion;
mod head;
mod kernels;
#[cfg(feature = "flex")]
mod row;
mod statistics;
mod tiling;

use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, backend_extension};

pub(crate) use cross_entropy::Smoothing;
use head::Head;
#[cfg(any(feature = "flex", feature = "cube"))]
use head::{Gradients, ValueAndGradients};
pub use kernels::Divergence;
use kernels::{Kernels, Plain};
pub(crate) use statistics::Column;

use super::LogitMap;
use crate::MemoryBudget;

/// How the logits are made of their products, how much memory their tiles may take, and which gradients are wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) map: LogitMap,
    pub(crate) budget: MemoryBudget,
    pub(crate) wanted: Wanted,
}

/// The operands whose gradients are computed: a frozen weight, as under LoRA, saves a product and its size in memory.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted {
    hidden: bool,
    weight: bool,
    bias: bool,
}

/// A divergence between two heads, and how much memory the tiles of both may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DivergencePlan {
    pub(crate) student: LogitMap,
    pub(crate) teacher: LogitMap,
    pub(crate) divergence: Divergence,
    pub(crate) budget: MemoryBudget,
    pub(crate) wanted: Wanted,
}

/// The operators as Burn's dispatcher calls them.
///
/// A bias without entries stands for none. Statistics and values are of the type that sums are kept in: `f64` for
/// `f64` operands, else `f32`; gradients are of their operand's type, and without entries where they are not wanted. The
/// bodies here use the backend's own operators.
#[backend_extension(
    Autodiff,
    Flex: cfg(feature = "flex"),
    NdArray: cfg(feature = "ndarray"),
    Cube: cfg(feature = "cube"),
    Fusion: cfg(feature = "fusion")
)]
pub(crate) trait FusedLinear: Backend {
    /// Statistics of each row, `[rows, 5]` in the order of [`Column`].
    #[fusion(meta = fusion::statistics)]
    fn linear_statistics(
        hidden: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        targets: IntTensor<Self>,
        plan: Plan,
    ) -> FloatTensor<Self> {
        let head = Head::new(hidden, weight, bias, plan.map);
        compute::statistics::<Self, Plain>(head, targets, plan)
    }

    /// What `upstream` `[rows, 5]`, the gradient with respect to known statistics, gives hidden states, weight and bias.
    #[fusion(meta = fusion::statistics_gradients)]
    fn linear_statistics_gradients(
        hidden: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        targets: IntTensor<Self>,
        statistics: FloatTensor<Self>,
        upstream: FloatTensor<Self>,
        plan: Plan,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let head = Head::new(hidden, weight, bias, plan.map);
        compute::statistics_gradients::<Self, Plain>(head, targets, statistics, upstream, plan)
    }

    /// `Σ weight · loss` over the rows, `[1]`; no gradient reaches the rows' weights.
    #[fusion(meta = fusion::cross_entropy)]
    fn linear_cross_entropy(
        hidden: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        targets: IntTensor<Self>,
        row_weights: FloatTensor<Self>,
        smoothing: Smoothing,
        plan: Plan,
    ) -> FloatTensor<Self> {
        let head = Head::new(hidden, weight, bias, plan.map);
        compute::cross_entropy::<Self, Plain>(head, targets, row_weights, smoothing, plan)
    }

    /// The same, and the gradients of hidden states, weight and bias from the same sweep.
    #[fusion(meta = fusion::cross_entropy_with_gradients)]
    fn linear_cross_entropy_with_gradients(
        hidden: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        targets: IntTensor<Self>,
        row_weights: FloatTensor<Self>,
        smoothing: Smoothing,
        plan: Plan,
    ) -> (
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
    ) {
        let head = Head::new(hidden, weight, bias, plan.map);
        compute::cross_entropy_with_gradients::<Self, Plain>(
            head,
            targets,
            row_weights,
            smoothing,
            plan,
        )
    }

    /// `Σ weight · divergence` over the rows, `[1]`; gradients reach the student alone.
    #[allow(clippy::too_many_arguments)] // an extension's method takes tensors one by one
    #[fusion(meta = fusion::divergence)]
    fn linear_divergence(
        hidden: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        teacher_hidden: FloatTensor<Self>,
        teacher_weight: FloatTensor<Self>,
        teacher_bias: FloatTensor<Self>,
        row_weights: FloatTensor<Self>,
        plan: DivergencePlan,
    ) -> FloatTensor<Self> {
        let student = Head::new(hidden, weight, bias, plan.student);
        let teacher = Head::new(teacher_hidden, teacher_weight, teacher_bias, plan.teacher);
        compute::divergence::<Self, Plain>(student, teacher, row_weights, plan)
    }

    /// The same, and the gradients of the student's hidden states, weight and bias from the same sweep.
    #[allow(clippy::too_many_arguments)]
    #[fusion(meta = fusion::divergence_with_gradients)]
    fn linear_divergence_with_gradients(
        hidden: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        teacher_hidden: FloatTensor<Self>,
        teacher_weight: FloatTensor<Self>,
        teacher_bias: FloatTensor<Self>,
        row_weights: FloatTensor<Self>,
        plan: DivergencePlan,
    ) -> (
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
    ) {
        let student = Head::new(hidden, weight, bias, plan.student);
        let teacher = Head::new(teacher_hidden, teacher_weight, teacher_bias, plan.teacher);
        compute::divergence_with_gradients::<Self, Plain>(student, teacher, row_weights, plan)
    }

    /// `tensor · factor` for a factor `[1]`: what an upstream gradient does to one that is already there.
    #[fusion(meta = fusion::scaled)]
    fn linear_scaled(tensor: FloatTensor<Self>, factor: FloatTensor<Self>) -> FloatTensor<Self> {
        <Plain as Kernels<Self>>::scaled(tensor, factor)
    }
}

#[cfg(feature = "ndarray")]
impl FusedLinear for burn::backend::NdArray {}

/// Implements the operators with a backend's own kernels.
#[cfg(any(feature = "flex", feature = "cube"))]
macro_rules! fused_linear {
    ($backend:ty, $kernels:ty) => {
        impl FusedLinear for $backend {
            fn linear_statistics(
                hidden: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                bias: FloatTensor<Self>,
                targets: IntTensor<Self>,
                plan: Plan,
            ) -> FloatTensor<Self> {
                let head = Head::new(hidden, weight, bias, plan.map);
                compute::statistics::<Self, $kernels>(head, targets, plan)
            }

            fn linear_statistics_gradients(
                hidden: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                bias: FloatTensor<Self>,
                targets: IntTensor<Self>,
                statistics: FloatTensor<Self>,
                upstream: FloatTensor<Self>,
                plan: Plan,
            ) -> Gradients<Self> {
                let head = Head::new(hidden, weight, bias, plan.map);
                compute::statistics_gradients::<Self, $kernels>(
                    head, targets, statistics, upstream, plan,
                )
            }

            fn linear_cross_entropy(
                hidden: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                bias: FloatTensor<Self>,
                targets: IntTensor<Self>,
                row_weights: FloatTensor<Self>,
                smoothing: Smoothing,
                plan: Plan,
            ) -> FloatTensor<Self> {
                let head = Head::new(hidden, weight, bias, plan.map);
                compute::cross_entropy::<Self, $kernels>(
                    head,
                    targets,
                    row_weights,
                    smoothing,
                    plan,
                )
            }

            fn linear_cross_entropy_with_gradients(
                hidden: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                bias: FloatTensor<Self>,
                targets: IntTensor<Self>,
                row_weights: FloatTensor<Self>,
                smoothing: Smoothing,
                plan: Plan,
            ) -> ValueAndGradients<Self> {
                let head = Head::new(hidden, weight, bias, plan.map);
                compute::cross_entropy_with_gradients::<Self, $kernels>(
                    head,
                    targets,
                    row_weights,
                    smoothing,
                    plan,
                )
            }

            fn linear_divergence(
                hidden: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                bias: FloatTensor<Self>,
                teacher_hidden: FloatTensor<Self>,
                teacher_weight: FloatTensor<Self>,
                teacher_bias: FloatTensor<Self>,
                row_weights: FloatTensor<Self>,
                plan: DivergencePlan,
            ) -> FloatTensor<Self> {
                let student = Head::new(hidden, weight, bias, plan.student);
                let teacher = Head::new(teacher_hidden, teacher_weight, teacher_bias, plan.teacher);
                compute::divergence::<Self, $kernels>(student, teacher, row_weights, plan)
            }

            fn linear_divergence_with_gradients(
                hidden: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                bias: FloatTensor<Self>,
                teacher_hidden: FloatTensor<Self>,
                teacher_weight: FloatTensor<Self>,
                teacher_bias: FloatTensor<Self>,
                row_weights: FloatTensor<Self>,
                plan: DivergencePlan,
            ) -> ValueAndGradients<Self> {
                let student = Head::new(hidden, weight, bias, plan.student);
                let teacher = Head::new(teacher_hidden, teacher_weight, teacher_bias, plan.teacher);
                compute::divergence_with_gradients::<Self, $kernels>(
                    student,
                    teacher,
                    row_weights,
                    plan,
                )
            }

            fn linear_scaled(
                tensor: FloatTensor<Self>,
                factor: FloatTensor<Self>,
            ) -> FloatTensor<Self> {
                <$kernels as Kernels<Self>>::scaled(tensor, factor)
            }
        }
    };
}

#[cfg(feature = "flex")]
fused_linear!(burn::backend::Flex, flex::FlexKernels);
#[cfg(feature = "cube")]
fused_linear!(burn_cubecl::CubeBackend, cube::CubeKernels);
