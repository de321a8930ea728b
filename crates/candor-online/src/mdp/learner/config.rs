use burn::config::Config;
use candor_core::{ConfigError, InputError};
use serde::{Deserialize, Serialize};

use super::AdversarialLearner;
use crate::mdp::{
    CovarianceSource, DilatedBonusConfig, ExponentialWeights, ExponentialWeightsConfig, LinearMdp,
    LogBarrierFtrl, LogBarrierFtrlConfig, QEstimator,
};

/// What keeps a learner from following its estimates blindly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Regularizer {
    /// [`LogBarrierFtrl`].
    LogBarrier,
    /// [`ExponentialWeights`].
    ExponentialWeights,
}

/// Settings of [`AdversarialLearner`].
///
/// [`log_barrier`](Self::log_barrier) and [`magnitude_reduced`](Self::magnitude_reduced) are the paper's two algorithms,
/// [`exponential_weights`](Self::exponential_weights) is the baseline of Luo et al.
#[derive(Config, Debug)]
pub struct AdversarialLearnerConfig {
    /// How the next policy follows from the estimates.
    pub regularizer: Regularizer,
    /// How action values are estimated.
    pub estimator: QEstimator,
    /// Learning rate; finite and positive.
    pub eta: f64,
    /// Regularisation of the covariance; finite and positive.
    #[config(default = 0.003)]
    pub gamma: f64,
    /// Scale of the exploration bonus; finite and not negative.
    #[config(default = 1e-4)]
    pub beta: f64,
    /// Where inverse covariances come from.
    #[config(default = "CovarianceSource::Exact")]
    pub source: CovarianceSource,
}

impl AdversarialLearnerConfig {
    /// The log barrier with plain estimates, at the rate 0.3 √(1000 / episodes).
    pub fn log_barrier(episodes: usize) -> Self {
        let eta = rate(0.3, episodes);
        Self::new(Regularizer::LogBarrier, QEstimator::Plain, eta)
    }

    /// Exponential weights with magnitude-reduced estimates, at the rate 0.1 √(1000 / episodes).
    pub fn magnitude_reduced(episodes: usize) -> Self {
        let eta = rate(0.1, episodes);
        Self::new(
            Regularizer::ExponentialWeights,
            QEstimator::MagnitudeReduced,
            eta,
        )
    }

    /// Exponential weights with plain estimates, at the rate 0.1 √(1000 / episodes).
    pub fn exponential_weights(episodes: usize) -> Self {
        let eta = rate(0.1, episodes);
        Self::new(Regularizer::ExponentialWeights, QEstimator::Plain, eta)
    }

    /// Checks the settings and starts from the uniform policy.
    ///
    /// # Errors
    ///
    /// `eta` or `gamma` that is not finite and positive (so are the rates of zero episodes); `beta` that is negative or
    /// not finite; counts of zero or an illegal step in `source`.
    pub fn init(&self, mdp: LinearMdp) -> Result<AdversarialLearner, ConfigError> {
        const NAME: &str = "AdversarialLearnerConfig";
        let eta = ConfigError::positive(NAME, "eta", self.eta)?;
        let gamma = ConfigError::positive(NAME, "gamma", self.gamma)?;
        let leader = match self.regularizer {
            Regularizer::LogBarrier => Leader::Barrier(LogBarrierFtrlConfig::new(eta).init()?),
            Regularizer::ExponentialWeights => {
                Leader::Weights(ExponentialWeightsConfig::new(eta).init()?)
            }
        };
        let bonus = DilatedBonusConfig::new().with_beta(self.beta).init()?;
        let source = self.source.init(gamma)?;
        Ok(AdversarialLearner::start(
            mdp,
            leader,
            self.estimator,
            gamma,
            bonus,
            source,
        ))
    }
}

fn rate(at_thousand: f64, episodes: usize) -> f64 {
    at_thousand * (1000.0 / episodes as f64).sqrt()
}

/// A regulariser at its rate.
#[derive(Debug, Clone)]
pub(super) enum Leader {
    Barrier(LogBarrierFtrl),
    Weights(ExponentialWeights),
}

impl Leader {
    pub(super) fn policy(&self, cumulative: &[f64]) -> Result<Vec<f64>, InputError> {
        match self {
            Self::Barrier(barrier) => Ok(barrier.policy(cumulative)?.probabilities),
            Self::Weights(weights) => weights.policy(cumulative),
        }
    }
}
