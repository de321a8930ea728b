use candor_core::InputError;

use super::losses::check_losses;
use crate::ranking::superiority;

/// Area under the ROC curve of the attack that calls an example a member when its loss is low.
///
/// ```text
/// P(loss_member < loss_non_member) + ½ P(loss_member = loss_non_member)
/// ```
///
/// 0.5: members cannot be told apart, which is what unlearning should reach on the forget set. Above it the model
/// still remembers; below it, forgotten examples stand out by losses that are too high. Swapping the arguments gives
/// one minus the value.
///
/// # Errors
///
/// An empty side, or losses that are not finite.
///
/// Source: Yeom et al. (2018), Privacy risk in machine learning, arXiv 1709.01604.
///
/// ```
/// use candor_metrics::forgetting::membership_inference;
///
/// // Of four pairs the member has the lower loss in two and the same in one.
/// assert_eq!(membership_inference(&[0.1, 0.9], &[0.5, 0.9]).unwrap(), 0.625);
/// ```
pub fn membership_inference(
    member_losses: &[f64],
    non_member_losses: &[f64],
) -> Result<f64, InputError> {
    const NAME: &str = "membership_inference";
    check_losses(NAME, "member_losses", member_losses)?;
    check_losses(NAME, "non_member_losses", non_member_losses)?;
    Ok(superiority(non_member_losses, member_losses))
}
