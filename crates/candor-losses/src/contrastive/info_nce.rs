use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::{Int, Tensor};
use candor_core::linear::{
    LinearCrossEntropy, LinearCrossEntropyConfig, LinearLogits, linear_log_probs, linear_statistics,
};
use candor_core::numerics::{log_sum_exp, softplus};
use candor_core::{ConfigError, InputError, MemoryBudget, check_shape, in_f32, reduce};

use super::gradient_parts::GradientParts;
use super::similarities::{check_negatives, check_views, own_numbers, prepared};
use super::similarity_form::SimilarityForm;

const NAME: &str = "InfoNceLoss";

/// Configuration of [`InfoNceLoss`].
#[derive(Config, Debug)]
pub struct InfoNceLossConfig {
    /// Temperature τ, finite and > 0. Default: 0.1; the paper's best is 0.3, another common choice 0.07.
    #[config(default = 0.1)]
    pub temperature: f64,
    /// Whether rows are divided by their length first, so that similarities are cosines. Default: true.
    #[config(default = true)]
    pub normalize: bool,
    /// Whether the in-batch form also looks for the anchor of each positive, and takes the mean of both. Default: false.
    #[config(default = false)]
    pub two_sided: bool,
    /// Bytes of similarities held at once. Default: 48 MiB on processors, 256 MiB on others.
    pub budget: Option<MemoryBudget>,
}

impl InfoNceLossConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A temperature that is not finite and above zero.
    pub fn init(&self) -> Result<InfoNceLoss, ConfigError> {
        Ok(InfoNceLoss {
            temperature: ConfigError::positive(
                "InfoNceLossConfig",
                "temperature",
                self.temperature,
            )?,
            normalize: self.normalize,
            two_sided: self.two_sided,
            budget: self.budget,
            cross_entropy: LinearCrossEntropyConfig::new().init()?,
        })
    }
}

/// InfoNCE: the cross-entropy of finding an anchor's positive among its negatives.
///
/// ```text
/// loss_i = -log( exp(s_ii / τ) / (exp(s_ii / τ) + Σ_k exp(s_ik / τ)) )
/// ```
///
/// | form | negatives of anchor i |
/// |---|---|
/// | [`forward`](Self::forward) | the positives of all other anchors of the batch |
/// | [`forward_memory_bank`](Self::forward_memory_bank) | every row of a bank, the same for all anchors |
/// | [`forward_similarities`](SimilarityForm::forward_similarities) | whatever the similarities were computed from |
///
/// The temperature decides how much of the push goes to the hardest negatives: see [`PenaltyAnalysis`](super::PenaltyAnalysis).
/// Push and pull of an anchor balance exactly ([`gradient_parts`](Self::gradient_parts)).
///
/// # Edge cases
///
/// A batch of one has no negatives: its loss is 0, and [`validate`](Self::validate) refuses it. A zero row stays zero.
/// Similarities of ±1e4 give finite losses and gradients.
///
/// # Source
///
/// van den Oord, Li, Vinyals: Representation Learning with Contrastive Predictive Coding, 2018, arXiv 1807.03748; in
/// the form of Wang, Liu: Understanding the Behaviour of Contrastive Loss, 2020, arXiv 2012.09740.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Tensor};
/// use candor_losses::contrastive::InfoNceLossConfig;
///
/// let views = Tensor::<2>::from_floats([[1.0, 0.0], [0.0, 1.0]], &Device::flex());
/// let loss = InfoNceLossConfig::new().with_temperature(1.0).init()?;
/// let value: f32 = loss.forward(views.clone(), views, Reduction::Mean).into_scalar();
/// assert!((value - (1.0 + (-1f32).exp()).ln()).abs() < 1e-6); // cosine 1 against cosine 0
/// # Ok::<(), candor_core::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct InfoNceLoss {
    temperature: f64,
    normalize: bool,
    two_sided: bool,
    budget: Option<MemoryBudget>,
    cross_entropy: LinearCrossEntropy,
}

impl InfoNceLoss {
    /// The in-batch loss, reduced to `[1]`; its gradients come with its value.
    ///
    /// # Shapes
    ///
    /// - anchor, positive: `[batch, width]`; row i of one belongs to row i of the other
    ///
    /// # Panics
    ///
    /// When the shapes differ or the batch is empty.
    pub fn forward(
        &self,
        anchor: Tensor<2>,
        positive: Tensor<2>,
        reduction: Reduction,
    ) -> Tensor<1> {
        self.each_side(anchor, positive, |logits, own| {
            self.cross_entropy.forward(logits, own, reduction.clone())
        })
    }

    /// The in-batch loss of each anchor, `[batch]`; the backward pass computes the similarities again.
    ///
    /// # Panics
    ///
    /// When the shapes differ or the batch is empty.
    pub fn forward_no_reduction(&self, anchor: Tensor<2>, positive: Tensor<2>) -> Tensor<1> {
        self.each_side(anchor, positive, |logits, own| {
            -linear_log_probs(logits, own)
        })
    }

