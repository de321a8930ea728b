use candor_core::{DrawKey, InputError};

use super::config::Leader;
use crate::mdp::covariance_source::{CheckedSource, Geometry};
use crate::mdp::{ActionTable, DilatedBonus, LinearMdp, Policy, QEstimator, Trajectory, Visit};

const NAME: &str = "AdversarialLearner";

/// Learns a policy from one path an episode, whatever the losses do from episode to episode.
///
/// ```text
/// π_1 uniform;  in episode k:  play π_k, estimate Q̂_k from the path, bonus B_k of π_k,
/// C += Q̂_k − B_k,   π_{k+1} = argmin_π  π·C + R(π)/η   in every layer and state
/// ```
///
/// Losses of pairs off the path are never read. An unreachable state has no visits, yet its policy moves, through the
/// features that it shares with others.
///
/// Made by [`AdversarialLearnerConfig`](crate::mdp::AdversarialLearnerConfig).
///
/// Source: Liu, Wei, Zimmert, Liu (2023), arXiv 2301.12942; rates are of our choosing, not the theorems'.
///
/// ```
/// use candor_core::DrawKey;
/// use candor_online::mdp::{AdversarialLearnerConfig, LinearMdp, TabularDynamics, Trajectory};
///
/// let mdp = LinearMdp::tabular(TabularDynamics::new([1, 1, 2], vec![], vec![1.0])?);
/// let mut learner = AdversarialLearnerConfig::log_barrier(1000).init(mdp)?;
/// let path = Trajectory::new(learner.mdp().dynamics(), vec![(0, 1)])?;
/// learner.episode(&path, &[1.0], DrawKey::new(0))?; // action 1 was costly
/// assert!(learner.policy().row(0, 0)[0] > 0.5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct AdversarialLearner {
    mdp: LinearMdp,
    leader: Leader,
    estimator: QEstimator,
    gamma: f64,
    bonus: DilatedBonus,
    source: CheckedSource,
    cumulative: ActionTable,
    policy: Policy,
}

/// What one episode added.
#[derive(Debug, Clone, PartialEq)]
pub struct EpisodeUpdate {
    /// Estimated action values.
    pub estimates: ActionTable,
    /// Dilated bonus, which was subtracted.
    pub bonus: ActionTable,
}

impl AdversarialLearner {
    pub(super) fn start(
        mdp: LinearMdp,
        leader: Leader,
        estimator: QEstimator,
        gamma: f64,
        bonus: DilatedBonus,
        source: CheckedSource,
    ) -> Self {
        let shape = mdp.shape();
        let share = 1.0 / shape[2] as f64;
        Self {
            mdp,
            leader,
            estimator,
            gamma,
            bonus,
            source,
            cumulative: ActionTable::zeros(shape),
            policy: Policy::from_checked(ActionTable::filled(shape, share)),
        }
    }

    /// The process.
    pub fn mdp(&self) -> &LinearMdp {
        &self.mdp
    }

    /// The policy of the next episode.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Estimates less bonuses of all episodes so far.
    pub fn cumulative(&self) -> &ActionTable {
        &self.cumulative
    }

    /// Learns from one path that [`policy`](Self::policy) played, with the loss of each of its steps.
    ///
    /// `simulator` names the draws of a [`CovarianceSource`](crate::mdp::CovarianceSource) that draws: take another one
    /// each episode.
    ///
    /// # Errors
    ///
    /// A path of another process, another number of losses than of layers, a loss outside `[0, 1]`. The learner is then
    /// as it was.
    pub fn episode(
        &mut self,
        trajectory: &Trajectory,
        losses: &[f64],
        simulator: DrawKey,
    ) -> Result<EpisodeUpdate, InputError> {
        // Checks the path against this process: it may come from another one.
        let trajectory = Trajectory::new(self.mdp.dynamics(), trajectory.steps().to_vec())?;
        let layers = self.mdp.dynamics().horizon();
        InputError::check_dims(NAME, "losses", &[losses.len()], &[layers])?;
        check_losses(losses)?;
        let geometry = self.source.geometry(
            &self.mdp,
            &self.policy,
            self.gamma,
            self.estimator,
            simulator,
        )?;
        let estimates = self.estimates(&trajectory, losses, &geometry)?;
        let bonus = self
            .bonus
            .compute(&self.mdp, &self.policy, &geometry.inverses)?
            .dilated;
        let mut cumulative = self.cumulative.clone();
        cumulative.add_scaled(1.0, &estimates);
        cumulative.add_scaled(-1.0, &bonus);
        self.policy = self.next_policy(&cumulative)?;
        self.cumulative = cumulative;
        Ok(EpisodeUpdate { estimates, bonus })
    }

    fn estimates(
        &self,
        trajectory: &Trajectory,
        losses: &[f64],
        geometry: &Geometry,
    ) -> Result<ActionTable, InputError> {
        let mut estimates = ActionTable::zeros(self.mdp.shape());
        let layers = geometry.inverses.iter().zip(&geometry.negative_parts);
        for ((layer, (inverse, negative_part)), feature) in
            layers.enumerate().zip(trajectory.features(&self.mdp))
        {
            let visit = Visit {
                feature,
                cumulative_loss: losses[layer..].iter().sum(),
                horizon: losses.len(),
            };
            let features = self.mdp.layer_features(layer);
            let values = self
                .estimator
                .estimate(inverse, features, &visit, negative_part)?;
            estimates.layer_mut(layer).copy_from_slice(&values);
        }
        Ok(estimates)
    }

    fn next_policy(&self, cumulative: &ActionTable) -> Result<Policy, InputError> {
        let [layers, states, _] = self.mdp.shape();
        let mut probabilities = ActionTable::zeros(self.mdp.shape());
        for layer in 0..layers {
            for state in 0..states {
                let next = self.leader.policy(cumulative.row(layer, state))?;
                probabilities.row_mut(layer, state).copy_from_slice(&next);
            }
        }
        Ok(Policy::from_checked(probabilities))
    }
}

/// Refuses losses outside `[0, 1]`.
pub(super) fn check_losses(losses: &[f64]) -> Result<(), InputError> {
    InputError::check_values(NAME, "losses", losses, "between 0 and 1", |loss| {
        (0.0..=1.0).contains(&loss)
    })
}
