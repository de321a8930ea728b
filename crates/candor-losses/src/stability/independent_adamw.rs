use burn::config::Config;
use burn::tensor::Tensor;
use candor_core::{ConfigError, in_f32};
use serde::{Deserialize, Serialize};

/// What multiplies the weight decay of [`IndependentAdamW`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum WeightDecayKind {
    /// The schedule alone: θ ← θ - r λ θ.
    Independent,
    /// Schedule and learning rate, as in PyTorch and Burn: θ ← θ - r η λ θ.
    Coupled,
}

/// Configuration of [`IndependentAdamW`].
#[derive(Config, Debug)]
pub struct IndependentAdamWConfig {
    /// Peak learning rate η, finite and > 0.
    pub lr: f64,
    /// Decay β₁ of the first moment, in [0, 1). Default: 0.9.
    #[config(default = 0.9)]
    pub beta1: f64,
    /// Decay β₂ of the second moment, in [0, 1). Default: 0.95.
    #[config(default = 0.95)]
    pub beta2: f64,
    /// Added to the root of the second moment, finite and > 0. Default: 1e-8.
    #[config(default = 1e-8)]
    pub eps: f64,
    /// Weight decay λ, finite and >= 0. Default: 1e-4.
    #[config(default = 1e-4)]
    pub weight_decay: f64,
    /// What multiplies the decay. Default: [`WeightDecayKind::Independent`].
    #[config(default = "WeightDecayKind::Independent")]
    pub decay: WeightDecayKind,
}

impl IndependentAdamWConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A setting outside its range.
    pub fn init(&self) -> Result<IndependentAdamW, ConfigError> {
        const CONFIG: &str = "IndependentAdamWConfig";
        let share = |field, value: f64| {
            if (0.0..1.0).contains(&value) {
                Ok(value)
            } else {
                Err(ConfigError::out_of_range(CONFIG, field, value, "in [0, 1)"))
            }
        };
        let lr = ConfigError::positive(CONFIG, "lr", self.lr)?;
        let weight_decay = ConfigError::non_negative(CONFIG, "weight_decay", self.weight_decay)?;
        Ok(IndependentAdamW {
            lr,
            beta1: share("beta1", self.beta1)?,
            beta2: share("beta2", self.beta2)?,
            eps: ConfigError::positive(CONFIG, "eps", self.eps)?,
            decay: match self.decay {
                WeightDecayKind::Independent => weight_decay,
                WeightDecayKind::Coupled => lr * weight_decay,
            },
        })
    }
}

/// Adam's moments of one parameter; those of a new parameter are [`zeros`](AdamMoments::zeros).
#[derive(Debug, Clone)]
pub struct AdamMoments<const D: usize> {
    /// Moving average of the gradient.
    pub first: Tensor<D>,
    /// Moving average of its square.
    pub second: Tensor<D>,
    /// Steps done.
    pub steps: i32,
}

impl<const D: usize> AdamMoments<D> {
    /// Before the first step.
    pub fn zeros(parameter: &Tensor<D>) -> Self {
        let zeros = parameter.clone().without_autodiff().zeros_like();
        Self {
            first: zeros.clone(),
            second: zeros,
            steps: 0,
        }
    }
}

/// What a step of [`IndependentAdamW`] gives.
#[derive(Debug, Clone)]
pub struct AdamWStep<const D: usize> {
    /// The new parameter.
    pub parameter: Tensor<D>,
    /// The new moments.
    pub moments: AdamMoments<D>,
    /// Root mean square of the update before the rate, `[1]`: near 1 when healthy, near 0 where ε has stalled learning.
    pub update_rms: Tensor<1>,
}

/// An AdamW step whose weight decay the learning rate does not scale.
///
/// ```text
/// m ← β₁ m + (1 - β₁) g        v ← β₂ v + (1 - β₂) g²
/// u = (m / (1 - β₁ᵗ)) / (√(v / (1 - β₂ᵗ)) + ε)
/// θ ← θ - r η u - r λ θ,       r in [0, 1] the schedule, η the peak rate
/// ```
///
/// A sweep of η then does not sweep the decay too, which makes training less sensitive to η. The decay still follows the
/// schedule. Burn's own `AdamW` decays by η λ: with [`burn_weight_decay`](Self::burn_weight_decay) it takes this step,
/// and whole modules are better trained with it. This is the formula itself, with the size of the update beside it.
///
/// Source: Wortsman et al., 2023, arXiv 2309.14322.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_losses::stability::{AdamMoments, IndependentAdamWConfig};
///
/// let theta = Tensor::<1>::from_floats([1.0], &Device::flex());
/// let adam = IndependentAdamWConfig::new(0.1).with_weight_decay(0.5).init().unwrap();
/// let step = adam.step(theta.clone(), theta.ones_like(), AdamMoments::zeros(&theta), 0.5);
/// assert!((step.parameter.into_scalar::<f32>() - 0.7).abs() < 1e-6); // 1 - 0.5 · 0.1 · 1 - 0.5 · 0.5 · 1
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IndependentAdamW {
    lr: f64,
    beta1: f64,
    beta2: f64,
    eps: f64,
    decay: f64,
}

impl IndependentAdamW {
    /// One step along `gradient`; `schedule` is r, in [0, 1].
    ///
    /// # Panics
    ///
    /// When parameter, gradient and moments differ in shape.
    pub fn step<const D: usize>(
        &self,
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        moments: AdamMoments<D>,
        schedule: f64,
    ) -> AdamWStep<D> {
        const NAME: &str = "IndependentAdamW";
        let wanted = parameter.dims().map(Some);
        candor_core::shape::check(NAME, "gradient", &gradient.dims(), &wanted);
        candor_core::shape::check(NAME, "moments", &moments.first.dims(), &wanted);
        let steps = moments.steps.saturating_add(1);
        let first = moments.first * self.beta1 + gradient.clone() * (1.0 - self.beta1);
        let second = moments.second * self.beta2 + gradient.square() * (1.0 - self.beta2);
        let unbiased =
            |moment: &Tensor<D>, beta: f64| moment.clone() * (1.0 - beta.powi(steps)).recip();
        let update =
            unbiased(&first, self.beta1) / (unbiased(&second, self.beta2).sqrt() + self.eps);
        AdamWStep {
            update_rms: in_f32(update.clone(), |update| update.square().mean().sqrt()),
            parameter: parameter * (1.0 - schedule * self.decay) - update * (schedule * self.lr),
            moments: AdamMoments {
                first,
                second,
                steps,
            },
        }
    }

    /// The weight decay with which Burn's `AdamW`, whose decay its rate multiplies, takes the same steps: λ/η.
    pub fn burn_weight_decay(&self) -> f64 {
        self.decay / self.lr
    }
}