    /// The loss against a bank of negatives, reduced to `[1]`.
    ///
    /// # Shapes
    ///
    /// - anchor, positive: `[batch, width]`
    /// - memory_bank: `[negatives, width]`, as a rule constant (detached)
    ///
    /// # Panics
    ///
    /// When the shapes do not fit or the bank is empty.
    pub fn forward_memory_bank(
        &self,
        anchor: Tensor<2>,
        positive: Tensor<2>,
        memory_bank: Tensor<2>,
        reduction: Reduction,
    ) -> Tensor<1> {
        let losses = self.forward_memory_bank_no_reduction(anchor, positive, memory_bank);
        reduce(losses, &reduction)
    }

    /// The loss of each anchor against a bank of negatives, `[batch]`. There is one side only.
    ///
    /// # Panics
    ///
    /// When the shapes do not fit or the bank is empty.
    pub fn forward_memory_bank_no_reduction(
        &self,
        anchor: Tensor<2>,
        positive: Tensor<2>,
        memory_bank: Tensor<2>,
    ) -> Tensor<1> {
        let [batch, width] = anchor.dims();
        check_shape!(NAME, positive, [batch, width]);
        check_shape!(NAME, memory_bank, [_, width]);
        in_f32(anchor, |anchor| {
            let dtype = anchor.dtype();
            let [anchor, positive, memory_bank] =
                [anchor, positive.cast(dtype), memory_bank.cast(dtype)]
                    .map(|rows| prepared(rows, self.normalize));
            let any = own_numbers(batch, &anchor.device()).zeros_like();
            let anchor = anchor * (1.0 / self.temperature);
            let pull = (anchor.clone() * positive).sum_dim(1).reshape([batch]);
            let push = linear_statistics(self.logits(anchor, memory_bank), any).log_sum_exp;
            softplus(push - pull)
        })
    }

    /// Probabilities and gradients of the similarities in closed form.
    ///
    /// # Panics
    ///
    /// When there is not one positive `[anchors]` a row of the negatives `[anchors, negatives]`.
    pub fn gradient_parts(&self, positive: Tensor<1>, negatives: Tensor<2>) -> GradientParts {
        GradientParts::new(positive, negatives, self.temperature)
    }

    /// Looks for what the in-batch form is not defined for.
    ///
    /// # Errors
    ///
    /// Differing shapes, no width, fewer than two rows: there would be no negative.
    pub fn validate(&self, anchor: &Tensor<2>, positive: &Tensor<2>) -> Result<(), InputError> {
        check_views(NAME, [("anchor", anchor), ("positive", positive)], 2)
    }

    /// Looks for what the form with a memory bank is not defined for.
    ///
    /// # Errors
    ///
    /// Shapes that do not fit, an empty batch or bank.
    pub fn validate_memory_bank(
        &self,
        anchor: &Tensor<2>,
        positive: &Tensor<2>,
        memory_bank: &Tensor<2>,
    ) -> Result<(), InputError> {
        check_views(NAME, [("anchor", anchor), ("positive", positive)], 1)?;
        let ([_, width], [negatives, bank_width]) = (anchor.dims(), memory_bank.dims());
        InputError::check_dims(
            NAME,
            "memory_bank",
            &[negatives, bank_width],
            &[negatives, width],
        )?;
        check_negatives(NAME, negatives)
    }

    /// The loss of the anchors, or the mean of that and the positives' one.
    fn each_side(
        &self,
        anchor: Tensor<2>,
        positive: Tensor<2>,
        loss: impl Fn(LinearLogits, Tensor<1, Int>) -> Tensor<1>,
    ) -> Tensor<1> {
        let [batch, width] = anchor.dims();
        check_shape!(NAME, positive, [batch, width]);
        in_f32(anchor, |anchor| {
            let positive = prepared(positive.cast(anchor.dtype()), self.normalize);
            let anchor = prepared(anchor, self.normalize) * (1.0 / self.temperature);
            let own = own_numbers(batch, &anchor.device());
            let there = loss(self.logits(anchor.clone(), positive.clone()), own.clone());
            if !self.two_sided {
                return there;
            }
            (there + loss(self.logits(positive, anchor), own)) * 0.5
        })
    }

    fn logits(&self, rows: Tensor<2>, columns: Tensor<2>) -> LinearLogits {
        let logits = LinearLogits::new(rows, columns);
        match self.budget {
            Some(budget) => logits.with_budget(budget),
            None => logits,
        }
    }
}

impl SimilarityForm for InfoNceLoss {
    const NAME: &'static str = NAME;

    fn forward_similarities_no_reduction(
        &self,
        positive: Tensor<1>,
        negatives: Tensor<2>,
    ) -> Tensor<1> {
        let [anchors, _] = negatives.dims();
        check_shape!(NAME, positive, [anchors]);
        in_f32(negatives, |negatives| {
            let positive = positive.cast(negatives.dtype());
            let scale = 1.0 / self.temperature;
            let push = log_sum_exp(negatives * scale, 1).reshape([anchors]);
            softplus(push - positive * scale)
        })
    }
}
