use burn::config::Config;
use burn::tensor::Tensor;
use candor_core::numerics::{masked_log_softmax, masked_softmax};
use candor_core::{ConfigError, InputError, host, in_f32};

use super::hardest::HardFraction;
use super::similarities::check_negatives;

const NAME: &str = "PenaltyAnalysis";

/// Configuration of [`PenaltyAnalysis`].
#[derive(Config, Debug)]
pub struct PenaltyAnalysisConfig {
    /// Temperature τ, finite and > 0. Default: 0.1.
    #[config(default = 0.1)]
    pub temperature: f64,
    /// Share of the hardest negatives that the loss keeps, in (0, 1]. Default: none, it keeps all.
    pub hard_fraction: Option<f64>,
}

impl PenaltyAnalysisConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A temperature that is not finite and above zero, a fraction outside (0, 1].
    pub fn init(&self) -> Result<PenaltyAnalysis, ConfigError> {
        const CONFIG: &str = "PenaltyAnalysisConfig";
        let fraction = self
            .hard_fraction
            .map(|fraction| HardFraction::new(CONFIG, fraction));
        Ok(PenaltyAnalysis {
            temperature: ConfigError::positive(CONFIG, "temperature", self.temperature)?,
            fraction: fraction.transpose()?,
        })
    }
}

/// How InfoNCE shares its push among an anchor's negatives, and what the temperature does to it.
///
/// ```text
/// r_ik = |∂loss_i / ∂s_ik| / |∂loss_i / ∂s_ii| = softmax_k(s_ik / τ), over the negatives only
/// H_i = -Σ_k r_ik ln r_ik           dH_i / dτ = Var_r(s_i) / τ³ >= 0
/// ```
///
/// The entropy grows with τ, from the logarithm of the number of hardest negatives to that of all: `exp(H)` is the number of
/// negatives that matter. Use it to choose τ for embeddings that are there.
///
/// # Source
///
/// Wang, Liu: Understanding the Behaviour of Contrastive Loss, 2020, arXiv 2012.09740.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_losses::contrastive::PenaltyAnalysisConfig;
///
/// let negatives = Tensor::<2>::from_floats([[0.0, 0.0, -50.0]], &Device::flex());
/// let found = PenaltyAnalysisConfig::new().init()?.penalties(negatives)?;
/// assert!((found.entropy.into_scalar::<f32>() - 2f32.ln()).abs() < 1e-6); // two share the push
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct PenaltyAnalysis {
    temperature: f64,
    fraction: Option<HardFraction>,
}

/// Each negative's share of an anchor's push.
#[derive(Debug, Clone)]
pub struct Penalties {
    /// `[anchors, negatives]`; rows sum to one, and what is not kept has none.
    pub penalty: Tensor<2>,
    /// Their entropy in nats, `[anchors]`.
    pub entropy: Tensor<1>,
}

/// What one temperature does, as means over the anchors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TemperatureEffect {
    /// The temperature.
    pub temperature: f64,
    /// Entropy of the penalties, nats.
    pub mean_entropy: f64,
    /// Share of the hardest negative.
    pub mean_max_penalty: f64,
    /// `exp(H)`: how many negatives matter.
    pub effective_negatives: f64,
}

impl PenaltyAnalysis {
    /// The shares at this temperature.
    ///
    /// # Shapes
    ///
    /// - negatives: `[anchors, negatives]`, their similarities to the anchors
    ///
    /// # Errors
    ///
    /// No anchor or no negative.
    pub fn penalties(&self, negatives: Tensor<2>) -> Result<Penalties, InputError> {
        self.at(negatives, self.temperature)
    }

    /// What each of several temperatures does; reads one row of numbers a temperature.
    ///
    /// # Errors
    ///
    /// No anchor, no negative, a temperature that is not finite and above zero.
    pub fn sweep(
        &self,
        negatives: &Tensor<2>,
        temperatures: &[f64],
    ) -> Result<Vec<TemperatureEffect>, InputError> {
        let legal = |temperature: f64| temperature.is_finite() && temperature > 0.0;
        InputError::check_values(NAME, "temperatures", temperatures, "finite and > 0", legal)?;
        let effect = |&temperature: &f64| {
            let Penalties { penalty, entropy } = self.at(negatives.clone(), temperature)?;
            let [entropy, largest] = [entropy, penalty.max_dim(1).squeeze_dim(1)]
                .map(|values: Tensor<1>| host::floats(&values));
            let anchors = entropy.len() as f64;
            Ok(TemperatureEffect {
                temperature,
                mean_entropy: entropy.iter().sum::<f64>() / anchors,
                mean_max_penalty: largest.iter().sum::<f64>() / anchors,
                effective_negatives: entropy.iter().map(|entropy| entropy.exp()).sum::<f64>()
                    / anchors,
            })
        };
        temperatures.iter().map(effect).collect()
    }

    fn at(&self, negatives: Tensor<2>, temperature: f64) -> Result<Penalties, InputError> {
        let [anchors, count] = negatives.dims();
        InputError::check_not_empty(NAME, "negatives", anchors)?;
        check_negatives(NAME, count)?;
        // The hardest of all are all.
        let fraction = self.fraction.unwrap_or(HardFraction::ALL);
        let kept = fraction.keep(negatives.clone(), count);
        let scaled = |negatives: Tensor<2>| negatives * (1.0 / temperature);
        let penalty = in_f32(negatives.clone(), |negatives| {
            masked_softmax(scaled(negatives), kept.clone(), 1)
        });
        let entropy = in_f32(negatives, |negatives| {
            let logits = scaled(negatives);
            let shares = masked_softmax(logits.clone(), kept.clone(), 1);
            let terms = shares * masked_log_softmax(logits, kept, 1);
            -terms.sum_dim(1).reshape([anchors])
        });
        Ok(Penalties { penalty, entropy })
    }
}
