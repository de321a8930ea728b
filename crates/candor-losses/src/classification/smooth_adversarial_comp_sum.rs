use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::{Int, Tensor};
use candor_core::numerics::label_log_probs;
use candor_core::{ConfigError, InputError, check_shape, in_f32, reduce};

use super::comp_sum::phi;
use super::label_check::check_labels;

/// Configuration of [`SmoothAdversarialCompSum`].
#[derive(Config, Debug)]
pub struct SmoothAdversarialCompSumConfig {
    /// Member τ of the comp-sum family, finite and >= 0. Default: 1.
    #[config(default = 1.0)]
    pub tau: f64,
    /// Temperature ρ of the clean term, finite and > 0. Default: 1; 0.25 did better in Candor's own trial.
    #[config(default = 1.0)]
    pub rho: f64,
    /// Weight ν of the smoothness term, finite and >= 0. Default: 0.5; from about 1 training may collapse.
    #[config(default = 0.5)]
    pub nu: f64,
}

impl SmoothAdversarialCompSumConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A τ or ν that is negative, a ρ that is not positive, any not finite.
    pub fn init(&self) -> Result<SmoothAdversarialCompSum, ConfigError> {
        const NAME: &str = "SmoothAdversarialCompSumConfig";
        Ok(SmoothAdversarialCompSum {
            tau: ConfigError::non_negative(NAME, "tau", self.tau)?,
            rho: ConfigError::positive(NAME, "rho", self.rho)?,
            nu: ConfigError::non_negative(NAME, "nu", self.nu)?,
        })
    }
}

/// Adversarial training by a comp-sum loss and a bound on how far an attack moves the margins (ADV-COMP-SUM).
///
/// ```text
/// δ = adversarial logits - clean logits        v_c = δ_label - δ_c
/// loss = Φ^τ( Σ over the other classes of exp((logit - logit of the label)/ρ) ) + ν ‖v‖₂
/// ```
///
/// The first term is [`CompSumLoss`](super::CompSumLoss) of the clean logits over ρ. The sum bounds the adversarial
/// ρ-margin loss when `ν >= √(classes - 1)/ρ`; in training ν is a trade-off. A step: attack the inputs with
/// [`PgdAttack`](super::PgdAttack) on [`attack_objective`](Self::attack_objective) from a random start (at the
/// clean input its gradient is 0), detach them, evaluate the model on both, minimise this. Put the model in evaluation
/// mode during the attack if it has batch norm or dropout.
///
/// # Edge cases
///
/// The norm is `√(Σ v² + 1e-12) - 1e-6`: 0 with gradient 0 where both logits agree.
///
/// # Source
///
/// Mao, Mohri, Zhong: Cross-Entropy Loss Functions, 2023, arXiv 2304.07288.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_losses::classification::SmoothAdversarialCompSumConfig;
///
/// let device = Device::flex();
/// let (clean, attacked) = ([[0.0, 0.0]], [[-3.0, 0.0]]); // v = (0, -3)
/// let (clean, attacked) = (Tensor::<2>::from_floats(clean, &device), Tensor::from_floats(attacked, &device));
/// let loss = SmoothAdversarialCompSumConfig::new().init().unwrap();
/// let loss = loss.forward(clean, attacked, Tensor::<1, Int>::from_data([0], &device), Reduction::Mean);
/// assert!((loss.into_scalar::<f32>() - (2f32.ln() + 0.5 * 3.0)).abs() < 1e-5);
/// ```
#[derive(Debug, Clone)]
pub struct SmoothAdversarialCompSum {
    tau: f64,
    rho: f64,
    nu: f64,
}

impl SmoothAdversarialCompSum {
    /// The loss, reduced to `[1]`; the gradient reaches the clean and the adversarial logits.
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
        check_shape!(
            "SmoothAdversarialCompSum",
            adversarial_logits,
            [batch, classes]
        );
        check_shape!("SmoothAdversarialCompSum", labels, [batch]);
        in_f32(clean_logits, |clean_logits| {
            let adversarial_logits = adversarial_logits.cast(clean_logits.dtype());
            let sharpened = clean_logits.clone() * self.rho.recip();
            let clean = phi(-label_log_probs(sharpened, labels.clone()), self.tau);
            let squares = self.attack_objective(clean_logits, adversarial_logits, labels);
            clean + ((squares + 1e-12).sqrt() - 1e-6) * self.nu
        })
    }

    /// What an attack on the inputs maximises: ‖v‖² of each row, `[batch]`.
    ///
    /// # Panics
    ///
    /// When the shapes differ or there is not one label a row.
    pub fn attack_objective(
        &self,
        clean_logits: Tensor<2>,
        adversarial_logits: Tensor<2>,
        labels: Tensor<1, Int>,
    ) -> Tensor<1> {
        let [batch, classes] = clean_logits.dims();
        check_shape!(
            "SmoothAdversarialCompSum",
            adversarial_logits,
            [batch, classes]
        );
        check_shape!("SmoothAdversarialCompSum", labels, [batch]);
        let moved = adversarial_logits - clean_logits;
        let differences = moved.clone().gather(1, labels.reshape([batch, 1])) - moved;
        differences.square().sum_dim(1).reshape([batch])
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
        const NAME: &str = "SmoothAdversarialCompSum";
        let wanted = clean_logits.dims();
        InputError::check_dims(
            NAME,
            "adversarial_logits",
            &adversarial_logits.dims(),
            &wanted,
        )?;
        check_labels(NAME, clean_logits, labels)
    }
}
