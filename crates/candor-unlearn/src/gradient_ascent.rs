use burn::tensor::Tensor;

use crate::SequenceLogProbs;

/// Gradient ascent: minimises the mean log-probability of the forget tokens, without bound.
///
/// ```text
/// loss = + token mean of log π = -cross-entropy
/// ```
///
/// The baseline that collapses: its gradient does not fade on what is forgotten. Nothing to configure. A batch
/// without a scored token gives 0; [`SequenceLogProbs::validate`] finds it.
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_unlearn::{GradientAscent, SequenceLogProbs};
///
/// let device = Device::flex();
/// let labels = Tensor::<1, Int>::from_data([0], &device);
/// let coin = SequenceLogProbs::of_classes(Tensor::zeros([1, 2], &device), labels);
/// assert!((GradientAscent.forward(&coin).into_scalar::<f32>() + 2f32.ln()).abs() < 1e-6);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct GradientAscent;

impl GradientAscent {
    /// The loss, `[1]`: a mean over tokens, so there is no value a row to reduce.
    pub fn forward(&self, forget: &SequenceLogProbs) -> Tensor<1> {
        -forget.cross_entropy()
    }
}
