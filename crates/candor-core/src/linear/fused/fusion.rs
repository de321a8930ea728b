//! Shapes and types of what the operators will return, for tensors that are not computed yet.

use burn::backend::Shape;
use burn::backend::fusion::custom::TensorSpec;
use burn::tensor::DType;

use super::{Column, DivergencePlan, Plan, Smoothing, Wanted};

type Triple = (TensorSpec, TensorSpec, TensorSpec);
type Quadruple = (TensorSpec, TensorSpec, TensorSpec, TensorSpec);

fn sums(shape: impl Into<Shape>, operand: &TensorSpec) -> TensorSpec {
    let dtype = match operand.dtype {
        DType::F64 => DType::F64,
        _ => DType::F32,
    };
    TensorSpec::new(shape.into(), dtype)
}

fn gradients(
    hidden: &TensorSpec,
    weight: &TensorSpec,
    bias: &TensorSpec,
    wanted: Wanted,
) -> Triple {
    let gradient = |operand: &TensorSpec, wanted: bool| match wanted {
        true => operand.clone(),
        false => TensorSpec::new([0].into(), operand.dtype),
    };
    (
        gradient(hidden, wanted.hidden),
        gradient(weight, wanted.weight),
        gradient(bias, wanted.bias),
    )
}

fn with_value((hidden, weight, bias): Triple) -> Quadruple {
    (sums([1], &hidden), hidden, weight, bias)
}

pub(super) fn statistics(
    hidden: &TensorSpec,
    _weight: &TensorSpec,
    _bias: &TensorSpec,
    _targets: &TensorSpec,
    _plan: &Plan,
) -> TensorSpec {
    sums([hidden.shape[0], Column::COUNT], hidden)
}

pub(super) fn statistics_gradients(
    hidden: &TensorSpec,
    weight: &TensorSpec,
    bias: &TensorSpec,
    _targets: &TensorSpec,
    _statistics: &TensorSpec,
    _upstream: &TensorSpec,
    plan: &Plan,
) -> Triple {
    gradients(hidden, weight, bias, plan.wanted)
}

pub(super) fn cross_entropy(
    hidden: &TensorSpec,
    _weight: &TensorSpec,
    _bias: &TensorSpec,
    _targets: &TensorSpec,
    _row_weights: &TensorSpec,
    _smoothing: &Smoothing,
    _plan: &Plan,
) -> TensorSpec {
    sums([1], hidden)
}

pub(super) fn cross_entropy_with_gradients(
    hidden: &TensorSpec,
    weight: &TensorSpec,
    bias: &TensorSpec,
    _targets: &TensorSpec,
    _row_weights: &TensorSpec,
    _smoothing: &Smoothing,
    plan: &Plan,
) -> Quadruple {
    with_value(gradients(hidden, weight, bias, plan.wanted))
}

#[allow(clippy::too_many_arguments)] // as many as the operator has
pub(super) fn divergence(
    hidden: &TensorSpec,
    _weight: &TensorSpec,
    _bias: &TensorSpec,
    _teacher_hidden: &TensorSpec,
    _teacher_weight: &TensorSpec,
    _teacher_bias: &TensorSpec,
    _row_weights: &TensorSpec,
    _plan: &DivergencePlan,
) -> TensorSpec {
    sums([1], hidden)
}

#[allow(clippy::too_many_arguments)]
pub(super) fn divergence_with_gradients(
    hidden: &TensorSpec,
    weight: &TensorSpec,
    bias: &TensorSpec,
    _teacher_hidden: &TensorSpec,
    _teacher_weight: &TensorSpec,
    _teacher_bias: &TensorSpec,
    _row_weights: &TensorSpec,
    plan: &DivergencePlan,
) -> Quadruple {
    with_value(gradients(hidden, weight, bias, plan.wanted))
}

pub(super) fn scaled(tensor: &TensorSpec, _factor: &TensorSpec) -> TensorSpec {
    tensor.clone()
}
