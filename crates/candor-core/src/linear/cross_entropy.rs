use burn::backend::Dispatch;
use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::{Int, Tensor};

use super::fused::{FusedLinear, Smoothing};
use super::{LinearLogits, TokenStatistics, linear_statistics};
use crate::host::ints;
use crate::{ConfigError, InputError, check_shape};

/// Configuration of [`LinearCrossEntropy`].
#[derive(Config, Debug, PartialEq)]
pub struct LinearCrossEntropyConfig {
    /// The uniform distribution's share ε of the target, in [0, 1). Default: 0.
    #[config(default = 0.0)]
    pub label_smoothing: f64,
    /// Rows with this target count for nothing. Default: none.
    pub ignore_index: Option<i64>,
    /// The weight ζ of the squared log-sum-exp, >= 0. Default: 0.
    #[config(default = 0.0)]
    pub z_loss: f64,
}

impl LinearCrossEntropyConfig {
    /// Checks the configuration.
    ///
    /// # Errors
    ///
    /// Unless ε is in [0, 1) and ζ finite and >= 0.
    pub fn init(&self) -> Result<LinearCrossEntropy, ConfigError> {
        const CONFIG: &str = "LinearCrossEntropyConfig";
        if !(0.0..1.0).contains(&self.label_smoothing) {
            return Err(ConfigError::out_of_range(
                CONFIG,
                "label_smoothing",
                self.label_smoothing,
                "in [0, 1)",
            ));
        }
        ConfigError::non_negative(CONFIG, "z_loss", self.z_loss)?;
        Ok(LinearCrossEntropy {
            ignore_index: self.ignore_index,
            smoothing: Smoothing {
                label_smoothing: self.label_smoothing,
                z_loss: self.z_loss,
            },
        })
    }
}

/// Cross-entropy of hidden states and a large vocabulary.
///
/// ```text
/// -(1 - ε) log p(target) - ε mean log p + ζ (log Σ exp z)²
/// ```
///
/// Means are over the rows that are not ignored; when all are, the loss and its gradients are 0.
///
/// [`forward`](Self::forward) computes its gradients with the value, in 6 N H V operations instead of 8.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_core::linear::{LinearCrossEntropyConfig, LinearLogits};
///
/// let device = Device::flex();
/// let hidden = Tensor::<2>::from_floats([[1.0], [5.0]], &device);
/// let weight = Tensor::<2>::from_floats([[0.0], [0.0]], &device);
/// let targets = Tensor::<1, Int>::from_data([1, -100], &device);
/// let loss = LinearCrossEntropyConfig::new().with_ignore_index(Some(-100)).init()?;
/// let value = loss.forward(LinearLogits::new(hidden, weight), targets, Reduction::Mean);
/// assert!((value.into_scalar::<f32>() - 2f32.ln()).abs() < 1e-6);
/// # Ok::<(), candor_core::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct LinearCrossEntropy {
    ignore_index: Option<i64>,
    smoothing: Smoothing,
}

impl LinearCrossEntropy {
    /// The reduced loss, `[1]`; `Mean`, `Auto` and `BatchMean` divide by the rows that are not ignored.
    ///
    /// # Panics
    ///
    /// When there is not one target `[rows]` a row.
    pub fn forward(
        &self,
        logits: LinearLogits,
        targets: Tensor<1, Int>,
        reduction: Reduction,
    ) -> Tensor<1> {
        let (targets, counted) = self.counted(&logits, targets);
        let row_weights = match reduction {
            Reduction::Sum => counted,
            Reduction::Mean | Reduction::Auto | Reduction::BatchMean => {
                counted.clone() / counted.sum().clamp_min(1.0)
            }
        };
        if targets.dims() == [0] || !logits.is_fused() {
            let losses = self.losses(&linear_statistics(logits, targets));
            let row_weights = row_weights.cast(losses.dtype());
            return (losses * row_weights).sum();
        }
        let (bias, plan) = (logits.bias_or_empty(), logits.plan());
        Tensor::from_dispatch(Dispatch::linear_cross_entropy(
            logits.hidden.into_dispatch(),
            logits.weight.into_dispatch(),
            bias.into_dispatch(),
            targets.into_dispatch(),
            row_weights.into_dispatch(),
            self.smoothing,
            plan,
        ))
    }

    /// Each row's loss, `[rows]`, 0 for an ignored one; the backward pass computes the logits again.
    ///
    /// # Panics
    ///
    /// When there is not one target `[rows]` a row.
    pub fn forward_no_reduction(&self, logits: LinearLogits, targets: Tensor<1, Int>) -> Tensor<1> {
        let (targets, counted) = self.counted(&logits, targets);
        let losses = self.losses(&linear_statistics(logits, targets));
        let counted = counted.cast(losses.dtype());
        losses * counted
    }

    /// Whether every target is a class or the ignored index; reads the targets.
    ///
    /// # Errors
    ///
    /// The first that is neither.
    pub fn validate(
        &self,
        logits: &LinearLogits,
        targets: &Tensor<1, Int>,
    ) -> Result<(), InputError> {
        let [_, classes] = logits.dims();
        let (targets, _) = self.counted(logits, targets.clone());
        InputError::check_labels("LinearCrossEntropy", "targets", &ints(&targets), classes)
    }

    fn losses(&self, statistics: &TokenStatistics) -> Tensor<1> {
        let Smoothing {
            label_smoothing,
            z_loss,
        } = self.smoothing;
        let mut losses = statistics.log_probs.clone() * (label_smoothing - 1.0);
        if label_smoothing > 0.0 {
            losses = losses - statistics.mean_log_prob() * label_smoothing;
        }
        if z_loss > 0.0 {
            let log_sum_exp = statistics.log_sum_exp.clone();
            losses = losses + log_sum_exp.clone() * log_sum_exp * z_loss;
        }
        losses
    }

    /// Targets that are all classes, and 1 for each row that counts.
    fn counted(
        &self,
        logits: &LinearLogits,
        targets: Tensor<1, Int>,
    ) -> (Tensor<1, Int>, Tensor<1>) {
        let [rows, _] = logits.dims();
        check_shape!("LinearCrossEntropy", targets, [rows]);
        let ones = logits.row_constants(1.0);
        let Some(ignored) = self.ignore_index else {
            return (targets, ones);
        };
        let mask = targets.clone().equal_elem(ignored);
        let counted = ones.mask_fill(mask.clone().without_autodiff(), 0.0);
        (targets.mask_fill(mask, 0), counted)
    }
}
