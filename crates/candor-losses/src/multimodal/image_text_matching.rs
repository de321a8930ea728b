use burn::nn::loss::Reduction;
use burn::tensor::Tensor;
use candor_core::reduce;

use super::two_way::two_way_cross_entropy;

/// Match or no match of an image and a text, from two logits of their fused class token (ITM).
///
/// ```text
/// loss = cross-entropy of the logits, label 1 in matching pairs and 0 in wrong ones
/// ```
///
/// Wrong pairs come from [`HardNegatives`](super::HardNegatives): (picked image, text) for every text, then (image, picked
/// text) for every image, twice as many as matching ones.
///
/// # Edge cases
///
/// Only differences of logits matter; those of any size give a finite loss. There may be no pair of one kind.
///
/// # Source
///
/// Li, Selvaraju, Gotmare, Joty, Xiong, Hoi: Align before Fuse, 2021, arXiv 2107.07651.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Tensor};
/// use candor_losses::multimodal::ImageTextMatching;
///
/// let device = Device::flex();
/// let (right, wrong) = (Tensor::<2>::zeros([1, 2], &device), Tensor::<2>::zeros([2, 2], &device));
/// let loss = ImageTextMatching.forward(right, wrong, Reduction::Sum);
/// assert!((loss.into_scalar::<f32>() - 3.0 * 2f32.ln()).abs() < 1e-5);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct ImageTextMatching;

impl ImageTextMatching {
    /// The loss, reduced to `[1]`.
    ///
    /// # Shapes
    ///
    /// - matching_logits: `[pairs, 2]`, class 1 = match
    /// - wrong_logits: `[wrong pairs, 2]`
    ///
    /// # Panics
    ///
    /// When there are other than two logits a pair.
    pub fn forward(
        &self,
        matching_logits: Tensor<2>,
        wrong_logits: Tensor<2>,
        reduction: Reduction,
    ) -> Tensor<1> {
        reduce(
            self.forward_no_reduction(matching_logits, wrong_logits),
            &reduction,
        )
    }

    /// The loss of each pair, `[pairs + wrong pairs]`, matching ones first.
    ///
    /// # Panics
    ///
    /// When there are other than two logits a pair.
    pub fn forward_no_reduction(
        &self,
        matching_logits: Tensor<2>,
        wrong_logits: Tensor<2>,
    ) -> Tensor<1> {
        const NAME: &str = "ImageTextMatching";
        Tensor::cat(
            vec![
                two_way_cross_entropy(NAME, matching_logits, true),
                two_way_cross_entropy(NAME, wrong_logits, false),
            ],
            0,
        )
    }
}
