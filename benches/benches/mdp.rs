//! Learners of adversarial decision processes: what an episode costs. All on the host, so there is one row a learner.
#![allow(missing_docs, clippy::unwrap_used)] // a bench that cannot be set up should stop

use std::hint::black_box;

use candor_core::DrawKey;
use candor_online::mdp::{
    ActionTable, AdversarialLearnerConfig, CovarianceSource, LinearMdp, LogBarrierFtrlConfig,
    TabularDynamics,
};
use criterion::{Criterion, criterion_group};
use rand::RngExt;

/// The claim's size: layers, states, actions; features.
const SHAPE: [usize; 3] = [3, 5, 5];
const WIDTH: usize = 4;
const EPISODES: usize = 100;

fn uniforms(count: usize, draw: u64) -> Vec<f64> {
    let mut rng = DrawKey::new(0).draw(draw).rng();
    (0..count).map(|_| rng.random()).collect()
}

/// Uniform transitions; features of length below 1.
fn process() -> LinearMdp {
    let [layers, states, actions] = SHAPE;
    let transition = vec![1.0 / states as f64; (layers - 1) * states * actions * states];
    let dynamics =
        TabularDynamics::new(SHAPE, transition, vec![1.0 / states as f64; states]).unwrap();
    let features = uniforms(layers * states * actions * WIDTH, 1)
        .iter()
        .map(|entry| 0.5 * entry)
        .collect();
    LinearMdp::new(dynamics, WIDTH, features).unwrap()
}

/// 100 episodes of each learner, and of one that simulates its covariances.
fn learners(criterion: &mut Criterion) {
    let losses: Vec<_> = (0..EPISODES as u64)
        .map(|episode| ActionTable::new(SHAPE, uniforms(75, 2 + episode)).unwrap())
        .collect();
    let configs = [
        (
            "log_barrier",
            AdversarialLearnerConfig::log_barrier(EPISODES),
        ),
        (
            "magnitude_reduced",
            AdversarialLearnerConfig::magnitude_reduced(EPISODES),
        ),
        (
            "exponential_weights",
            AdversarialLearnerConfig::exponential_weights(EPISODES),
        ),
        (
            "magnitude_reduced_empirical",
            AdversarialLearnerConfig::magnitude_reduced(EPISODES)
                .with_source(CovarianceSource::Empirical { paths: 64 }),
        ),
    ];
    let mut group = criterion.benchmark_group("adversarial_mdp");
    for (name, config) in configs {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut learner = config.init(process()).unwrap();
                black_box(learner.run(&losses, DrawKey::new(0)).unwrap())
            });
        });
    }
}

/// One distribution over 1000 actions.
fn log_barrier(criterion: &mut Criterion) {
    let costs = uniforms(1000, 1);
    let barrier = LogBarrierFtrlConfig::new(0.3).init().unwrap();
    criterion.bench_function("log_barrier_ftrl", |bencher| {
        bencher.iter(|| barrier.policy(black_box(&costs)).unwrap());
    });
}

criterion_group!(benches, learners, log_barrier);
candor_benches::bench_main!(benches);
