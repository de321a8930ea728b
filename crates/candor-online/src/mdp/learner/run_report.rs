use candor_core::{DrawKey, InputError};
use rand::RngExt;

use super::AdversarialLearner;
use super::adversarial_learner::check_losses;
use crate::mdp::{ActionTable, PolicyEvaluation, Trajectory, regret};

const NAME: &str = "AdversarialLearner";

/// What a run over a known sequence of losses came to.
#[derive(Debug, Clone, PartialEq)]
pub struct RunReport {
    /// The path of every episode.
    pub trajectories: Vec<Trajectory>,
    /// The expected loss of every episode's policy.
    pub values: Vec<f64>,
    /// The sum of these less that of the best fixed policy.
    pub regret: f64,
    /// The lowest action value that was estimated.
    pub lowest_estimate: f64,
}

impl AdversarialLearner {
    /// Plays and learns one episode for each table of losses, and tells the regret.
    ///
    /// The learner sees the losses on its paths; the report reads all of them. For losses that answer to the policy, call
    /// [`episode`](Self::episode) in a loop of your own.
    ///
    /// # Errors
    ///
    /// No episode, losses of another shape or outside `[0, 1]`.
    ///
    /// ```
    /// use candor_core::DrawKey;
    /// use candor_online::mdp::{ActionTable, AdversarialLearnerConfig, LinearMdp, TabularDynamics};
    ///
    /// let mdp = LinearMdp::tabular(TabularDynamics::new([1, 1, 2], vec![], vec![1.0])?);
    /// let mut learner = AdversarialLearnerConfig::magnitude_reduced(200).init(mdp)?;
    /// let losses = vec![ActionTable::new([1, 1, 2], vec![0.1, 0.9])?; 200];
    /// let report = learner.run(&losses, DrawKey::new(1))?;
    /// assert!(report.regret < 0.2 * 80.0); // uniform play has a regret of 200 · 0.4
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run(&mut self, losses: &[ActionTable], key: DrawKey) -> Result<RunReport, InputError> {
        let draws = 2 * self.mdp().dynamics().horizon();
        let uniforms: Vec<Vec<f64>> = (0..losses.len() as u64)
            .map(|episode| {
                let mut rng = key.row(episode).draw(PATH).rng();
                (0..draws).map(|_| rng.random()).collect()
            })
            .collect();
        self.run_with(losses, &uniforms, key)
    }

    /// The same with given draws: 2 H numbers an episode, as [`Trajectory::from_uniforms`] takes them.
    ///
    /// `simulator` is read only by a [`CovarianceSource`](crate::mdp::CovarianceSource) that draws.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run); another number of draws, or a draw outside `[0, 1]`.
    pub fn run_with(
        &mut self,
        losses: &[ActionTable],
        uniforms: &[Vec<f64>],
        simulator: DrawKey,
    ) -> Result<RunReport, InputError> {
        InputError::check_not_empty(NAME, "losses", losses.len())?;
        InputError::check_dims(NAME, "uniforms", &[uniforms.len()], &[losses.len()])?;
        for losses in losses {
            losses.check_shape(NAME, "losses", self.mdp().shape())?;
            check_losses(losses.values())?;
        }
        let mut report = RunReport {
            trajectories: Vec::with_capacity(losses.len()),
            values: Vec::with_capacity(losses.len()),
            regret: 0.0,
            lowest_estimate: f64::INFINITY,
        };
        for (episode, (losses, uniforms)) in losses.iter().zip(uniforms).enumerate() {
            let key = simulator.row(episode as u64).draw(SIMULATOR);
            self.play(losses, uniforms, key, &mut report)?;
        }
        report.regret = regret(self.mdp().dynamics(), losses, &report.values)?;
        Ok(report)
    }

    fn play(
        &mut self,
        losses: &ActionTable,
        uniforms: &[f64],
        simulator: DrawKey,
        report: &mut RunReport,
    ) -> Result<(), InputError> {
        let dynamics = self.mdp().dynamics();
        let evaluation = PolicyEvaluation::of(dynamics, self.policy(), losses)?;
        let trajectory = Trajectory::from_uniforms(dynamics, self.policy(), uniforms)?;
        let steps = trajectory.steps().iter().enumerate();
        let seen: Vec<f64> = steps
            .map(|(layer, &(state, action))| losses.row(layer, state)[action])
            .collect();
        let update = self.episode(&trajectory, &seen, simulator)?;
        let estimates = update.estimates.values().iter().copied();
        report.lowest_estimate = estimates.fold(report.lowest_estimate, f64::min);
        report.values.push(evaluation.value);
        report.trajectories.push(trajectory);
        Ok(())
    }
}

/// The draws of an episode that its path is made of.
const PATH: u64 = 0;
/// Those of the covariance source.
const SIMULATOR: u64 = 1;
