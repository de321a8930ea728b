use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;

use super::operators::LayerOperators;
use crate::autodiff::{constant, parents, register};

impl<B: LayerOperators, C: CheckpointStrategy> LayerOperators for Autodiff<B, C> {
    fn layer_project(rows: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        // The gradient of one operand needs the other.
        let kept = [weight.is_tracked(), rows.is_tracked()];
        let nodes = [rows.node(), weight.node()];
        let [rows, weight] = [rows, weight].map(constant::<B, C>);
        let keep = |wanted: bool, tensor: &FloatTensor<B>| wanted.then(|| tensor.clone());
        match Project.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let state = [keep(kept[0], &rows), keep(kept[1], &weight)];
                prep.finish(state, B::layer_project(rows, weight))
            }
            OpsKind::UnTracked(prep) => prep.finish(B::layer_project(rows, weight)),
        }
    }

    fn layer_swiglu(gate: FloatTensor<Self>, up: FloatTensor<Self>) -> FloatTensor<Self> {
        let nodes = [gate.node(), up.node()];
        let [gate, up] = [gate, up].map(constant::<B, C>);
        match SwiGlu.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let state = [gate.clone(), up.clone()];
                prep.finish(state, B::layer_swiglu(gate, up))
            }
            OpsKind::UnTracked(prep) => prep.finish(B::layer_swiglu(gate, up)),
        }
    }

    fn layer_rms_norm(
        hidden: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        let nodes = [hidden.node(), scale.node()];
        let [hidden, scale] = [hidden, scale].map(constant::<B, C>);
        match RmsNorm.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let state = ([hidden.clone(), scale.clone()], epsilon);
                prep.finish(state, B::layer_rms_norm(hidden, scale, epsilon))
            }
            OpsKind::UnTracked(prep) => prep.finish(B::layer_rms_norm(hidden, scale, epsilon)),
        }
    }
}

#[derive(Debug)]
struct Project;

impl<B: LayerOperators> Backward<B, 2> for Project {
    type State = [Option<FloatTensor<B>>; 2];

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let upstream = grads.consume::<B>(&ops.node);
        let ([to_rows, to_weight], [rows, weight]) = (ops.parents, ops.state);
        if let (Some(parent), Some(weight)) = (to_rows, weight) {
            let gradient = B::layer_project(upstream.clone(), B::float_transpose(weight));
            grads.register::<B>(parent.id, gradient);
        }
        if let (Some(parent), Some(rows)) = (to_weight, rows) {
            let gradient = B::layer_project(B::float_transpose(rows), upstream);
            grads.register::<B>(parent.id, gradient);
        }
    }
}

#[derive(Debug)]
struct SwiGlu;

impl<B: LayerOperators> Backward<B, 2> for SwiGlu {
    type State = [FloatTensor<B>; 2];

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let (upstream, parents) = (grads.consume::<B>(&ops.node), parents(&ops));
        let [gate, up] = ops.state;
        let (gate, up) = B::layer_swiglu_gradients(gate, up, upstream);
        register::<B, 2>(grads, parents, [gate, up]);
    }
}

#[derive(Debug)]
struct RmsNorm;

impl<B: LayerOperators> Backward<B, 2> for RmsNorm {
    type State = ([FloatTensor<B>; 2], f64);

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let (upstream, parents) = (grads.consume::<B>(&ops.node), parents(&ops));
        let ([hidden, scale], epsilon) = ops.state;
        let (hidden, scale) = B::layer_rms_norm_gradients(hidden, scale, upstream, epsilon);
        register::<B, 2>(grads, parents, [hidden, scale]);
    }
}
