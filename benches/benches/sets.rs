//! Objectives and networks of sets, forward and backward, and the matching on the host.
#![allow(missing_docs, clippy::unwrap_used)] // a bench that cannot be set up should stop

use std::hint::black_box;

use burn::nn::loss::Reduction;
use burn::tensor::{Device, Distribution, Int, Tensor};
use candor_benches::forward_backward;
use candor_core::host;
use candor_losses::sets::{
    AssignmentLoss, MarkovScorer, OrderObjective, OrderSearchLossConfig, best_markov_order,
    exact_orders, hungarian,
};
use candor_models::sets::{ProcessBlockConfig, ReadProcessWriteConfig};
use criterion::{Criterion, criterion_group};

fn normal<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), device)
}

/// Log-probabilities of the 5040 orders of seven elements, 64 sets.
fn order_search(criterion: &mut Criterion) {
    for (component, objective) in [
        ("order_search_best", OrderObjective::Best),
        ("order_search_marginal", OrderObjective::Marginal),
    ] {
        forward_backward(criterion, component, |device| {
            let config = OrderSearchLossConfig::new().with_objective(objective);
            let loss = config.init().unwrap();
            let log_probs = normal([64, 5040], device).autodiff().require_grad();
            move || loss.forward(log_probs.clone(), None, Reduction::Mean)
        });
    }
}

/// Logits 64 x 16 x 1000, the matching found anew each time.
fn assignment(criterion: &mut Criterion) {
    forward_backward(criterion, "assignment_loss", |device| {
        let logits = normal([64, 16, 1000], device).autodiff().require_grad();
        let targets = Tensor::<1, Int>::arange(0..1024, device)
            .remainder_scalar(1000)
            .reshape([64, 16]);
        move || {
            let matching = AssignmentLoss.assign(&logits, &targets).unwrap();
            AssignmentLoss.forward(logits.clone(), targets.clone(), matching, Reduction::Mean)
        }
    });
}

/// Five process steps over 64 sets of 32 elements of width 64; a whole network on 32 sets of ten.
fn networks(criterion: &mut Criterion) {
    forward_backward(criterion, "process_block", |device| {
        let block = ProcessBlockConfig::new(64).init_seeded(device, 0).unwrap();
        let memory = normal([64, 32, 64], device).autodiff().require_grad();
        move || block.forward(memory.clone(), None).embedding.sum()
    });
    forward_backward(criterion, "read_process_write", |device| {
        let device = device.clone().autodiff();
        let config = ReadProcessWriteConfig::new(1, 64);
        let model = config.init_seeded(&device, 0).unwrap();
        let elements = normal([32, 10, 1], &device);
        let orders = Tensor::<1, Int>::arange(0..10, &device).reshape([1, 10]);
        let orders = orders.expand([32, 10]);
        move || {
            model
                .order_log_probs(elements.clone(), None, orders.clone())
                .sum()
        }
    });
}

/// On the host: a matching of 256 with 256, all orders of seven elements, the best of twelve.
fn searches(criterion: &mut Criterion) {
    let draw = |count| host::floats(&normal([count], &Device::flex()));
    let cost = draw(256 * 256);
    criterion.bench_function("hungarian_256", |bencher| {
        bencher.iter(|| hungarian(black_box(&cost), 256, 256).unwrap());
    });
    let (start, transition) = (draw(20), draw(400));
    let scorer = |elements: usize| {
        let tokens: Vec<usize> = (0..elements).collect();
        MarkovScorer::from_logits(&start, &transition, &tokens).unwrap()
    };
    let (seven, twelve) = (scorer(7), scorer(12));
    criterion.bench_function("exact_orders_7", |bencher| {
        bencher.iter(|| exact_orders(black_box(&seven), 7, 7).unwrap());
    });
    criterion.bench_function("best_markov_order_12", |bencher| {
        bencher.iter(|| best_markov_order(black_box(&twelve)).unwrap());
    });
}

criterion_group!(benches, order_search, assignment, networks, searches);
candor_benches::bench_main!(benches);
