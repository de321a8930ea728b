use std::f64::consts::PI;

use burn::config::Config;
use burn::tensor::{Int, Tensor};
use candor_core::{ConfigError, InputError, check_shape, in_f32};

use super::label_check::{check_binary_labels, check_probabilities};
use super::{ConfusionMetric, SoftConfusion};

/// Configuration of [`ScoreOrientedLoss`].
#[derive(Config, Debug)]
pub struct ScoreOrientedLossConfig {
    /// The metric to train. Default: F1.
    #[config(default = "ConfusionMetric::F1")]
    pub metric: ConfusionMetric,
    /// Centre μ of the law of the threshold, in [0, 1]. Default: 0.5.
    #[config(default = 0.5)]
    pub center: f64,
    /// Half-width δ of the law, finite and > 0. Default: 0.5, a law as wide as the probabilities.
    #[config(default = 0.5)]
    pub half_width: f64,
}

impl ScoreOrientedLossConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A centre outside [0, 1], or a half-width or β that is not finite and above zero.
    pub fn init(&self) -> Result<ScoreOrientedLoss, ConfigError> {
        const NAME: &str = "ScoreOrientedLossConfig";
        if !(0.0..=1.0).contains(&self.center) {
            return Err(ConfigError::out_of_range(
                NAME,
                "center",
                self.center,
                "in [0, 1]",
            ));
        }
        Ok(ScoreOrientedLoss {
            metric: self.metric.check(NAME)?,
            center: self.center,
            half_width: ConfigError::positive(NAME, "half_width", self.half_width)?,
        })
    }
}

/// A confusion-matrix metric of the expected confusion matrix, over a random decision threshold.
///
/// ```text
/// loss = 1 - metric, with soft labels a = F(p), F the distribution function of the threshold:
/// F(p) = ½ [1 + (p - μ)/δ + sin(π (p - μ)/δ)/π] inside μ ± δ, 0 below, 1 above   (raised cosine)
/// ```
///
/// The sibling of [`AnyLoss`](super::AnyLoss) with a bounded window; a uniform threshold, `F(p) = p`, is
/// [`AnyLossConfig::raw`](super::AnyLossConfig::raw). Rows outside the window have gradient 0.
///
/// # Source
///
/// Marchetti, Guastavino, Piana, Campi: Score-Oriented Loss (SOL) functions, 2022. The formula is reconstructed.
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_losses::classification::ScoreOrientedLossConfig;
///
/// let device = Device::flex();
/// let (p, y) = (Tensor::from_floats([0.5, 0.5], &device), Tensor::<1, Int>::from_data([1, 0], &device));
/// let sol = ScoreOrientedLossConfig::new().init().unwrap();
/// assert_eq!(sol.forward(p, y).into_scalar::<f32>(), 0.5);
/// ```
#[derive(Debug, Clone)]
pub struct ScoreOrientedLoss {
    metric: ConfusionMetric,
    center: f64,
    half_width: f64,
}

impl ScoreOrientedLoss {
    /// The loss of the batch, of shape `[1]`.
    ///
    /// # Shapes
    ///
    /// - probabilities: `[rows]`, of the positive class, in [0, 1]
    /// - labels: `[rows]`, 0 or 1
    ///
    /// # Panics
    ///
    /// When there is not one label a row.
    pub fn forward(&self, probabilities: Tensor<1>, labels: Tensor<1, Int>) -> Tensor<1> {
        let [rows] = probabilities.dims();
        check_shape!("ScoreOrientedLoss", labels, [rows]);
        in_f32(probabilities, |probabilities| {
            let soft = self.distribution(probabilities).reshape([rows, 1]);
            let confusion =
                SoftConfusion::new(soft.clone(), -soft + 1.0, labels.reshape([rows, 1]));
            -self.metric.evaluate(&confusion) + 1.0
        })
    }

    /// Looks for values the loss is not defined for; reads both tensors to the host.
    ///
    /// # Errors
    ///
    /// Differing shapes, an empty batch, a label other than 0 and 1, a probability outside [0, 1] by more than 1e-6.
    pub fn validate(
        &self,
        probabilities: &Tensor<1>,
        labels: &Tensor<1, Int>,
    ) -> Result<(), InputError> {
        check_probabilities("ScoreOrientedLoss", probabilities)?;
        check_binary_labels("ScoreOrientedLoss", &probabilities.dims(), labels)
    }

    fn distribution(&self, probabilities: Tensor<1>) -> Tensor<1> {
        let offset = ((probabilities - self.center) * self.half_width.recip()).clamp(-1.0, 1.0);
        (offset.clone() + (offset * PI).sin() * PI.recip() + 1.0) * 0.5
    }
}
