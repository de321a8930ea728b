use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::{FloatTensor, IntTensor};

use super::operators::CategoricalOperators;
use crate::autodiff::{constant, parents, register};

impl<B: CategoricalOperators, C: CheckpointStrategy> CategoricalOperators for Autodiff<B, C> {
    fn categorical_log_probs(
        logits: FloatTensor<Self>,
        labels: IntTensor<Self>,
    ) -> FloatTensor<Self> {
        let node = logits.node();
        let logits = constant::<B, C>(logits);
        match LogProbs.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let value = B::categorical_log_probs(logits.clone(), labels.clone());
                prep.finish((logits, labels), value)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::categorical_log_probs(logits, labels)),
        }
    }

    fn categorical_log_odds(
        logits: FloatTensor<Self>,
        labels: IntTensor<Self>,
    ) -> FloatTensor<Self> {
        let node = logits.node();
        let logits = constant::<B, C>(logits);
        match LogOdds.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let value = B::categorical_log_odds(logits.clone(), labels.clone());
                prep.finish((logits, labels), value)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::categorical_log_odds(logits, labels)),
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
struct LogProbs;

impl<B: CategoricalOperators> Backward<B, 1> for LogProbs {
    type State = (FloatTensor<B>, IntTensor<B>);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let (upstream, parents) = (grads.consume::<B>(&ops.node), parents(&ops));
        let (logits, labels) = ops.state;
        let gradient = B::categorical_log_probs_gradient(logits, labels, upstream);
        register::<B, 1>(grads, parents, [gradient]);
    }
}

#[derive(Debug)]
struct LogOdds;

impl<B: CategoricalOperators> Backward<B, 1> for LogOdds {
    type State = (FloatTensor<B>, IntTensor<B>);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let (upstream, parents) = (grads.consume::<B>(&ops.node), parents(&ops));
        let (logits, labels) = ops.state;
        let gradient = B::categorical_log_odds_gradient(logits, labels, upstream);
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
