use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::{IndexingUpdateOp, Int, Tensor};
use candor_core::{ConfigError, InputError, check_shape, host, in_f32, reduce};

use super::aux_z_loss::check_logits;
use super::log_partition::with_closed_gradient;

/// Configuration of [`CrossEntropyWithZ`].
#[derive(Config, Debug)]
pub struct CrossEntropyWithZConfig {
    /// Weight c of the penalty on log Z, finite and >= 0. Default: 1e-4.
    #[config(default = 1e-4)]
    pub coef: f64,
}

impl CrossEntropyWithZConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A weight that is negative or not finite.
    pub fn init(&self) -> Result<CrossEntropyWithZ, ConfigError> {
        Ok(CrossEntropyWithZ {
            coef: ConfigError::non_negative("CrossEntropyWithZConfig", "coef", self.coef)?,
        })
    }
}

/// Cross-entropy with the auxiliary z-loss, from one softmax.
///
/// ```text
/// loss = log Z - logit of the label + c (log Z)²        gradient: (1 + 2 c log Z) softmax - onehot
/// ```
///
/// See [`AuxZLoss`](super::AuxZLoss) for what the penalty is for. c = 0 is plain cross-entropy. For hidden states and a
/// large vocabulary take [`candor_core::linear`], whose `z_loss` is this c.
///
/// # Edge cases
///
/// Logits of ±1e4 give finite values and gradients; half precision is computed in `f32`.
///
/// # Source
///
/// Wortsman et al.: Small-scale proxies for large-scale Transformer training instabilities, 2023, arXiv 2309.14322.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_losses::stability::CrossEntropyWithZConfig;
///
/// let device = Device::flex();
/// let (logits, labels) = (Tensor::zeros([1, 4], &device), Tensor::<1, Int>::from_data([2], &device));
/// let loss = CrossEntropyWithZConfig::new().with_coef(1.0).init().unwrap().forward(logits, labels, Reduction::Mean);
/// assert!((loss.into_scalar::<f32>() - (4f32.ln() + 4f32.ln().powi(2))).abs() < 1e-5);
/// ```
#[derive(Debug, Clone)]
pub struct CrossEntropyWithZ {
    coef: f64,
}

impl CrossEntropyWithZ {
    /// The loss, reduced to `[1]`.
    ///
    /// # Shapes
    ///
    /// - logits: `[batch, classes]`
    /// - labels: `[batch]`, in `0..classes`
    ///
    /// # Panics
    ///
    /// When there is not one label a row.
    pub fn forward(
        &self,
        logits: Tensor<2>,
        labels: Tensor<1, Int>,
        reduction: Reduction,
    ) -> Tensor<1> {
        reduce(self.forward_no_reduction(logits, labels), &reduction)
    }

    /// The loss of each row, `[batch]`.
    ///
    /// # Panics
    ///
    /// When there is not one label a row.
    pub fn forward_no_reduction(&self, logits: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
        let [batch, _] = logits.dims();
        check_shape!("CrossEntropyWithZ", labels, [batch]);
        let labels = labels.reshape([batch, 1]);
        in_f32(logits, |logits| {
            with_closed_gradient(
                logits,
                |logits, partition| {
                    // max - logit first: both may be large and their difference small.
                    let behind = partition.max.clone() - logits.clone().gather(1, labels.clone());
                    behind + partition.log_sum.clone() + partition.log_z().square() * self.coef
                },
                |partition| {
                    let slope = partition.log_z() * (2.0 * self.coef) + 1.0;
                    let minus_one = -Tensor::ones_like(&slope);
                    (partition.probs * slope).scatter(
                        1,
                        labels.clone(),
                        minus_one,
                        IndexingUpdateOp::Add,
                    )
                },
            )
        })
    }

    /// Looks for values the loss is not defined for; reads logits and labels to the host.
    ///
    /// # Errors
    ///
    /// Differing lengths, no row, no class, a logit that is not finite, a label outside the classes.
    pub fn validate(&self, logits: &Tensor<2>, labels: &Tensor<1, Int>) -> Result<(), InputError> {
        const NAME: &str = "CrossEntropyWithZ";
        let [rows, classes] = logits.dims();
        InputError::check_dims(NAME, "labels", &labels.dims(), &[rows])?;
        check_logits(NAME, logits)?;
        InputError::check_labels(NAME, "labels", &host::ints(labels), classes)
    }
}
