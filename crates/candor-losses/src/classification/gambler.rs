use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::{Tensor, activation};
use candor_core::numerics::log_sum_exp;
use candor_core::{ConfigError, InputError, check_shape, in_f32, reduce};

use super::target_check::check_targets;

const NAME: &str = "GamblerLoss";

/// Configuration of [`GamblerLoss`].
#[derive(Config, Debug)]
pub struct GamblerLossConfig {
    /// What a bet on a class pays, finite and > 1: near 1 abstaining is cheap, from the number of classes on it never
    /// beats guessing. Default: 4.
    #[config(default = 4.0)]
    pub reward: f64,
}

impl GamblerLossConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A reward that is not finite and above one: to abstain always would be the best.
    pub fn init(&self) -> Result<GamblerLoss, ConfigError> {
        const NAME: &str = "GamblerLossConfig";
        if !(self.reward.is_finite() && self.reward > 1.0) {
            let (seen, legal) = (self.reward, "finite and > 1");
            return Err(ConfigError::out_of_range(NAME, "reward", seen, legal));
        }
        Ok(GamblerLoss {
            reward: self.reward,
        })
    }
}

/// Cross-entropy that may abstain: a class more than there are takes the bets the model does not want to place.
///
/// ```text
/// p    = softmax(logits), over the classes and the reservation in the last column
/// loss = -ln( Σ over the targets of p + p_reservation / reward )
/// ```
///
/// The reservation tells how little a model trusts itself: sort by [`reservation`](Self::reservation) to answer only what
/// it is sure of. No loss is negative.
///
/// # Edge cases
///
/// A row may have several targets, or none: it is then `-ln(p_reservation / reward)`, pure abstention. Everything is
/// computed from log-probabilities: logits of ±1e4 give a finite loss and gradient.
///
/// # Source
///
/// Liu et al.: Deep Gamblers: Learning to Abstain with Portfolio Theory, 2019, arXiv 1907.00208, as WellDunn, 2024,
/// arXiv 2406.12058, trains with it.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Tensor};
/// use candor_losses::classification::GamblerLossConfig;
///
/// let device = Device::flex();
/// let logits = Tensor::<2>::zeros([1, 3], &device); // two classes and the reservation
/// let targets = Tensor::<2>::from_floats([[1.0, 0.0]], &device);
/// let loss = GamblerLossConfig::new().with_reward(2.0).init().unwrap().forward(logits, targets, Reduction::Mean);
/// assert!((loss.into_scalar::<f32>() - 2f32.ln()).abs() < 1e-6); // 1/3 + 1/3 / 2 = 1/2
/// ```
#[derive(Debug, Clone)]
pub struct GamblerLoss {
    reward: f64,
}

impl GamblerLoss {
    /// The loss, reduced to `[1]`.
    ///
    /// # Shapes
    ///
    /// - logits: `[batch, classes + 1]`, the reservation last
    /// - targets: `[batch, classes]`, 1 where the class is right, else 0
    ///
    /// # Panics
    ///
    /// When targets have not one column less than logits.
    pub fn forward(
        &self,
        logits: Tensor<2>,
        targets: Tensor<2>,
        reduction: Reduction,
    ) -> Tensor<1> {
        reduce(self.forward_no_reduction(logits, targets), &reduction)
    }

    /// The loss of each row, `[batch]`.
    ///
    /// # Panics
    ///
    /// When targets have not one column less than logits.
    pub fn forward_no_reduction(&self, logits: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        /// Its exponential is 0 in every precision, and it is finite in each that is computed in.
        const NEVER: f64 = -1e30;
        let [batch, columns] = logits.dims();
        let classes = columns.saturating_sub(1);
        check_shape!(NAME, targets, [batch, classes]);
        in_f32(logits, |logits| {
            let log_probs = activation::log_softmax(logits, 1);
            let wrong = targets.without_autodiff().lower_equal_scalar(0.5);
            let gains = log_probs
                .clone()
                .slice_dim(1, 0..classes)
                .mask_fill(wrong, NEVER);
            let saved = log_probs.slice_dim(1, classes..columns) - self.reward.ln();
            -log_sum_exp(Tensor::cat(vec![gains, saved], 1), 1).reshape([batch])
        })
    }

    /// How much of each row is kept back, the probability of the last column, `[batch]`.
    pub fn reservation(&self, logits: Tensor<2>) -> Tensor<1> {
        let [batch, columns] = logits.dims();
        in_f32(logits, |logits| {
            activation::softmax(logits, 1)
                .slice_dim(1, columns.saturating_sub(1)..columns)
                .reshape([batch])
        })
    }

    /// Looks for values the loss is not defined for; reads the targets to the host.
    ///
    /// # Errors
    ///
    /// Shapes that do not fit, an empty batch, no class, a target other than 0 and 1.
    pub fn validate(&self, logits: &Tensor<2>, targets: &Tensor<2>) -> Result<(), InputError> {
        let [batch, columns] = logits.dims();
        check_targets(
            NAME,
            targets,
            [batch, columns.saturating_sub(1)],
            "0 or 1",
            |target| [0.0, 1.0].contains(&target),
        )
    }
}
