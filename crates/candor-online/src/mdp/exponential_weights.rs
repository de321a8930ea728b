use burn::config::Config;
use candor_core::{ConfigError, InputError};

/// Settings of [`ExponentialWeights`].
#[derive(Config, Debug)]
pub struct ExponentialWeightsConfig {
    /// Learning rate; finite and positive. A usual choice over K episodes is 0.1 √(1000 / K).
    pub eta: f64,
}

impl ExponentialWeightsConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// `eta` that is not finite and positive.
    pub fn init(&self) -> Result<ExponentialWeights, ConfigError> {
        let eta = ConfigError::positive("ExponentialWeightsConfig", "eta", self.eta)?;
        Ok(ExponentialWeights { eta })
    }
}

/// Exponential weights: follow the leader regularised by negative entropy.
///
/// ```text
/// p = softmax(−η C)
/// ```
///
/// The smallest cost is subtracted first, so that nothing overflows; an action far behind gets probability 0. With the
/// plain estimate the analysis asks for η H / γ ≤ 1, with the magnitude-reduced one it does not.
///
/// ```
/// use candor_online::mdp::ExponentialWeightsConfig;
///
/// let weights = ExponentialWeightsConfig::new(1.0).init()?;
/// let next = weights.policy(&[5.0, 5.0 + 3f64.ln()])?;
/// assert!((next[0] - 0.75).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct ExponentialWeights {
    eta: f64,
}

impl ExponentialWeights {
    /// The distribution for the cumulative costs of a state's actions.
    ///
    /// # Errors
    ///
    /// No action, a cost that is not finite.
    pub fn policy(&self, cumulative: &[f64]) -> Result<Vec<f64>, InputError> {
        let weights: Vec<f64> = gaps("ExponentialWeights", cumulative)?
            .iter()
            .map(|gap| (-self.eta * gap).exp())
            .collect();
        let total: f64 = weights.iter().sum();
        Ok(weights.iter().map(|weight| weight / total).collect())
    }
}

/// The costs above the smallest one.
pub(super) fn gaps(component: &'static str, cumulative: &[f64]) -> Result<Vec<f64>, InputError> {
    InputError::check_not_empty(component, "cumulative", cumulative.len())?;
    InputError::check_finite(component, "cumulative", cumulative)?;
    let smallest = cumulative.iter().copied().fold(f64::INFINITY, f64::min);
    Ok(cumulative.iter().map(|cost| cost - smallest).collect())
}
