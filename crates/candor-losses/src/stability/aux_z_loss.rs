use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::{Bool, Tensor};
use candor_core::numerics::masked_mean;
use candor_core::{ConfigError, InputError, check_shape, host, in_f32, reduce};

use super::log_partition::with_closed_gradient;

/// Configuration of [`AuxZLoss`].
#[derive(Config, Debug)]
pub struct AuxZLossConfig {
    /// Weight c of the penalty, finite and >= 0. Default: 1e-4.
    #[config(default = 1e-4)]
    pub coef: f64,
}

impl AuxZLossConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A weight that is negative or not finite.
    pub fn init(&self) -> Result<AuxZLoss, ConfigError> {
        Ok(AuxZLoss {
            coef: ConfigError::non_negative("AuxZLossConfig", "coef", self.coef)?,
        })
    }
}

/// The auxiliary z-loss: a penalty on the logarithm of the softmax's normaliser, added to cross-entropy.
///
/// ```text
/// log Z = log Σ exp(logits)        loss = c (log Z)²        gradient: 2 c log Z · softmax(logits)
/// ```
///
/// Cross-entropy does not change when all logits of a row are shifted, so nothing else keeps log Z near 0: at high
/// learning rates or without weight decay it drifts away, and with it the logits leave the range of low precision. The
/// penalty is on log Z, not on Z, nor on the logits. It is a mean over rows; some code bases take a sum over tokens.
///
/// [`CrossEntropyWithZ`](super::CrossEntropyWithZ) has both terms in one pass. This is not the Z-loss of the spherical
/// family.
///
/// # Edge cases
///
/// One class: log Z is the logit. Logits of ±1e4 give finite values; half precision is computed in `f32`, but comes back
/// in its own precision, where (1e4)² is infinite unless c is small. c = 0 gives exactly 0 with gradient 0.
///
/// # Source
///
/// Wortsman et al.: Small-scale proxies for large-scale Transformer training instabilities, 2023, arXiv 2309.14322.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Tensor};
/// use candor_losses::stability::AuxZLossConfig;
///
/// let logits = Tensor::zeros([1, 4], &Device::flex()); // log Z = ln 4
/// let loss = AuxZLossConfig::new().with_coef(1.0).init().unwrap().forward(logits, Reduction::Mean);
/// assert!((loss.into_scalar::<f32>() - 4f32.ln().powi(2)).abs() < 1e-5);
/// ```
#[derive(Debug, Clone)]
pub struct AuxZLoss {
    coef: f64,
}

impl AuxZLoss {
    /// The penalty, reduced to `[1]`.
    ///
    /// # Shapes
    ///
    /// - logits: `[batch, classes]`
    pub fn forward(&self, logits: Tensor<2>, reduction: Reduction) -> Tensor<1> {
        reduce(self.forward_no_reduction(logits), &reduction)
    }

    /// The penalty of each row, `[batch]`.
    pub fn forward_no_reduction(&self, logits: Tensor<2>) -> Tensor<1> {
        in_f32(logits, |logits| self.rows(logits))
    }

    /// The mean penalty over the rows where `mask` is true, `[1]`: 0 with gradient 0 where there is none.
    ///
    /// Rows that are masked may hold anything, NaN included.
    ///
    /// # Shapes
    ///
    /// - logits: `[batch, classes]`
    /// - mask: `[batch]`
    ///
    /// # Panics
    ///
    /// When there is not one flag a row.
    pub fn forward_masked(&self, logits: Tensor<2>, mask: Tensor<1, Bool>) -> Tensor<1> {
        let [batch, classes] = logits.dims();
        check_shape!("AuxZLoss", mask, [batch]);
        in_f32(logits, |logits| {
            // A masked NaN would still come back through the backward pass.
            let hidden = mask.clone().bool_not().unsqueeze_dim::<2>(1);
            let logits = logits.mask_fill(hidden.expand([batch, classes]), 0.0);
            masked_mean(self.rows(logits), mask, 0)
        })
    }

    fn rows(&self, logits: Tensor<2>) -> Tensor<1> {
        with_closed_gradient(
            logits,
            |_, partition| partition.log_z().square() * self.coef,
            |partition| partition.log_z() * (2.0 * self.coef) * partition.probs,
        )
    }

    /// Looks for values the loss is not defined for; reads the logits to the host.
    ///
    /// # Errors
    ///
    /// No row, no class, a logit that is not finite.
    pub fn validate(&self, logits: &Tensor<2>) -> Result<(), InputError> {
        check_logits("AuxZLoss", logits)
    }
}

/// Refuses logits without an entry, and entries that are not finite.
pub(super) fn check_logits(component: &'static str, logits: &Tensor<2>) -> Result<(), InputError> {
    InputError::check_not_empty(component, "logits", logits.shape().num_elements())?;
    InputError::check_finite(component, "logits", &host::floats(logits))
}
