use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::{Bool, Tensor};
use candor_core::numerics::masked_sum;
use candor_core::{ConfigError, InputError, MemoryBudget, check_shape, in_f32};

use super::hardest::HardFraction;
use super::row_chunks::{RowLosses, row_weight, weighted_sum};
use super::similarities::{LEFT_OUT, check_views, checked_weight, own_pairs, prepared};
use super::similarity_form::SimilarityForm;

const NAME: &str = "HardSimpleContrastiveLoss";

/// Configuration of [`HardSimpleContrastiveLoss`].
#[derive(Config, Debug)]
pub struct HardSimpleContrastiveLossConfig {
    /// Share α of the hardest negatives that is kept, in (0, 1]. Default: 0.0819, the paper's for CIFAR.
    #[config(default = 0.0819)]
    pub hard_fraction: f64,
    /// Weight λ of each kept negative, finite and >= 0. Default: one over the number kept where none are tied.
    pub negative_weight: Option<f64>,
    /// Whether rows are divided by their length first, so that similarities are cosines. Default: true.
    #[config(default = true)]
    pub normalize: bool,
    /// Bytes of similarities held at once. Default: 256 MiB.
    pub budget: Option<MemoryBudget>,
}

impl HardSimpleContrastiveLossConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A fraction outside (0, 1], a weight that is negative or not finite.
    pub fn init(&self) -> Result<HardSimpleContrastiveLoss, ConfigError> {
        const CONFIG: &str = "HardSimpleContrastiveLossConfig";
        Ok(HardSimpleContrastiveLoss {
            fraction: HardFraction::new(CONFIG, self.hard_fraction)?,
            negative_weight: checked_weight(CONFIG, self.negative_weight)?,
            normalize: self.normalize,
            budget: self.budget.unwrap_or_default(),
        })
    }
}

/// The simple contrastive loss over the hardest negatives of each anchor only.
///
/// ```text
/// m = ceil(α K), at least 1       kept: s_ik >= the m-th largest of row i; ties are all kept
/// loss_i = -s_ii + λ Σ_{k kept} s_ik
/// ```
///
/// Choosing the negatives is all the hardness there is, and in the paper as good as a tuned temperature. Which negatives
/// are kept is constant for the gradient. With α = 1 it is [`SimpleContrastiveLoss`](super::SimpleContrastiveLoss).
///
/// # Edge cases
///
/// It can collapse as [`HardInfoNceLoss`](super::HardInfoNceLoss) can. A batch of one has loss `-s_ii`.
///
/// # Source
///
/// Wang, Liu: Understanding the Behaviour of Contrastive Loss, 2020, arXiv 2012.09740; the exact quantile rule is ours.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_losses::contrastive::{HardSimpleContrastiveLossConfig, SimilarityForm};
///
/// let device = Device::flex();
/// let loss = HardSimpleContrastiveLossConfig::new().with_hard_fraction(0.5).init()?;
/// let negatives = Tensor::<2>::from_floats([[0.25, -9.0]], &device);
/// let values = loss.forward_similarities_no_reduction(Tensor::ones([1], &device), negatives);
/// assert_eq!(values.into_scalar::<f32>(), -0.75);
/// # Ok::<(), candor_core::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct HardSimpleContrastiveLoss {
    fraction: HardFraction,
    negative_weight: Option<f64>,
    normalize: bool,
    budget: MemoryBudget,
}

impl HardSimpleContrastiveLoss {
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
                    let [rows, _] = similarities.dims();
                    let gradient = self.coefficients(similarities.clone(), own);
                    RowLosses {
                        losses: (similarities * gradient.clone()).sum_dim(1).reshape([rows]),
                        gradient,
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
            let own = own_pairs(batch, &anchor.device());
            let similarities = anchor.matmul(positive.transpose());
            let coefficients = self.coefficients(similarities.clone().without_autodiff(), own);
            (similarities * coefficients).sum_dim(1).reshape([batch])
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

    /// What each similarity is multiplied by: λ where it is kept, -1 on the row's own pair, else 0.
    fn coefficients(&self, similarities: Tensor<2>, own: Tensor<2, Bool>) -> Tensor<2> {
        let negatives = similarities.dims()[1] - 1;
        let dtype = similarities.dtype();
        let others = similarities.mask_fill(own.clone(), LEFT_OUT);
        let kept = self.fraction.keep(others, negatives).float().cast(dtype);
        (kept * self.weight(negatives)).mask_fill(own, -1.0)
    }

    fn weight(&self, negatives: usize) -> f64 {
        let kept = self.fraction.count(negatives).max(1);
        self.negative_weight.unwrap_or(1.0 / kept as f64)
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
            let positive = prepared(positive.cast(anchor.dtype()), self.normalize);
            loss(prepared(anchor, self.normalize), positive)
        })
    }
}

impl SimilarityForm for HardSimpleContrastiveLoss {
    const NAME: &'static str = NAME;

    fn forward_similarities_no_reduction(
        &self,
        positive: Tensor<1>,
        negatives: Tensor<2>,
    ) -> Tensor<1> {
        let [anchors, count] = negatives.dims();
        check_shape!(NAME, positive, [anchors]);
        let kept = self.keep_mask(negatives.clone());
        in_f32(negatives, |negatives| {
            let positive = positive.cast(negatives.dtype());
            let pushed = masked_sum(negatives, kept, 1).reshape([anchors]);
            pushed * self.weight(count) - positive
        })
    }
}
