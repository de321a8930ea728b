//! What the losses of parallel slots share: the checks of their arguments, and the costs of slots and targets.

use burn::tensor::{Int, Tensor};
use candor_core::{InputError, host, shape};

/// Panics unless there is one target a slot.
pub(super) fn check_shapes(
    component: &'static str,
    slot_logits: &Tensor<3>,
    targets: &Tensor<2, Int>,
) {
    let [batch, slots, _] = slot_logits.dims();
    let wanted = [Some(batch), Some(slots)];
    shape::check(component, "targets", &targets.dims(), &wanted);
}

/// Refuses an empty batch, another number of targets than slots, a target outside the vocabulary, a logit that is not
/// finite.
pub(super) fn check_values(
    component: &'static str,
    slot_logits: &Tensor<3>,
    targets: &Tensor<2, Int>,
) -> Result<(), InputError> {
    let [batch, slots, vocabulary] = slot_logits.dims();
    InputError::check_dims(component, "targets", &targets.dims(), &[batch, slots])?;
    InputError::check_not_empty(component, "targets", batch * slots)?;
    InputError::check_labels(component, "targets", &host::ints(targets), vocabulary)?;
    InputError::check_finite(component, "slot_logits", &host::floats(slot_logits))
}

/// What each slot gives each target, `[batch, slots, targets]`.
pub(super) fn of_targets(scores: Tensor<3>, targets: Tensor<2, Int>) -> Tensor<3> {
    let [batch, slots, _] = scores.dims();
    let indices = targets.unsqueeze_dim::<3>(1);
    scores.gather(2, indices.expand([batch, slots, slots]))
}
