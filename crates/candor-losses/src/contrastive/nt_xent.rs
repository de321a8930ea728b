use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::{Int, Tensor};
use candor_core::linear::{
    LinearCrossEntropy, LinearCrossEntropyConfig, LinearLogits, linear_log_probs,
};
use candor_core::{ConfigError, InputError, MemoryBudget, check_shape, in_f32};

use super::similarities::{check_views, own_numbers, prepared};

const NAME: &str = "NtXentLoss";

/// Configuration of [`NtXentLoss`].
#[derive(Config, Debug)]
pub struct NtXentLossConfig {
    /// Temperature τ, finite and > 0. Default: 0.1.
    #[config(default = 0.1)]
    pub temperature: f64,
    /// Bytes of similarities held at once. Default: 48 MiB on processors, 256 MiB on others.
    pub budget: Option<MemoryBudget>,
}

impl NtXentLossConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A temperature that is not finite and above zero.
    pub fn init(&self) -> Result<NtXentLoss, ConfigError> {
        Ok(NtXentLoss {
            temperature: ConfigError::positive(
                "NtXentLossConfig",
                "temperature",
                self.temperature,
            )?,
            budget: self.budget,
            cross_entropy: LinearCrossEntropyConfig::new().init()?,
        })
    }
}

/// NT-Xent, the loss of SimCLR: each of the 2 N rows of two views looks for its partner among all others but itself.
///
/// ```text
/// z = rows of both views, divided by their length
/// loss_a = log Σ_{b ≠ a} exp(z_a · z_b / τ) - z_a · z_partner / τ
/// ```
///
/// A row's similarity to itself is left out while a tile of similarities is computed, and not subtracted afterwards: at
/// low temperatures nothing would remain of the others.
///
/// # Edge cases
///
/// With one row a view the only other row is the partner: the loss is 0. A zero row stays zero.
///
/// # Source
///
/// Chen et al.: A Simple Framework for Contrastive Learning of Visual Representations, 2020, arXiv 2002.05709.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Tensor};
/// use candor_losses::contrastive::NtXentLossConfig;
///
/// let views = Tensor::<2>::from_floats([[1.0, 0.0], [0.0, 1.0]], &Device::flex());
/// let loss = NtXentLossConfig::new().with_temperature(1.0).init()?;
/// let value: f32 = loss.forward(views.clone(), views, Reduction::Mean).into_scalar();
/// assert!((value - (1.0 + 2.0 * (-1f32).exp()).ln()).abs() < 1e-6); // one partner, two strangers
/// # Ok::<(), candor_core::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct NtXentLoss {
    temperature: f64,
    budget: Option<MemoryBudget>,
    cross_entropy: LinearCrossEntropy,
}

impl NtXentLoss {
    /// The loss, reduced to `[1]`; its gradients come with its value.
    ///
    /// # Shapes
    ///
    /// - first_view, second_view: `[batch, width]`; row i of one belongs to row i of the other
    ///
    /// # Panics
    ///
    /// When the shapes differ or the batch is empty.
    pub fn forward(
        &self,
        first_view: Tensor<2>,
        second_view: Tensor<2>,
        reduction: Reduction,
    ) -> Tensor<1> {
        self.over_both(first_view, second_view, |logits, partners| {
            self.cross_entropy.forward(logits, partners, reduction)
        })
    }

    /// The loss of each row, `[2 batch]`, those of the first view first; the backward pass computes the similarities again.
    ///
    /// # Panics
    ///
    /// When the shapes differ or the batch is empty.
    pub fn forward_no_reduction(&self, first_view: Tensor<2>, second_view: Tensor<2>) -> Tensor<1> {
        self.over_both(first_view, second_view, |logits, partners| {
            -linear_log_probs(logits, partners)
        })
    }

    /// Looks for what the loss is not defined for.
    ///
    /// # Errors
    ///
    /// Differing shapes, an empty batch, no width.
    pub fn validate(
        &self,
        first_view: &Tensor<2>,
        second_view: &Tensor<2>,
    ) -> Result<(), InputError> {
        let views = [("first_view", first_view), ("second_view", second_view)];
        check_views(NAME, views, 1)
    }

    fn over_both(
        &self,
        first_view: Tensor<2>,
        second_view: Tensor<2>,
        loss: impl FnOnce(LinearLogits, Tensor<1, Int>) -> Tensor<1>,
    ) -> Tensor<1> {
        let [batch, width] = first_view.dims();
        check_shape!(NAME, second_view, [batch, width]);
        in_f32(first_view, |first_view| {
            let second_view = second_view.cast(first_view.dtype());
            let rows = prepared(Tensor::cat(vec![first_view, second_view], 0), true);
            let numbers = own_numbers(batch, &rows.device());
            let partners = Tensor::cat(vec![numbers.clone() + batch as i64, numbers], 0);
            let scaled = rows.clone() * (1.0 / self.temperature);
            let logits = LinearLogits::new(scaled, rows).without_own_class();
            let logits = match self.budget {
                Some(budget) => logits.with_budget(budget),
                None => logits,
            };
            loss(logits, partners)
        })
    }
}
