use burn::nn::loss::Reduction;
use burn::tensor::Tensor;
use candor_core::{InputError, reduce};

use super::similarities::check_similarities;

/// The form of a contrastive loss that takes similarities, computed from whatever by whoever.
///
/// It has no rows to normalise and no batch to choose negatives from: each anchor brings its own.
///
/// # Shapes
///
/// - positive: `[anchors]`, the similarity of each anchor to its positive
/// - negatives: `[anchors, negatives]`
///
/// # Panics
///
/// Both forward methods, when there is not one positive a row, or no negative.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Tensor};
/// use candor_losses::contrastive::{InfoNceLossConfig, SimilarityForm};
///
/// let device = Device::flex();
/// let loss = InfoNceLossConfig::new().with_temperature(1.0).init()?;
/// let (positive, negatives) = (Tensor::<1>::zeros([2], &device), Tensor::<2>::zeros([2, 3], &device));
/// loss.validate_similarities(&positive, &negatives)?;
/// let value = loss.forward_similarities(positive, negatives, Reduction::Mean);
/// assert!((value.into_scalar::<f32>() - 4f32.ln()).abs() < 1e-6); // one of four alike
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait SimilarityForm {
    /// The loss's name in errors.
    const NAME: &'static str;

    /// The loss of each anchor, `[anchors]`.
    fn forward_similarities_no_reduction(
        &self,
        positive: Tensor<1>,
        negatives: Tensor<2>,
    ) -> Tensor<1>;

    /// The loss, reduced to `[1]`.
    fn forward_similarities(
        &self,
        positive: Tensor<1>,
        negatives: Tensor<2>,
        reduction: Reduction,
    ) -> Tensor<1> {
        let losses = self.forward_similarities_no_reduction(positive, negatives);
        reduce(losses, &reduction)
    }

    /// Looks for similarities the loss is not defined for.
    ///
    /// # Errors
    ///
    /// Another number of positives than rows, an empty batch, no negatives.
    fn validate_similarities(
        &self,
        positive: &Tensor<1>,
        negatives: &Tensor<2>,
    ) -> Result<(), InputError> {
        check_similarities(Self::NAME, positive, negatives)
    }
}
