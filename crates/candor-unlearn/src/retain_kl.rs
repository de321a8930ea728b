use burn::tensor::{Bool, Tensor};
use candor_core::numerics::{masked_mean, softmax_kl};
use candor_core::{InputError, check_shape, host};

use crate::sequence_log_probs::at_least_single;

/// How far the policy has drifted from the reference on a retain batch: mean KL(reference ‖ policy) a position, `[1]`.
///
/// ```text
/// mean over the positions where mask is true of Σ p_ref (log p_ref - log p)
/// ```
///
/// There is no shift: every position counts that the mask lets through, all of them without one, padding included, as in
/// the authors' code. No gradient reaches the reference. Half-precision logits give an `f32` result. A mask without
/// an entry gives 0; [`validate_retain_mask`] finds it.
///
/// # Shapes
///
/// - policy_logits, ref_logits: `[batch, tokens, vocabulary]`
/// - mask: `[batch, tokens]`
///
/// # Panics
///
/// When the shapes do not fit.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_unlearn::retain_kl;
///
/// let device = Device::flex(); // certainty has become a coin: ln 2
/// let (policy, reference) = ([[[0.0, 0.0]]], [[[900.0, 0.0]]]);
/// let (policy, reference) = (Tensor::<3>::from_floats(policy, &device), Tensor::from_floats(reference, &device));
/// assert!((retain_kl(policy, reference, None).into_scalar::<f32>() - 2f32.ln()).abs() < 1e-6);
/// ```
pub fn retain_kl(
    policy_logits: Tensor<3>,
    ref_logits: Tensor<3>,
    mask: Option<Tensor<2, Bool>>,
) -> Tensor<1> {
    let [batch, tokens, vocabulary] = policy_logits.dims();
    check_shape!("retain_kl", ref_logits, [batch, tokens, vocabulary]);
    let rows = batch * tokens;
    let flat = |logits: Tensor<3>| logits.reshape([rows, vocabulary]);
    let divergences = softmax_kl(flat(ref_logits), at_least_single(flat(policy_logits)), 1.0);
    match mask {
        Some(mask) => {
            check_shape!("retain_kl", mask, [batch, tokens]);
            masked_mean(divergences, mask.reshape([rows]), 0)
        }
        None => divergences.mean(),
    }
}

/// [`retain_kl`] of a classifier: mean KL(reference ‖ policy) of logits `[batch, classes]`, `[1]`.
///
/// # Panics
///
/// When the shapes differ.
pub fn class_retain_kl(policy_logits: Tensor<2>, ref_logits: Tensor<2>) -> Tensor<1> {
    let [batch, classes] = policy_logits.dims();
    check_shape!("class_retain_kl", ref_logits, [batch, classes]);
    softmax_kl(ref_logits, at_least_single(policy_logits), 1.0).mean()
}

/// Looks for a mask that lets nothing through, over which there is no mean; reads it to the host.
///
/// # Errors
///
/// No entry of the mask is true.
pub fn validate_retain_mask(mask: &Tensor<2, Bool>) -> Result<(), InputError> {
    let entries: i64 = host::ints(&mask.clone().int()).iter().sum();
    InputError::check_not_empty("retain_kl", "mask", entries as usize)
}
