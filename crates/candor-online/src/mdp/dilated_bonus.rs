use burn::config::Config;
use candor_core::{ConfigError, InputError};

use super::backward::backward_induction;
use super::{ActionTable, InverseCovariance, LinearMdp, Policy, TabularDynamics};

const NAME: &str = "DilatedBonus";

/// Settings of [`DilatedBonus`].
#[derive(Config, Debug)]
pub struct DilatedBonusConfig {
    /// Scale of the bonus; finite and not negative, 0 turns it off.
    #[config(default = 1e-4)]
    pub beta: f64,
}

impl DilatedBonusConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// `beta` that is negative or not finite.
    pub fn init(&self) -> Result<DilatedBonus, ConfigError> {
        let beta = ConfigError::non_negative("DilatedBonusConfig", "beta", self.beta)?;
        Ok(DilatedBonus { beta })
    }
}

/// A reward for uncertain pairs that reaches back to the pairs that lead to them.
///
/// ```text
/// n = φᵀ M φ,   b = β (n(s, a) + Σ_a' π(a'|s) n(s, a')),   B = dilated b
/// ```
///
/// It is subtracted from the estimated losses. See [`dilated`] for the second step.
///
/// Source: Luo, Wei, Lee (2021), arXiv 2107.08346; arXiv 2301.12942.
///
/// ```
/// use candor_online::mdp::{DilatedBonusConfig, InverseCovariance, LinearMdp, Policy, TabularDynamics};
///
/// let mdp = LinearMdp::tabular(TabularDynamics::new([1, 1, 1], vec![], vec![1.0])?);
/// let inverse = InverseCovariance::new(1, vec![3.0])?;
/// let bonus = DilatedBonusConfig::new().with_beta(0.5).init()?;
/// let bonus = bonus.compute(&mdp, &Policy::uniform([1, 1, 1])?, &[inverse])?;
/// assert_eq!(bonus.dilated.values(), [3.0]); // 0.5 · (3 + 3)
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct DilatedBonus {
    beta: f64,
}

/// The bonus of every pair, alone and with what follows from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Bonus {
    /// Of the pair itself.
    pub exploration: ActionTable,
    /// With the dilated future.
    pub dilated: ActionTable,
}

impl DilatedBonus {
    /// The bonus of a policy, with one inverse covariance a layer.
    ///
    /// # Errors
    ///
    /// A policy of another shape, another number of inverses than of layers, inverses of another width.
    pub fn compute(
        &self,
        mdp: &LinearMdp,
        policy: &Policy,
        inverses: &[InverseCovariance],
    ) -> Result<Bonus, InputError> {
        policy.table().check_shape(NAME, "policy", mdp.shape())?;
        let [layers, states, _] = mdp.shape();
        InputError::check_dims(NAME, "inverses", &[inverses.len()], &[layers])?;
        let mut exploration = ActionTable::zeros(mdp.shape());
        for (layer, inverse) in inverses.iter().enumerate() {
            InputError::check_dims(NAME, "inverse", &[inverse.width()], &[mdp.width()])?;
            let uncertainties = inverse.uncertainties(mdp.layer_features(layer))?;
            exploration.layer_mut(layer).copy_from_slice(&uncertainties);
            for state in 0..states {
                let mean = policy.mean(layer, state, exploration.row(layer, state));
                for value in exploration.row_mut(layer, state) {
                    *value = self.beta * (*value + mean);
                }
            }
        }
        let dilated = dilated(mdp.dynamics(), policy, &exploration)?;
        Ok(Bonus {
            exploration,
            dilated,
        })
    }
}

/// Carries a bonus back through the dynamics, a little enlarged at every step.
///
/// ```text
/// B[h, s, a] = b[h, s, a] + (1 + 1/H) E_{s'} Σ_a' π(a'|s') B[h + 1, s', a'],   B[H] = 0
/// ```
///
/// Only the future is dilated. The result is at most e times the plain sum of future bonuses.
///
/// # Errors
///
/// A policy or bonus of another shape than the dynamics.
///
/// ```
/// use candor_online::mdp::{ActionTable, Policy, TabularDynamics, dilated};
///
/// let dynamics = TabularDynamics::new([2, 1, 1], vec![1.0], vec![1.0])?;
/// let bonus = ActionTable::new([2, 1, 1], vec![1.0, 1.0])?;
/// let dilated = dilated(&dynamics, &Policy::uniform([2, 1, 1])?, &bonus)?;
/// assert_eq!(dilated.values(), [2.5, 1.0]); // 1 + 1.5 · 1
/// # Ok::<(), candor_core::InputError>(())
/// ```
pub fn dilated(
    dynamics: &TabularDynamics,
    policy: &Policy,
    bonus: &ActionTable,
) -> Result<ActionTable, InputError> {
    policy
        .table()
        .check_shape(NAME, "policy", dynamics.shape())?;
    bonus.check_shape(NAME, "bonus", dynamics.shape())?;
    let future = 1.0 + 1.0 / dynamics.horizon() as f64;
    let induction = backward_induction(dynamics, bonus, future, |layer, state, values| {
        policy.mean(layer, state, values)
    });
    Ok(induction.action_values)
}
