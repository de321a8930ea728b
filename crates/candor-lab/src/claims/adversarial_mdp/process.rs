use candor_core::DrawKey;
use candor_online::mdp::{ActionTable, LinearMdp, TabularDynamics};
use rand::{Rng, RngExt};
use rand_distr::{Distribution, Gamma};

use crate::run::RunError;

const SHAPE: [usize; 3] = [3, 5, 5];
const WIDTH: usize = 4;
/// Of the Dirichlet distributions that features and transitions come from: most weight on few entries.
const CONCENTRATION: f64 = 0.3;
/// How far an episode's loss weights lie from their base.
const SPREAD: f64 = 0.2;
/// The draws of a seed: the process, then its losses.
const LOSSES: u64 = 1;

/// A linear MDP whose features are mixtures, so that transitions and losses linear in them are in range.
pub(super) struct Process {
    pub(super) mdp: LinearMdp,
}

impl Process {
    pub(super) fn draw(seed: u64) -> Result<Self, RunError> {
        let [layers, states, actions] = SHAPE;
        let mut rng = DrawKey::new(seed).rng();
        let features: Vec<f64> = (0..layers * states * actions)
            .flat_map(|_| dirichlet(WIDTH, &mut rng))
            .collect();
        let pairs = states * actions * WIDTH;
        let mut transition = Vec::new();
        for features in features.chunks(pairs).take(layers - 1) {
            let targets: Vec<Vec<f64>> = (0..WIDTH).map(|_| dirichlet(states, &mut rng)).collect();
            for feature in features.chunks(WIDTH) {
                transition.extend((0..states).map(|state| {
                    let shares = feature.iter().zip(&targets);
                    shares
                        .map(|(share, target)| share * target[state])
                        .sum::<f64>()
                }));
            }
        }
        let mut initial = vec![0.0; states];
        initial[0] = 1.0;
        let dynamics = TabularDynamics::new(SHAPE, transition, initial)?;
        Ok(Self {
            mdp: LinearMdp::new(dynamics, WIDTH, features)?,
        })
    }

    /// Losses that wander around a base, which is drawn anew after a third of the episodes.
    pub(super) fn losses(&self, seed: u64, episodes: usize) -> Result<Vec<ActionTable>, RunError> {
        let mut rng = DrawKey::new(seed).draw(LOSSES).rng();
        let mut base = Vec::new();
        let mut losses = Vec::with_capacity(episodes);
        for episode in 0..episodes {
            if episode == 0 || episode == episodes / 3 {
                base = (0..SHAPE[0] * WIDTH)
                    .map(|_| rng.random_range(0.2..0.8))
                    .collect();
            }
            let weights: Vec<f64> = base
                .iter()
                .map(|base| (base + rng.random_range(-SPREAD..SPREAD)).clamp(0.0, 1.0))
                .collect();
            losses.push(self.linear_losses(&weights)?);
        }
        Ok(losses)
    }

    fn linear_losses(&self, weights: &[f64]) -> Result<ActionTable, RunError> {
        let mut values = Vec::new();
        for (layer, weights) in weights.chunks(WIDTH).enumerate() {
            values.extend(self.mdp.layer_features(layer).chunks(WIDTH).map(|feature| {
                let loss: f64 = feature.iter().zip(weights).map(|(f, w)| f * w).sum();
                loss.min(1.0) // a mixture's weights may sum to 1 + 1e-16
            }));
        }
        Ok(ActionTable::new(SHAPE, values)?)
    }
}

fn dirichlet(size: usize, rng: &mut impl Rng) -> Vec<f64> {
    let weights: Vec<f64> = match Gamma::new(CONCENTRATION, 1.0) {
        Ok(gamma) => (0..size).map(|_| gamma.sample(rng)).collect(),
        Err(_) => vec![1.0; size], // not with this concentration
    };
    let total: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / total).collect()
}
