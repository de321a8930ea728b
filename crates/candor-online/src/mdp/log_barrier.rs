use burn::config::Config;
use candor_core::{ConfigError, InputError};

use super::exponential_weights::gaps;

/// Settings of [`LogBarrierFtrl`].
#[derive(Config, Debug)]
pub struct LogBarrierFtrlConfig {
    /// Learning rate; finite and positive. A usual choice over K episodes is 0.3 √(1000 / K).
    pub eta: f64,
}

impl LogBarrierFtrlConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// `eta` that is not finite and positive.
    pub fn init(&self) -> Result<LogBarrierFtrl, ConfigError> {
        let eta = ConfigError::positive("LogBarrierFtrlConfig", "eta", self.eta)?;
        Ok(LogBarrierFtrl { eta })
    }
}

/// Follow the regularised leader with a logarithmic barrier.
///
/// ```text
/// argmin_p  p·C − (1/η) Σ_a ln p_a,   so   p_a = 1 / (η (C_a − min C + μ))
/// ```
///
/// where μ in [1/η, A/η] makes the sum 1. Probabilities never reach zero, however large the gaps, which is why estimates
/// may be arbitrarily negative. Equal costs give equal probabilities; a single action has probability 1.
///
/// Source: arXiv 2301.12942.
///
/// ```
/// use candor_online::mdp::LogBarrierFtrlConfig;
///
/// // 1/μ + 1/(1 + μ) = 1 has the golden ratio as its root.
/// let next = LogBarrierFtrlConfig::new(1.0).init()?.policy(&[0.0, 1.0])?;
/// assert!((next.multiplier - 1.618_034).abs() < 1e-6);
/// assert!((next.probabilities[0] - 0.618_034).abs() < 1e-6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct LogBarrierFtrl {
    eta: f64,
}

/// A state's next distribution, and the multiplier that normalises it.
#[derive(Debug, Clone, PartialEq)]
pub struct BarrierPolicy {
    /// One probability an action.
    pub probabilities: Vec<f64>,
    /// μ, measured from the smallest cumulative cost.
    pub multiplier: f64,
}

impl LogBarrierFtrl {
    /// The distribution for the cumulative costs of a state's actions.
    ///
    /// # Errors
    ///
    /// No action, a cost that is not finite, costs so far apart that η times their gap is not finite.
    pub fn policy(&self, cumulative: &[f64]) -> Result<BarrierPolicy, InputError> {
        const NAME: &str = "LogBarrierFtrl";
        let scaled: Vec<f64> = gaps(NAME, cumulative)?
            .iter()
            .map(|gap| self.eta * gap)
            .collect();
        InputError::check_values(
            NAME,
            "cumulative",
            &scaled,
            "of a finite gap",
            f64::is_finite,
        )?;
        let root = root(&scaled);
        let weights: Vec<f64> = scaled.iter().map(|gap| 1.0 / (gap + root)).collect();
        let total: f64 = weights.iter().sum();
        Ok(BarrierPolicy {
            probabilities: weights.iter().map(|weight| weight / total).collect(),
            multiplier: root / self.eta,
        })
    }
}

/// The ν in [1, A] with `Σ 1 / (gap + ν) = 1`, where one gap is zero.
///
/// The sum falls and is convex, and at ν = 1 it is at least 1: Newton's steps from there never pass the root.
fn root(scaled_gaps: &[f64]) -> f64 {
    const STEPS: usize = 200;
    const RELATIVE_STEP: f64 = 1e-14;
    let largest = scaled_gaps.len() as f64;
    let mut root = 1.0;
    for _ in 0..STEPS {
        let (mut excess, mut slope) = (-1.0, 0.0);
        for gap in scaled_gaps {
            let weight = 1.0 / (gap + root);
            excess += weight;
            slope += weight * weight;
        }
        let step = excess / slope;
        root = (root + step).clamp(1.0, largest);
        if step.abs() <= RELATIVE_STEP * root {
            break;
        }
    }
    root
}
