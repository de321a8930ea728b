use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, Backend};

use super::{DivergencePlan, FusedLinear, Plan, Smoothing, Wanted};
use crate::autodiff::{constant, parents, register};

impl<B: FusedLinear, C: CheckpointStrategy> FusedLinear for Autodiff<B, C> {
    fn linear_statistics(
        hidden: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        targets: IntTensor<Self>,
        plan: Plan,
    ) -> FloatTensor<Self> {
        let wanted = wanted::<B, C>(&hidden, &weight, &bias);
        let nodes = [hidden.node(), weight.node(), bias.node()];
        let [hidden, weight, bias] = [hidden, weight, bias].map(constant::<B, C>);
        let statistics = B::linear_statistics(
            hidden.clone(),
            weight.clone(),
            bias.clone(),
            targets.clone(),
            plan,
        );
        match Statistics.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let state = StatisticsState {
                    operands: [hidden, weight, bias],
                    targets,
                    statistics: statistics.clone(),
                    plan: Plan { wanted, ..plan },
                };
                prep.finish(state, statistics)
            }
            OpsKind::UnTracked(prep) => prep.finish(statistics),
        }
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
        let wanted = wanted::<B, C>(&hidden, &weight, &bias);
        let nodes = [hidden.node(), weight.node(), bias.node()];
        let [hidden, weight, bias, row_weights] =
            [hidden, weight, bias, row_weights].map(constant::<B, C>);
        match Known.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let (value, hidden, weight, bias) = B::linear_cross_entropy_with_gradients(
                    hidden,
                    weight,
                    bias,
                    targets,
                    row_weights,
                    smoothing,
                    Plan { wanted, ..plan },
                );
                prep.finish([hidden, weight, bias], value)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::linear_cross_entropy(
                hidden,
                weight,
                bias,
                targets,
                row_weights,
                smoothing,
                plan,
            )),
        }
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
        let wanted = wanted::<B, C>(&hidden, &weight, &bias);
        let nodes = [hidden.node(), weight.node(), bias.node()];
        let [hidden, weight, bias] = [hidden, weight, bias].map(constant::<B, C>);
        let [teacher_hidden, teacher_weight, teacher_bias, row_weights] =
            [teacher_hidden, teacher_weight, teacher_bias, row_weights].map(constant::<B, C>);
        match Known.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let (value, hidden, weight, bias) = B::linear_divergence_with_gradients(
                    hidden,
                    weight,
                    bias,
                    teacher_hidden,
                    teacher_weight,
                    teacher_bias,
                    row_weights,
                    DivergencePlan { wanted, ..plan },
                );
                prep.finish([hidden, weight, bias], value)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::linear_divergence(
                hidden,
                weight,
                bias,
                teacher_hidden,
                teacher_weight,
                teacher_bias,
                row_weights,
                plan,
            )),
        }
    }
}

fn wanted<B: Backend, C: CheckpointStrategy>(
    hidden: &FloatTensor<Autodiff<B, C>>,
    weight: &FloatTensor<Autodiff<B, C>>,
    bias: &FloatTensor<Autodiff<B, C>>,
) -> Wanted {
    Wanted {
        hidden: hidden.is_tracked(),
        weight: weight.is_tracked(),
        bias: bias.is_tracked(),
    }
}

/// Computes the logits again, chunk by chunk: only a row's statistics are kept.
#[derive(Debug)]
struct Statistics;

#[derive(Debug, Clone)]
struct StatisticsState<B: Backend> {
    operands: [FloatTensor<B>; 3],
    targets: IntTensor<B>,
    statistics: FloatTensor<B>,
    plan: Plan,
}

impl<B: FusedLinear> Backward<B, 3> for Statistics {
    type State = StatisticsState<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let (upstream, parents) = (grads.consume::<B>(&ops.node), parents(&ops));
        let StatisticsState {
            operands: [hidden, weight, bias],
            targets,
            statistics,
            plan,
        } = ops.state;
        let (hidden, weight, bias) = B::linear_statistics_gradients(
            hidden, weight, bias, targets, statistics, upstream, plan,
        );
        register::<B, 3>(grads, parents, [hidden, weight, bias]);
    }
}

/// The gradients came with the value; the upstream gradient, one number, scales them.
#[derive(Debug)]
struct Known;

impl<B: FusedLinear> Backward<B, 3> for Known {
    type State = [FloatTensor<B>; 3];

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let upstream = grads.consume::<B>(&ops.node);
        for (parent, gradient) in ops.parents.into_iter().zip(ops.state) {
            if let Some(parent) = parent {
                let gradient = B::linear_scaled(gradient, upstream.clone());
                grads.register::<B>(parent.id, gradient);
            }
        }
    }
}
