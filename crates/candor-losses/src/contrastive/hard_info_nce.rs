use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::{Bool, Int, Tensor, activation};
use candor_core::numerics::{label_log_probs, log_sum_exp, softplus};
use candor_core::{ConfigError, InputError, MemoryBudget, check_shape, in_f32};

use super::hardest::HardFraction;
use super::row_chunks::{RowLosses, row_weight, weighted_sum};
use super::similarities::{LEFT_OUT, check_views, own_numbers, own_pairs, prepared};
use super::similarity_form::SimilarityForm;

const NAME: &str = "HardInfoNceLoss";

/// Configuration of [`HardInfoNceLoss`].
#[derive(Config, Debug)]
pub struct HardInfoNceLossConfig {
    /// Temperature τ, finite and > 0. Default: 0.1.
    #[config(default = 0.1)]
    pub temperature: f64,
    /// Share α of the hardest negatives that is kept, in (0, 1]. Default: 0.0819, the paper's for CIFAR.
    #[config(default = 0.0819)]
    pub hard_fraction: f64,
    /// Whether rows are divided by their length first, so that similarities are cosines. Default: true.
    #[config(default = true)]
    pub normalize: bool,
    /// Bytes of similarities held at once. Default: 256 MiB.
    pub budget: Option<MemoryBudget>,
}

impl HardInfoNceLossConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A temperature that is not finite and above zero, a fraction outside (0, 1].
    pub fn init(&self) -> Result<HardInfoNceLoss, ConfigError> {
        const CONFIG: &str = "HardInfoNceLossConfig";
        Ok(HardInfoNceLoss {
            temperature: ConfigError::positive(CONFIG, "temperature", self.temperature)?,
            fraction: HardFraction::new(CONFIG, self.hard_fraction)?,
            normalize: self.normalize,
            budget: self.budget.unwrap_or_default(),
        })
    }
}

/// InfoNCE over the hardest negatives of each anchor only.
///
/// ```text
/// m = ceil(α K), at least 1       kept: s_ik >= the m-th largest of row i; ties are all kept
/// loss_i = -log( exp(s_ii / τ) / (exp(s_ii / τ) + Σ_{k kept} exp(s_ik / τ)) )
/// ```
///
/// The push on hard negatives that a tiny temperature gives, without the tiny temperature. Which negatives are kept is
/// constant for the gradient. With α = 1 it is [`InfoNceLoss`](super::InfoNceLoss).
///
/// # Edge cases
///
/// With few negatives in the batch and strong augmentation the encoder can collapse to one point: standardise the last layer
/// over the batch, or keep thousands of negatives as the paper does. A batch of one has loss 0.
///
/// # Source
///
/// Wang, Liu: Understanding the Behaviour of Contrastive Loss, 2020, arXiv 2012.09740; the exact quantile rule is ours.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_losses::contrastive::{HardInfoNceLossConfig, SimilarityForm};
///
/// let device = Device::flex();
/// let loss = HardInfoNceLossConfig::new().with_temperature(1.0).with_hard_fraction(0.5).init()?;
/// let negatives = Tensor::<2>::from_floats([[0.0, -9.0]], &device);
/// let values = loss.forward_similarities_no_reduction(Tensor::zeros([1], &device), negatives);
/// assert!((values.into_scalar::<f32>() - 2f32.ln()).abs() < 1e-6); // the easy negative is gone
/// # Ok::<(), candor_core::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct HardInfoNceLoss {
    temperature: f64,
    fraction: HardFraction,
    normalize: bool,
    budget: MemoryBudget,
}

impl HardInfoNceLoss {
    /// The in-batch loss, reduced to `[1]`; its gradients come with its value, some rows at a time.
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
        self.prepared(anchor, positive, |anchor, positive| {
            let weight = row_weight(anchor.dims()[0], &reduction);
            weighted_sum(
                anchor,
                positive,
                weight,
                self.budget,
                |similarities, own| {
                    let own_entries = own.clone().float().cast(similarities.dtype());
                    let targets = own_entries
                        .clone()
                        .argmax(1)
                        .reshape([similarities.dims()[0]]);
                    let logits = self.counted(similarities, own);
                    RowLosses {
                        losses: -label_log_probs(logits.clone(), targets),
                        gradient: activation::softmax(logits, 1) - own_entries,
                    }
                },
            )
        })
    }

    /// The in-batch loss of each anchor, `[batch]`. With gradients on, it holds all similarities at once.
    ///
    /// # Panics
    ///
    /// When the shapes differ or the batch is empty.
    pub fn forward_no_reduction(&self, anchor: Tensor<2>, positive: Tensor<2>) -> Tensor<1> {
        self.prepared(anchor, positive, |anchor, positive| {
            let [batch, _] = anchor.dims();
            let own: Tensor<1, Int> = own_numbers(batch, &anchor.device());
            let pairs = own_pairs(batch, &anchor.device());
            let similarities = anchor.matmul(positive.transpose());
            -label_log_probs(self.counted(similarities, pairs), own)
        })
    }

    /// Which negatives `[anchors, negatives]` are kept, of the same shape.
    ///
    /// # Panics
    ///
    /// When there is no negative.
    pub fn keep_mask(&self, negatives: Tensor<2>) -> Tensor<2, Bool> {
        let [_, count] = negatives.dims();
        self.fraction.keep(negatives, count)
    }

    /// Looks for what the in-batch form is not defined for.
    ///
    /// # Errors
    ///
    /// Differing shapes, no width, fewer than two rows: there would be no negative.
    pub fn validate(&self, anchor: &Tensor<2>, positive: &Tensor<2>) -> Result<(), InputError> {
        check_views(NAME, [("anchor", anchor), ("positive", positive)], 2)
    }

    /// Similarities over the temperature, of the row's own pair and its hardest negatives; the others are left out.
    fn counted(&self, similarities: Tensor<2>, own: Tensor<2, Bool>) -> Tensor<2> {
        let [_, columns] = similarities.dims();
        let negatives = similarities.clone().mask_fill(own.clone(), LEFT_OUT);
        let kept = self.fraction.keep(negatives, columns - 1);
        similarities.mask_fill(kept.bool_or(own).bool_not(), LEFT_OUT)
    }

    fn prepared(
        &self,
        anchor: Tensor<2>,
        positive: Tensor<2>,
        loss: impl FnOnce(Tensor<2>, Tensor<2>) -> Tensor<1>,
    ) -> Tensor<1> {
        let [batch, width] = anchor.dims();
        check_shape!(NAME, positive, [batch, width]);
        assert!(
            batch > 0,
            "{NAME}: anchor has shape [0, {width}], wanted at least one row"
        );
        in_f32(anchor, |anchor| {
            let positive = positive.cast(anchor.dtype());
            let anchor = prepared(anchor, self.normalize) * (1.0 / self.temperature);
            loss(anchor, prepared(positive, self.normalize))
        })
    }
}

impl SimilarityForm for HardInfoNceLoss {
    const NAME: &'static str = NAME;

    fn forward_similarities_no_reduction(
        &self,
        positive: Tensor<1>,
        negatives: Tensor<2>,
    ) -> Tensor<1> {
        let [anchors, _] = negatives.dims();
        check_shape!(NAME, positive, [anchors]);
        let easy = self.keep_mask(negatives.clone()).bool_not();
        in_f32(negatives, |negatives| {
            let positive = positive.cast(negatives.dtype());
            let scale = 1.0 / self.temperature;
            let hard = (negatives * scale).mask_fill(easy, LEFT_OUT);
            let push = log_sum_exp(hard, 1).reshape([anchors]);
            softplus(push - positive * scale)
        })
    }
}
