//! Small processes to try things on.

use candor_core::DrawKey;
use candor_online::mdp::{ActionTable, LinearMdp, Policy, TabularDynamics};
use proptest::prelude::*;
use rand::{Rng, RngExt};

/// Weights that sum to 1, some of them small.
fn distribution(size: usize, rng: &mut impl Rng) -> Vec<f64> {
    let weights: Vec<f64> = (0..size)
        .map(|_| rng.random::<f64>().powi(3) + 1e-3)
        .collect();
    let total: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / total).collect()
}

fn distributions(rows: usize, size: usize, rng: &mut impl Rng) -> Vec<f64> {
    (0..rows).flat_map(|_| distribution(size, rng)).collect()
}

/// Random transitions and random features of length at most 1, of both signs.
pub(crate) fn process(shape: [usize; 3], width: usize, seed: u64) -> LinearMdp {
    let [layers, states, actions] = shape;
    let mut rng = DrawKey::new(seed).rng();
    let transition = distributions((layers - 1) * states * actions, states, &mut rng);
    let initial = distribution(states, &mut rng);
    let dynamics = TabularDynamics::new(shape, transition, initial).unwrap();
    let features = (0..layers * states * actions)
        .flat_map(|_| {
            let feature: Vec<f64> = (0..width).map(|_| rng.random_range(-1.0..1.0)).collect();
            let length = feature
                .iter()
                .map(|entry| entry * entry)
                .sum::<f64>()
                .sqrt();
            feature
                .into_iter()
                .map(move |entry| entry / length.max(1.0))
        })
        .collect();
    LinearMdp::new(dynamics, width, features).unwrap()
}

pub(crate) fn policy(shape: [usize; 3], seed: u64) -> Policy {
    let mut rng = DrawKey::new(seed).draw(1).rng();
    let probabilities = distributions(shape[0] * shape[1], shape[2], &mut rng);
    Policy::new(ActionTable::new(shape, probabilities).unwrap()).unwrap()
}

pub(crate) fn losses(shape: [usize; 3], seed: u64) -> ActionTable {
    let mut rng = DrawKey::new(seed).draw(2).rng();
    let size = shape.iter().product();
    ActionTable::new(shape, (0..size).map(|_| rng.random()).collect()).unwrap()
}

/// Layers, states, actions.
pub(crate) fn shapes() -> impl Strategy<Value = [usize; 3]> {
    [1..4usize, 1..5usize, 1..5usize]
}
