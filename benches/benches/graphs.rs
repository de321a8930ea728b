//! Objectives over graphs, forward and backward, and the exact edit distance.
#![allow(missing_docs, clippy::unwrap_used)] // a bench that cannot be set up should stop

use burn::nn::loss::Reduction;
use burn::tensor::{Device, Distribution, Int, Tensor};
use candor_benches::forward_backward;
use candor_losses::graphs::{GraphInfoNceLossConfig, GraphMaxMarginLossConfig, PadMode};
use candor_metrics::explanation_graphs::{Edge, ExplanationGraph, graph_edit_distance};
use criterion::{Criterion, criterion_group};

fn normal<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), device)
}

/// Tokens 0 (the padding), 1, …, from another start.
fn tokens(start: i64, device: &Device) -> Tensor<2, Int> {
    let tokens = Tensor::<1, Int>::arange(start..start + 8 * 150, device);
    tokens.remainder_scalar(1000).reshape([8, 150])
}

/// The authors' batch of 8 graphs of 150 tokens, over a vocabulary of 1000.
fn max_margin(criterion: &mut Criterion) {
    for (component, pad_mode) in [
        ("graph_max_margin", PadMode::Masked),
        ("graph_max_margin_as_published", PadMode::AsPublished),
    ] {
        forward_backward(criterion, component, |device| {
            let config = GraphMaxMarginLossConfig::new().with_pad_mode(pad_mode);
            let loss = config.init().unwrap();
            let logits = normal([8, 150, 1000], device).autodiff().require_grad();
            let (gold, negative) = (tokens(0, device), tokens(7, device));
            move || loss.forward(logits.clone(), gold.clone(), negative.clone())
        });
    }
}

/// 256 anchors of width 512, with 5 negatives each.
fn info_nce(criterion: &mut Criterion) {
    forward_backward(criterion, "graph_info_nce", |device| {
        let loss = GraphInfoNceLossConfig::new().init().unwrap();
        let anchor = normal([256, 512], device).autodiff().require_grad();
        let (positive, negatives) = (normal([256, 512], device), normal([256, 5, 512], device));
        move || {
            let (positive, negatives) = (positive.clone(), negatives.clone());
            loss.forward(anchor.clone(), positive, negatives, Reduction::Mean)
        }
    });
}

/// Chains of 9 concepts, the benchmark's largest, that share every second one.
fn edit_distance(criterion: &mut Criterion) {
    let chain = |step: usize| ExplanationGraph {
        edges: (0..8)
            .map(|node| {
                let name = |node: usize| (node + node % 2 * step).to_string();
                Edge::new(name(node), "causes", name(node + 1))
            })
            .collect(),
    };
    let (gold, predicted) = (chain(0), chain(100));
    criterion.bench_function("graph_edit_distance", |bencher| {
        bencher.iter(|| graph_edit_distance(&gold, &predicted).unwrap());
    });
}

criterion_group!(benches, max_margin, info_nce, edit_distance);
candor_benches::bench_main!(benches);
