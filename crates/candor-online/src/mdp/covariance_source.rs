use candor_core::{ConfigError, DrawKey, InputError};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{
    EmpiricalInverse, InverseCovariance, LinearMdp, MatrixGeometricResampling,
    MatrixGeometricResamplingConfig, Policy, QEstimator, Trajectory, mean_negative_part, occupancy,
};

/// Where a learner's inverse covariances come from.
///
/// The last two play further paths in a simulator of the same dynamics; their losses are not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CovarianceSource {
    /// The known dynamics, without any draw.
    Exact,
    /// [`MatrixGeometricResampling`]. Usual: 16 batches of 200 visits, step 0.5.
    Resampled {
        /// Batches that are averaged, at least 1; as many paths again estimate the mean negative part.
        batches: usize,
        /// Paths of a batch, at least 1.
        visits: usize,
        /// Step of the series, positive and at most 1 / (γ + 1).
        step: f64,
    },
    /// [`EmpiricalInverse`]. Usual: 64 paths.
    Empirical {
        /// Paths, at least 1; as many again estimate the mean negative part.
        paths: usize,
    },
}

/// A source whose settings were checked.
#[derive(Debug, Clone)]
pub(super) enum CheckedSource {
    Exact,
    Resampled {
        resampling: MatrixGeometricResampling,
        batches: usize,
        visits: usize,
    },
    Empirical {
        paths: usize,
    },
}

/// What an episode's estimates are computed with, one entry a layer.
pub(super) struct Geometry {
    pub(super) inverses: Vec<InverseCovariance>,
    /// Empty where the estimator does not read it.
    pub(super) negative_parts: Vec<Vec<f64>>,
}

impl CovarianceSource {
    pub(super) fn init(self, gamma: f64) -> Result<CheckedSource, ConfigError> {
        const NAME: &str = "CovarianceSource";
        match self {
            Self::Exact => Ok(CheckedSource::Exact),
            Self::Resampled {
                batches,
                visits,
                step,
            } => Ok(CheckedSource::Resampled {
                resampling: MatrixGeometricResamplingConfig::new()
                    .with_gamma(gamma)
                    .with_step(step)
                    .init()?,
                batches: ConfigError::at_least_one(NAME, "batches", batches)?,
                visits: ConfigError::at_least_one(NAME, "visits", visits)?,
            }),
            Self::Empirical { paths } => Ok(CheckedSource::Empirical {
                paths: ConfigError::at_least_one(NAME, "paths", paths)?,
            }),
        }
    }
}

impl CheckedSource {
    /// The inverses under a policy, and what the estimator needs beside them.
    pub(super) fn geometry(
        &self,
        mdp: &LinearMdp,
        policy: &Policy,
        gamma: f64,
        estimator: QEstimator,
        simulator: DrawKey,
    ) -> Result<Geometry, InputError> {
        let mut simulator = Simulator {
            mdp,
            policy,
            rng: simulator.rng(),
        };
        let (inverses, resampled) = match self {
            Self::Exact => (mdp.inverses(policy, gamma)?, None),
            Self::Resampled {
                resampling,
                batches,
                visits,
            } => (
                simulator.resampled(resampling, *batches, *visits)?,
                Some(*batches),
            ),
            Self::Empirical { paths } => (simulator.empirical(*paths, gamma)?, Some(*paths)),
        };
        let negative_parts = match (estimator, resampled) {
            (QEstimator::Plain, _) => vec![Vec::new(); inverses.len()],
            (QEstimator::MagnitudeReduced, None) => exact_negative_parts(mdp, policy, &inverses)?,
            (QEstimator::MagnitudeReduced, Some(paths)) => {
                simulator.negative_parts(&inverses, paths)?
            }
        };
        Ok(Geometry {
            inverses,
            negative_parts,
        })
    }
}

fn exact_negative_parts(
    mdp: &LinearMdp,
    policy: &Policy,
    inverses: &[InverseCovariance],
) -> Result<Vec<Vec<f64>>, InputError> {
    let occupancy = occupancy(mdp.dynamics(), policy)?;
    let of_layer = |(layer, inverse): (usize, &InverseCovariance)| {
        let features = mdp.layer_features(layer);
        mean_negative_part(inverse, features, features, occupancy.layer(layer))
    };
    inverses.iter().enumerate().map(of_layer).collect()
}

/// Plays paths one by one, so that memory does not grow with their number.
struct Simulator<'a> {
    mdp: &'a LinearMdp,
    policy: &'a Policy,
    rng: ChaCha8Rng,
}

impl Simulator<'_> {
    fn path(&mut self) -> Result<Trajectory, InputError> {
        Trajectory::sample(self.mdp.dynamics(), self.policy, &mut self.rng)
    }

    fn resampled(
        &mut self,
        resampling: &MatrixGeometricResampling,
        batches: usize,
        visits: usize,
    ) -> Result<Vec<InverseCovariance>, InputError> {
        let (layers, width) = (self.mdp.dynamics().horizon(), self.mdp.width());
        let mut totals = vec![vec![0.0; width * width]; layers];
        for _ in 0..batches {
            let mut series: Vec<_> = (0..layers).map(|_| resampling.series(width)).collect();
            for _ in 0..visits {
                let path = self.path()?;
                for (series, feature) in series.iter_mut().zip(path.features(self.mdp)) {
                    series.visit(feature);
                }
            }
            for (series, total) in series.iter().zip(&mut totals) {
                series.add_to(total);
            }
        }
        let share = 1.0 / batches as f64;
        let mean = |total: Vec<f64>| total.iter().map(|sum| sum * share).collect();
        totals
            .into_iter()
            .map(|total| InverseCovariance::new(width, mean(total)))
            .collect()
    }

    fn empirical(
        &mut self,
        paths: usize,
        gamma: f64,
    ) -> Result<Vec<InverseCovariance>, InputError> {
        let empty = EmpiricalInverse::new(self.mdp.width())?;
        let mut visits = vec![empty; self.mdp.dynamics().horizon()];
        for _ in 0..paths {
            let path = self.path()?;
            for (visits, feature) in visits.iter_mut().zip(path.features(self.mdp)) {
                visits.add(feature)?;
            }
        }
        visits.iter().map(|visits| visits.inverse(gamma)).collect()
    }

    /// From paths of their own: those that made the inverse would bias it.
    fn negative_parts(
        &mut self,
        inverses: &[InverseCovariance],
        paths: usize,
    ) -> Result<Vec<Vec<f64>>, InputError> {
        let [_, states, actions] = self.mdp.shape();
        let mut parts = vec![vec![0.0; states * actions]; inverses.len()];
        let share = [1.0 / paths as f64];
        for _ in 0..paths {
            let path = self.path()?;
            for (layer, visited) in path.features(self.mdp).enumerate() {
                let (inverse, features) = (&inverses[layer], self.mdp.layer_features(layer));
                let part = mean_negative_part(inverse, features, visited, &share)?;
                for (sum, part) in parts[layer].iter_mut().zip(part) {
                    *sum += part;
                }
            }
        }
        Ok(parts)
    }
}
