//! Has a model forgotten what it should, and nothing else?

mod accuracy;
mod answer_probability;
mod distance_to_retrained;
mod forget_quality;
mod ks_two_sample;
mod membership_inference;
mod model_utility;
mod rouge_l;
mod truth_ratio;

pub use accuracy::accuracy;
pub use answer_probability::AnswerProbability;
pub use distance_to_retrained::DistanceToRetrained;
pub use forget_quality::{ForgetQuality, forget_quality};
pub use ks_two_sample::{KsTest, ks_two_sample};
pub use membership_inference::membership_inference;
pub use model_utility::model_utility;
pub use rouge_l::{RougeL, rouge_tokens};
pub use truth_ratio::TruthRatio;

use candor_core::InputError;

/// A table with one row for each answer, finite and without an empty row.
fn check_table(
    component: &'static str,
    argument: &'static str,
    table: &[Vec<f64>],
    rows: usize,
) -> Result<(), InputError> {
    InputError::check_dims(component, argument, &[table.len()], &[rows])?;
    for row in table {
        InputError::check_not_empty(component, argument, row.len())?;
        InputError::check_finite(component, argument, row)?;
    }
    Ok(())
}

/// One finite loss an answer, at least one answer.
fn check_losses(
    component: &'static str,
    argument: &'static str,
    losses: &[f64],
) -> Result<(), InputError> {
    InputError::check_not_empty(component, argument, losses.len())?;
    InputError::check_finite(component, argument, losses)
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}
