use burn::nn::loss::Reduction;
use burn::tensor::{Int, Tensor, activation};
use candor_core::{InputError, in_f32, reduce};

use super::slot_targets::{check_shapes, check_values, of_targets};

const NAME: &str = "ChamferSetLoss";

/// Each slot pays for the target nearest to it, and each target for the slot nearest to it: a set loss without matching.
///
/// ```text
/// C[t, j] = -log softmax(logits_t)_{target_j}        loss = Σ_t min_j C[t, j] + Σ_j min_t C[t, j]
/// ```
///
/// Cheaper than [`AssignmentLoss`](super::AssignmentLoss) and all on the device, but several slots may crowd around one
/// target: of equal targets it does not ask for as many slots. Nothing to configure. At ties the first entry gets
/// the gradient.
///
/// # Source
///
/// Fan, Su, Guibas: A Point Set Generation Network, 2017, arXiv 1612.00603, on log-probabilities; a baseline of
/// arXiv 1511.06391's sheet.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_losses::sets::ChamferSetLoss;
///
/// let device = Device::flex();
/// let targets = Tensor::<2, Int>::from_data([[1, 0]], &device);
/// let loss = ChamferSetLoss.forward(Tensor::zeros([1, 2, 2], &device), targets, Reduction::Mean);
/// assert!((loss.into_scalar::<f32>() - 4.0 * 2f32.ln()).abs() < 1e-6);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct ChamferSetLoss;

impl ChamferSetLoss {
    /// The loss, reduced to `[1]`.
    ///
    /// # Shapes
    ///
    /// - slot_logits: `[batch, slots, vocabulary]`
    /// - targets: `[batch, slots]`, in `0..vocabulary`
    ///
    /// # Panics
    ///
    /// When there is not one target a slot.
    pub fn forward(
        &self,
        slot_logits: Tensor<3>,
        targets: Tensor<2, Int>,
        reduction: Reduction,
    ) -> Tensor<1> {
        reduce(self.forward_no_reduction(slot_logits, targets), &reduction)
    }

    /// The loss of each example, `[batch]`.
    ///
    /// # Panics
    ///
    /// When there is not one target a slot.
    pub fn forward_no_reduction(
        &self,
        slot_logits: Tensor<3>,
        targets: Tensor<2, Int>,
    ) -> Tensor<1> {
        check_shapes(NAME, &slot_logits, &targets);
        let [batch, ..] = slot_logits.dims();
        in_f32(slot_logits, |logits| {
            let gains = of_targets(activation::log_softmax(logits, 2), targets);
            let largest = |dim: usize| -> Tensor<1> {
                let best = gains.clone().without_autodiff().argmax(dim);
                let nearest = gains.clone().gather(dim, best);
                nearest.sum_dims(&[1, 2]).reshape([batch])
            };
            -(largest(2) + largest(1))
        })
    }

    /// Looks for values the loss is not defined for; reads both arguments to the host.
    ///
    /// # Errors
    ///
    /// An empty batch, another number of targets than slots, a target outside the vocabulary, a logit that is not
    /// finite.
    pub fn validate(
        &self,
        slot_logits: &Tensor<3>,
        targets: &Tensor<2, Int>,
    ) -> Result<(), InputError> {
        check_values(NAME, slot_logits, targets)
    }
}
