use candor_core::InputError;
use rand::{Rng, RngExt};

use super::distribution::inverse_cdf;
use super::{LinearMdp, Policy, TabularDynamics};

const NAME: &str = "Trajectory";

/// One path through the layers: a state and an action in each.
///
/// ```
/// use candor_online::mdp::{Policy, TabularDynamics, Trajectory};
///
/// let dynamics = TabularDynamics::new([2, 2, 1], vec![0.5; 4], vec![0.5, 0.5])?;
/// let policy = Policy::uniform([2, 2, 1])?;
/// // First state, first action, next state, last action.
/// let path = Trajectory::from_uniforms(&dynamics, &policy, &[0.9, 0.3, 0.2, 0.3])?;
/// assert_eq!(path.steps(), [(1, 0), (0, 0)]);
/// # Ok::<(), candor_core::InputError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trajectory {
    steps: Vec<(usize, usize)>,
}

impl Trajectory {
    /// A path that was played elsewhere, as (state, action) of every layer.
    ///
    /// # Errors
    ///
    /// Another number of steps than of layers, a state or action that is not there.
    pub fn new(dynamics: &TabularDynamics, steps: Vec<(usize, usize)>) -> Result<Self, InputError> {
        let [layers, states, actions] = dynamics.shape();
        InputError::check_dims(NAME, "steps", &[steps.len()], &[layers])?;
        let (visited, played): (Vec<i64>, Vec<i64>) = steps
            .iter()
            .map(|&(state, action)| (state as i64, action as i64))
            .unzip();
        InputError::check_labels(NAME, "states", &visited, states)?;
        InputError::check_labels(NAME, "actions", &played, actions)?;
        Ok(Self { steps })
    }

    /// Plays a policy with given draws, 2 H numbers in `[0, 1]`: the first state, then action and next state in turn.
    ///
    /// A draw u takes the first entry whose cumulated probability exceeds u.
    ///
    /// # Errors
    ///
    /// A policy of another shape, another number of draws, a draw outside `[0, 1]`.
    pub fn from_uniforms(
        dynamics: &TabularDynamics,
        policy: &Policy,
        uniforms: &[f64],
    ) -> Result<Self, InputError> {
        policy
            .table()
            .check_shape(NAME, "policy", dynamics.shape())?;
        let wanted = 2 * dynamics.horizon();
        InputError::check_dims(NAME, "uniforms", &[uniforms.len()], &[wanted])?;
        InputError::check_values(NAME, "uniforms", uniforms, "between 0 and 1", |uniform| {
            (0.0..=1.0).contains(&uniform)
        })?;
        let mut given = uniforms.iter().copied();
        Ok(Self::play(dynamics, policy, || given.next().unwrap_or(0.0)))
    }

    /// Plays a policy with draws of a generator.
    ///
    /// # Errors
    ///
    /// A policy of another shape.
    pub fn sample(
        dynamics: &TabularDynamics,
        policy: &Policy,
        rng: &mut impl Rng,
    ) -> Result<Self, InputError> {
        policy
            .table()
            .check_shape(NAME, "policy", dynamics.shape())?;
        Ok(Self::play(dynamics, policy, || rng.random()))
    }

    fn play(dynamics: &TabularDynamics, policy: &Policy, mut uniform: impl FnMut() -> f64) -> Self {
        let mut state = inverse_cdf(dynamics.initial(), uniform());
        let mut steps = Vec::with_capacity(dynamics.horizon());
        for layer in 0..dynamics.horizon() {
            let action = inverse_cdf(policy.row(layer, state), uniform());
            steps.push((state, action));
            let successors = dynamics.successors(layer, state, action);
            if !successors.is_empty() {
                state = inverse_cdf(successors, uniform());
            }
        }
        Self { steps }
    }

    /// State and action of every layer.
    pub fn steps(&self) -> &[(usize, usize)] {
        &self.steps
    }

    /// The features of the visited pairs, layer by layer.
    pub(super) fn features<'a>(
        &'a self,
        mdp: &'a LinearMdp,
    ) -> impl Iterator<Item = &'a [f64]> + 'a {
        let steps = self.steps.iter().enumerate();
        steps.map(|(layer, &(state, action))| mdp.feature(layer, state, action))
    }
}
