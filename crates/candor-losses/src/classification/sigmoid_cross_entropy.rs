use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::Tensor;
use candor_core::numerics::softplus;
use candor_core::{ConfigError, InputError, check_shape, in_f32, reduce};

use super::target_check::check_targets;

const NAME: &str = "SigmoidCrossEntropy";

/// Configuration of [`SigmoidCrossEntropy`].
#[derive(Config, Debug)]
pub struct SigmoidCrossEntropyConfig {
    /// Whether positives and negatives of a class weigh the same in sum, however few there are. Default: they do not.
    #[config(default = false)]
    pub class_balanced: bool,
}

impl SigmoidCrossEntropyConfig {
    /// Builds the loss; every setting is legal.
    ///
    /// # Errors
    ///
    /// None.
    pub fn init(&self) -> Result<SigmoidCrossEntropy, ConfigError> {
        Ok(SigmoidCrossEntropy {
            class_balanced: self.class_balanced,
        })
    }
}

/// Binary cross-entropy of each class on its own, for any number of classes a row; class-balanced if asked.
///
/// ```text
/// loss = w (t ln(1 + e^-z) + (1 - t) ln(1 + e^z))
/// w    = 1, or class-balanced t n/(2P) + (1 - t) n/(2N): n rows, of which P = Σ t are positive and N = n - P negative
/// ```
///
/// The plain baseline beside [`GamblerLoss`](super::GamblerLoss), and class-balanced the one beside
/// [`AnyLoss`](super::AnyLoss). burn-nn has the plain form for integer labels; this one takes soft targets and gives
/// one loss a row and class.
///
/// # Edge cases
///
/// Logits of ±1e4 are exact. P and N are those of the batch; a class that has only positives, or only negatives, has
/// them at weight 1/2.
///
/// # Source
///
/// WellDunn, 2024, arXiv 2406.12058 (SCE); the weights: the baseline of AnyLoss, 2024, arXiv 2405.14745.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Tensor};
/// use candor_losses::classification::SigmoidCrossEntropyConfig;
///
/// let device = Device::flex();
/// let (logits, targets) = (Tensor::<2>::zeros([1, 2], &device), Tensor::<2>::from_floats([[1.0, 0.0]], &device));
/// let loss = SigmoidCrossEntropyConfig::new().init().unwrap().forward(logits, targets, Reduction::Mean);
/// assert!((loss.into_scalar::<f32>() - 2f32.ln()).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct SigmoidCrossEntropy {
    class_balanced: bool,
}

impl SigmoidCrossEntropy {
    /// The loss, reduced to `[1]`; `Mean` is over rows and classes.
    ///
    /// # Shapes
    ///
    /// - logits, targets: `[batch, classes]`, targets in 0..=1
    ///
    /// # Panics
    ///
    /// When the shapes differ.
    pub fn forward(
        &self,
        logits: Tensor<2>,
        targets: Tensor<2>,
        reduction: Reduction,
    ) -> Tensor<1> {
        reduce(self.forward_no_reduction(logits, targets), &reduction)
    }

    /// The loss of each row and class, `[batch, classes]`.
    ///
    /// # Panics
    ///
    /// When the shapes differ.
    pub fn forward_no_reduction(&self, logits: Tensor<2>, targets: Tensor<2>) -> Tensor<2> {
        let [batch, classes] = logits.dims();
        check_shape!(NAME, targets, [batch, classes]);
        in_f32(logits, |logits| {
            let positive = targets.cast(logits.dtype());
            let negative = positive.clone().neg() + 1.0;
            let [positive, negative] = if self.class_balanced {
                [balanced(positive), balanced(negative)]
            } else {
                [positive, negative]
            };
            positive * softplus(-logits.clone()) + negative * softplus(logits)
        })
    }

    /// Looks for values the loss is not defined for; reads the targets to the host.
    ///
    /// # Errors
    ///
    /// Differing shapes, an empty batch, a target outside 0..=1.
    pub fn validate(&self, logits: &Tensor<2>, targets: &Tensor<2>) -> Result<(), InputError> {
        check_targets(NAME, targets, logits.dims(), "in [0, 1]", |target| {
            (0.0..=1.0).contains(&target)
        })
    }
}

/// Shares of a side scaled so that each column sums to half the rows; zeros stay zeros.
fn balanced(shares: Tensor<2>) -> Tensor<2> {
    let [batch, _] = shares.dims();
    let total = shares.clone().sum_dim(0).clamp_min(1e-12);
    shares * (total.recip() * (batch as f64 * 0.5))
}
