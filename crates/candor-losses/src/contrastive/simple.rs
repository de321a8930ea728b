use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::Tensor;
use candor_core::{ConfigError, InputError, check_shape, in_f32, reduce};

use super::similarities::{check_views, checked_weight, prepared};
use super::similarity_form::SimilarityForm;

const NAME: &str = "SimpleContrastiveLoss";

/// Configuration of [`SimpleContrastiveLoss`].
#[derive(Config, Debug)]
pub struct SimpleContrastiveLossConfig {
    /// Weight λ of each negative, finite and >= 0. Default: one over the number of negatives.
    pub negative_weight: Option<f64>,
    /// Whether rows are divided by their length first, so that similarities are cosines. Default: true.
    #[config(default = true)]
    pub normalize: bool,
}

impl SimpleContrastiveLossConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A weight that is negative or not finite.
    pub fn init(&self) -> Result<SimpleContrastiveLoss, ConfigError> {
        Ok(SimpleContrastiveLoss {
            negative_weight: checked_weight("SimpleContrastiveLossConfig", self.negative_weight)?,
            normalize: self.normalize,
        })
    }
}

/// The contrastive loss without hardness: similarities as they are, every negative pushed alike.
///
/// ```text
/// loss_i = -s_ii + λ Σ_k s_ik
/// ```
///
/// The limit of InfoNCE at high temperatures, and the baseline that shows what the temperature is good for. The sum over the
/// batch is the anchor's product with one vector, so that no matrix of similarities is needed.
///
/// # Edge cases
///
/// A batch of one has no negatives: its loss is `-s_ii`, and [`validate`](Self::validate) refuses it.
///
/// # Source
///
/// Wang, Liu: Understanding the Behaviour of Contrastive Loss, 2020, arXiv 2012.09740.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Tensor};
/// use candor_losses::contrastive::SimpleContrastiveLossConfig;
///
/// let views = Tensor::<2>::from_floats([[1.0, 0.0], [0.6, 0.8]], &Device::flex());
/// let loss = SimpleContrastiveLossConfig::new().init()?;
/// let value: f32 = loss.forward(views.clone(), views, Reduction::Mean).into_scalar();
/// assert!((value + 0.4).abs() < 1e-6); // -1 + 0.6
/// # Ok::<(), candor_core::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct SimpleContrastiveLoss {
    negative_weight: Option<f64>,
    normalize: bool,
}

impl SimpleContrastiveLoss {
    /// The in-batch loss, reduced to `[1]`.
    ///
    /// # Shapes
    ///
    /// - anchor, positive: `[batch, width]`; row i of one belongs to row i of the other
    ///
    /// # Panics
    ///
    /// When the shapes differ.
    pub fn forward(
        &self,
        anchor: Tensor<2>,
        positive: Tensor<2>,
        reduction: Reduction,
    ) -> Tensor<1> {
        reduce(self.forward_no_reduction(anchor, positive), &reduction)
    }

    /// The in-batch loss of each anchor, `[batch]`.
    ///
    /// # Panics
    ///
    /// When the shapes differ.
    pub fn forward_no_reduction(&self, anchor: Tensor<2>, positive: Tensor<2>) -> Tensor<1> {
        let [batch, width] = anchor.dims();
        check_shape!(NAME, positive, [batch, width]);
        let weight = self.weight(batch.saturating_sub(1));
        in_f32(anchor, |anchor| {
            let positive = prepared(positive.cast(anchor.dtype()), self.normalize);
            let anchor = prepared(anchor, self.normalize);
            let others = positive.clone().sum_dim(0) - positive.clone();
            (anchor * (others * weight - positive))
                .sum_dim(1)
                .reshape([batch])
        })
    }

    /// Looks for what the in-batch form is not defined for.
    ///
    /// # Errors
    ///
    /// Differing shapes, no width, fewer than two rows: there would be no negative.
    pub fn validate(&self, anchor: &Tensor<2>, positive: &Tensor<2>) -> Result<(), InputError> {
        check_views(NAME, [("anchor", anchor), ("positive", positive)], 2)
    }

    fn weight(&self, negatives: usize) -> f64 {
        self.negative_weight
            .unwrap_or(1.0 / negatives.max(1) as f64)
    }
}

impl SimilarityForm for SimpleContrastiveLoss {
    const NAME: &'static str = NAME;

    fn forward_similarities_no_reduction(
        &self,
        positive: Tensor<1>,
        negatives: Tensor<2>,
    ) -> Tensor<1> {
        let [anchors, count] = negatives.dims();
        check_shape!(NAME, positive, [anchors]);
        in_f32(negatives, |negatives| {
            let positive = positive.cast(negatives.dtype());
            negatives.sum_dim(1).reshape([anchors]) * self.weight(count) - positive
        })
    }
}
