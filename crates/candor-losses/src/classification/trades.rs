use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::{Int, Tensor, activation};
use candor_core::numerics::{kl_divergence, softmax_kl};
use candor_core::{ConfigError, InputError, check_shape, in_f32, reduce};

use super::label_check::check_labels;

/// Configuration of [`Trades`].
#[derive(Config, Debug)]
pub struct TradesConfig {
    /// Weight β of the robustness term, finite and >= 0. Default: 6, the paper's.
    #[config(default = 6.0)]
    pub beta: f64,
}

impl TradesConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A β that is negative or not finite.
    pub fn init(&self) -> Result<Trades, ConfigError> {
        Ok(Trades {
            beta: ConfigError::non_negative("TradesConfig", "beta", self.beta)?,
        })
    }
}

/// Adversarial training that trades accuracy for robustness: cross-entropy + β KL(clean ‖ attacked).
///
/// ```text
/// loss = -log softmax(clean)_label + β Σ p (log p - log p'),   p = softmax(clean), p' = softmax(adversarial)
/// ```
///
/// Attack the inputs with [`PgdAttack`](super::PgdAttack) on [`attack_objective`](Self::attack_objective), from a start
/// near the inputs (the paper: Gaussian noise of 1e-3). The gradient reaches both logits.
///
/// # Source
///
/// Zhang et al.: Theoretically Principled Trade-off between Robustness and Accuracy, 2019, arXiv 1901.08573.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_losses::classification::TradesConfig;
///
/// let device = Device::flex();
/// let logits = Tensor::<2>::zeros([1, 2], &device);
/// let labels = Tensor::<1, Int>::from_data([0], &device);
/// let loss = TradesConfig::new().init().unwrap().forward(logits.clone(), logits, labels, Reduction::Mean);
/// assert!((loss.into_scalar::<f32>() - 2f32.ln()).abs() < 1e-6); // no attack, no divergence
/// ```
#[derive(Debug, Clone)]
pub struct Trades {
    beta: f64,
}

impl Trades {
    /// The loss, reduced to `[1]`.
    ///
    /// # Shapes
    ///
    /// - clean_logits, adversarial_logits: `[batch, classes]`
    /// - labels: `[batch]`, in `0..classes`
    ///
    /// # Panics
    ///
    /// When the shapes differ or there is not one label a row.
    pub fn forward(
        &self,
        clean_logits: Tensor<2>,
        adversarial_logits: Tensor<2>,
        labels: Tensor<1, Int>,
        reduction: Reduction,
    ) -> Tensor<1> {
        reduce(
            self.forward_no_reduction(clean_logits, adversarial_logits, labels),
            &reduction,
        )
    }

    /// The loss of each row, `[batch]`.
    ///
    /// # Panics
    ///
    /// When the shapes differ or there is not one label a row.
    pub fn forward_no_reduction(
        &self,
        clean_logits: Tensor<2>,
        adversarial_logits: Tensor<2>,
        labels: Tensor<1, Int>,
    ) -> Tensor<1> {
        let [batch, classes] = clean_logits.dims();
        check_shape!("Trades", adversarial_logits, [batch, classes]);
        check_shape!("Trades", labels, [batch]);
        in_f32(clean_logits, |clean_logits| {
            let adversarial_logits = adversarial_logits.cast(clean_logits.dtype());
            let log_probs = activation::log_softmax(clean_logits, 1);
            let divergence = kl_divergence(
                log_probs.clone(),
                activation::log_softmax(adversarial_logits, 1),
                1,
            );
            let fit = log_probs.gather(1, labels.reshape([batch, 1]));
            (divergence * self.beta - fit).reshape([batch])
        })
    }

    /// What an attack on the inputs maximises: the divergence of each row, `[batch]`.
    ///
    /// # Panics
    ///
    /// When the shapes differ.
    pub fn attack_objective(
        &self,
        clean_logits: Tensor<2>,
        adversarial_logits: Tensor<2>,
    ) -> Tensor<1> {
        let [batch, classes] = clean_logits.dims();
        check_shape!("Trades", adversarial_logits, [batch, classes]);
        softmax_kl(clean_logits, adversarial_logits, 1.0)
    }

    /// Looks for values the loss is not defined for; reads the labels to the host.
    ///
    /// # Errors
    ///
    /// Differing shapes, an empty batch, fewer than two classes, a label outside the classes.
    pub fn validate(
        &self,
        clean_logits: &Tensor<2>,
        adversarial_logits: &Tensor<2>,
        labels: &Tensor<1, Int>,
    ) -> Result<(), InputError> {
        let wanted = clean_logits.dims();
        InputError::check_dims(
            "Trades",
            "adversarial_logits",
            &adversarial_logits.dims(),
            &wanted,
        )?;
        check_labels("Trades", clean_logits, labels)
    }
}
