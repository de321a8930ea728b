//! Unlearning objectives, forward and backward: what a step costs beside the model.
#![allow(missing_docs, clippy::unwrap_used)] // a bench that cannot be set up should stop

use burn::nn::loss::Reduction;
use burn::tensor::{Device, Distribution, Int, Tensor};
use candor_benches::forward_backward;
use candor_unlearn::{IGNORE_INDEX, NpoConfig, NpoRtConfig, SequenceLogProbs};
use criterion::{Criterion, criterion_group};

fn normal<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), device)
}

/// Log-probabilities of 4096 rows: the objective alone.
fn npo(criterion: &mut Criterion) {
    forward_backward(criterion, "npo", |device| {
        let npo = NpoConfig::new().init().unwrap();
        let policy = normal([4096], device).autodiff().require_grad();
        let reference = normal([4096], device);
        move || npo.forward(policy.clone(), reference.clone(), Reduction::Mean)
    });
}

/// Logits 4 x 64 x 8192 on both sides, the reference's log-probabilities cached.
fn npo_rt(criterion: &mut Criterion) {
    forward_backward(criterion, "npo_rt", |device| {
        let objective = NpoRtConfig::new().init().unwrap();
        let forget = normal([4, 64, 8192], device).autodiff().require_grad();
        let retain = normal([4, 64, 8192], device).autodiff().require_grad();
        let labels = Tensor::<1, Int>::arange(0..256, device).reshape([4, 64]);
        let scored = move |logits: &Tensor<3>| {
            SequenceLogProbs::of_tokens(logits.clone(), labels.clone(), IGNORE_INDEX)
        };
        let reference = scored(&forget).sum().detach();
        move || {
            objective
                .forward(&scored(&forget), reference.clone(), &scored(&retain))
                .total
        }
    });
}

criterion_group!(benches, npo, npo_rt);
candor_benches::bench_main!(benches);
