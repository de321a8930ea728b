//! The estimators against their theory, without sampling.

use candor_core::DrawKey;
use candor_online::mdp::{
    AdversarialLearnerConfig, InverseCovariance, LinearMdp, Policy, QEstimator, Visit,
    mean_negative_part, occupancy,
};

use super::PLAY;
use super::process::Process;
use crate::run::RunError;

/// The learner's regularisation.
const GAMMA: f64 = 0.003;
/// Into how many pieces a run is cut to look at its policies.
const PIECES: usize = 10;
/// Returns that visited pairs are tried with, as shares of the horizon.
const RETURNS: [f64; 3] = [0.0, 0.4, 1.0];

/// What the estimates of a seed came to, over the policies that a learner went through.
pub(super) struct Exactness {
    /// Largest difference of the mean plain estimate to the mean reduced one.
    pub(super) mean_gap: f64,
    /// Smallest excess of a reduced estimate over −H √n.
    pub(super) slack: f64,
}

impl Exactness {
    pub(super) fn of(process: &Process, seed: u64, episodes: usize) -> Result<Self, RunError> {
        let losses = process.losses(seed, episodes)?;
        let mdp = &process.mdp;
        let mut learner =
            AdversarialLearnerConfig::magnitude_reduced(episodes).init(mdp.clone())?;
        let mut seen = Self {
            mean_gap: 0.0,
            slack: f64::INFINITY,
        };
        seen.look_at(mdp, learner.policy())?;
        for (piece, losses) in losses.chunks(episodes.div_ceil(PIECES)).enumerate() {
            learner.run(losses, DrawKey::new(seed + PLAY * (piece as u64 + 2)))?;
            seen.look_at(mdp, learner.policy())?;
        }
        Ok(seen)
    }

    fn look_at(&mut self, mdp: &LinearMdp, policy: &Policy) -> Result<(), RunError> {
        let [_, states, actions] = mdp.shape();
        let occupancy = occupancy(mdp.dynamics(), policy)?;
        let shares = occupancy.values().chunks(states * actions);
        for ((layer, inverse), shares) in
            mdp.inverses(policy, GAMMA)?.iter().enumerate().zip(shares)
        {
            let layer = Layer {
                inverse,
                features: mdp.layer_features(layer),
                shares,
                horizon: mdp.dynamics().horizon(),
            };
            for share in RETURNS {
                self.compare(&layer, share)?;
            }
        }
        Ok(())
    }

    fn compare(&mut self, layer: &Layer, share: f64) -> Result<(), RunError> {
        let uncertainties = layer.inverse.uncertainties(layer.features)?;
        let mut gaps = vec![0.0; uncertainties.len()];
        for (estimates, weight) in layer.estimates(share)?.iter().zip(layer.shares) {
            for (place, uncertainty) in uncertainties.iter().enumerate() {
                let (plain, reduced) = (estimates.plain[place], estimates.reduced[place]);
                gaps[place] += weight * (plain - reduced);
                let bound = -(layer.horizon as f64) * uncertainty.sqrt();
                self.slack = self.slack.min(reduced - bound);
            }
        }
        let largest = gaps
            .iter()
            .fold(0.0, |largest: f64, gap| largest.max(gap.abs()));
        self.mean_gap = self.mean_gap.max(largest);
        Ok(())
    }
}

/// A layer's features, how often each is visited, and the inverse covariance of that.
struct Layer<'a> {
    inverse: &'a InverseCovariance,
    features: &'a [f64],
    shares: &'a [f64],
    horizon: usize,
}

struct Estimates {
    plain: Vec<f64>,
    reduced: Vec<f64>,
}

impl Layer<'_> {
    /// Of every pair that may be visited, with a return of a share of the horizon.
    fn estimates(&self, share: f64) -> Result<Vec<Estimates>, RunError> {
        let negative = mean_negative_part(self.inverse, self.features, self.features, self.shares)?;
        self.features
            .chunks(self.inverse.width())
            .map(|feature| {
                let visit = Visit {
                    feature,
                    cumulative_loss: share * self.horizon as f64,
                    horizon: self.horizon,
                };
                let estimate = |kind: QEstimator| {
                    kind.estimate(self.inverse, self.features, &visit, &negative)
                };
                Ok(Estimates {
                    plain: estimate(QEstimator::Plain)?,
                    reduced: estimate(QEstimator::MagnitudeReduced)?,
                })
            })
            .collect()
    }
}

/// How the lowest estimate scales with γ, as slopes of its logarithm.
pub(super) struct Slopes {
    pub(super) plain: f64,
    pub(super) reduced: f64,
}

/// Features e1, e2 and −e2; e2 is visited with probability γ, e1 otherwise, −e2 never.
pub(super) fn lowest_slopes() -> Result<Slopes, RunError> {
    let features = [1.0, 0.0, 0.0, 1.0, 0.0, -1.0];
    let mut logarithms: [Vec<f64>; 3] = Default::default();
    for gamma in [1e-1, 1e-2, 1e-3, 1e-4] {
        let covariance = [1.0 - gamma, 0.0, 0.0, gamma];
        let layer = Layer {
            inverse: &InverseCovariance::regularised(2, &covariance, gamma)?,
            features: &features,
            shares: &[1.0 - gamma, gamma, 0.0],
            horizon: 3,
        };
        let estimates = layer.estimates(1.0)?;
        let visited = &estimates[..2];
        let lowest = |of: fn(&Estimates) -> &[f64]| {
            let values = visited.iter().flat_map(of).copied();
            values.fold(f64::INFINITY, f64::min)
        };
        let [gammas, plain, reduced] = &mut logarithms;
        gammas.push(gamma.ln());
        plain.push((-lowest(|estimates| &estimates.plain)).ln());
        reduced.push((-lowest(|estimates| &estimates.reduced)).ln());
    }
    let [gammas, plain, reduced] = &logarithms;
    Ok(Slopes {
        plain: slope(gammas, plain),
        reduced: slope(gammas, reduced),
    })
}

/// Of the line fitted by least squares.
fn slope(x: &[f64], y: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (centre, height) = (mean(x), mean(y));
    let along: f64 = x
        .iter()
        .zip(y)
        .map(|(x, y)| (x - centre) * (y - height))
        .sum();
    along / x.iter().map(|x| (x - centre).powi(2)).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reduced_estimate_does_not_follow_gamma() {
        // -H / (2 gamma) and -H / 2
        let slopes = lowest_slopes().unwrap();
        assert!((slopes.plain + 1.0).abs() < 1e-9);
        assert!(slopes.reduced.abs() < 1e-9);
    }
}
