use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::{FloatTensor, IntTensor};

use super::operators::{CategoricalOperators, LabelMeasure};
use crate::autodiff::{constant, parents, register};

impl<B: CategoricalOperators, C: CheckpointStrategy> CategoricalOperators for Autodiff<B, C> {
    fn categorical_label(
        logits: FloatTensor<Self>,
        labels: IntTensor<Self>,
        measure: LabelMeasure,
    ) -> FloatTensor<Self> {
        let node = logits.node();
        let logits = constant::<B, C>(logits);
        match Label.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let value = B::categorical_label(logits.clone(), labels.clone(), measure);
                prep.finish((logits, labels, measure), value)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::categorical_label(logits, labels, measure)),
        }
    }

    fn categorical_kl(
        target: FloatTensor<Self>,
        logits: FloatTensor<Self>,
        sharpness: f64,
    ) -> FloatTensor<Self> {
        let node = logits.node();
        let [target, logits] = [target, logits].map(constant::<B, C>);
        match Kl.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let value = B::categorical_kl(target.clone(), logits.clone(), sharpness);
                prep.finish(([target, logits], sharpness), value)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::categorical_kl(target, logits, sharpness)),
        }
    }
}

#[derive(Debug)]
struct Label;

impl<B: CategoricalOperators> Backward<B, 1> for Label {
    type State = (FloatTensor<B>, IntTensor<B>, LabelMeasure);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let (upstream, parents) = (grads.consume::<B>(&ops.node), parents(&ops));
        let (logits, labels, measure) = ops.state;
        let gradient = B::categorical_label_gradient(logits, labels, upstream, measure);
        register::<B, 1>(grads, parents, [gradient]);
    }
}

#[derive(Debug)]
struct Kl;

impl<B: CategoricalOperators> Backward<B, 1> for Kl {
    type State = ([FloatTensor<B>; 2], f64);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let (upstream, parents) = (grads.consume::<B>(&ops.node), parents(&ops));
        let ([target, logits], sharpness) = ops.state;
        let gradient = B::categorical_kl_gradient(target, logits, upstream, sharpness);
        register::<B, 1>(grads, parents, [gradient]);
    }
}
