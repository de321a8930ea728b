use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, TensorMetadata};

use super::cross_entropy::{Smoothing, loss, upstream};
use super::head::{Gradients, Head, ValueAndGradients};
use super::kernels::Kernels;
use super::tiling::TileCost;
use super::{DivergencePlan, Plan};

pub(super) fn statistics<B: Backend, K: Kernels<B>>(
    head: Head<B>,
    targets: IntTensor<B>,
    plan: Plan,
) -> FloatTensor<B> {
    let tiling = cost::<B, K>(&head).chunked_classes(plan.budget);
    super::statistics::statistics::<B, K>(&head, &targets, &tiling)
}

pub(super) fn statistics_gradients<B: Backend, K: Kernels<B>>(
    head: Head<B>,
    targets: IntTensor<B>,
    statistics: FloatTensor<B>,
    gradient: FloatTensor<B>,
    plan: Plan,
) -> Gradients<B> {
    let tiling = cost::<B, K>(&head).chunked_classes(plan.budget);
    super::statistics::statistics_gradients::<B, K>(
        &head,
        &targets,
        &statistics,
        &gradient,
        plan.wanted,
        &tiling,
    )
}

pub(super) fn cross_entropy<B: Backend, K: Kernels<B>>(
    head: Head<B>,
    targets: IntTensor<B>,
    row_weights: FloatTensor<B>,
    smoothing: Smoothing,
    plan: Plan,
) -> FloatTensor<B> {
    loss::<B>(
        &statistics::<B, K>(head, targets, plan),
        &row_weights,
        smoothing,
    )
}

pub(super) fn cross_entropy_with_gradients<B: Backend, K: Kernels<B>>(
    head: Head<B>,
    targets: IntTensor<B>,
    row_weights: FloatTensor<B>,
    smoothing: Smoothing,
    plan: Plan,
) -> ValueAndGradients<B> {
    let tiling = cost::<B, K>(&head).whole_rows(plan.budget);
    let (statistics, (hidden, weight, bias)) = super::statistics::statistics_with_gradients::<B, K>(
        &head,
        &targets,
        plan.wanted,
        &tiling,
        |range, statistics| upstream::<B>(statistics, &row_weights, range, smoothing),
    );
    let value = loss::<B>(&statistics, &row_weights, smoothing);
    (value, hidden, weight, bias)
}

pub(super) fn divergence<B: Backend, K: Kernels<B>>(
    student: Head<B>,
    teacher: Head<B>,
    row_weights: FloatTensor<B>,
    plan: DivergencePlan,
) -> FloatTensor<B> {
    let tiling = pair_cost::<B, K>(&student, &teacher).whole_rows(plan.budget);
    super::divergence::value::<B, K>(&student, &teacher, &row_weights, &plan, &tiling)
}

pub(super) fn divergence_with_gradients<B: Backend, K: Kernels<B>>(
    student: Head<B>,
    teacher: Head<B>,
    row_weights: FloatTensor<B>,
    plan: DivergencePlan,
) -> ValueAndGradients<B> {
    let tiling = pair_cost::<B, K>(&student, &teacher).whole_rows(plan.budget);
    super::divergence::value_and_gradients::<B, K>(&student, &teacher, &row_weights, &plan, &tiling)
}

fn cost<B: Backend, K: Kernels<B>>(head: &Head<B>) -> TileCost {
    TileCost {
        dims: head.dims(),
        dtype: head.weight.dtype(),
        live_tiles: K::LIVE_TILES,
        widens: K::WIDENS,
    }
}

/// Two heads' tiles live side by side; their widths add up where weights are copied.
fn pair_cost<B: Backend, K: Kernels<B>>(student: &Head<B>, teacher: &Head<B>) -> TileCost {
    let cost = cost::<B, K>(student);
    let [rows, classes, width] = cost.dims;
    let [.., teacher_width] = teacher.dims();
    TileCost {
        dims: [rows, classes, width + teacher_width],
        live_tiles: 2 * cost.live_tiles,
        ..cost
    }
}
