use burn::tensor::Tensor;
use candor_core::{InputError, Target, host};
use serde::{Deserialize, Serialize};

use super::losses::mean;

const NAME: &str = "DistanceToRetrained";

/// How far an unlearned model is from one trained without the forget set, on the same inputs.
///
/// ```text
/// kl           = mean_b Σ_c p_retrained (ln p_retrained − ln p_unlearned)
/// disagreement = share of rows on which the two predict different classes
/// ```
///
/// Both are 0 for equal models. Log-probabilities come from the logits in `f64` with the maximum taken off, so that
/// logits of ±1e4 give a large finite divergence.
///
/// Source: Golatkar, Achille, Soatto (2020), Eternal sunshine of the spotless net, arXiv 1911.04933.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_metrics::forgetting::DistanceToRetrained;
///
/// let retrained = Tensor::<2>::from_floats([[0.0, 0.0]], &Device::flex());
/// let unlearned = Tensor::<2>::from_floats([[0.0, 3f32.ln()]], &Device::flex()); // (1/4, 3/4)
/// let distance = DistanceToRetrained::of(&unlearned, &retrained).unwrap();
/// assert!((distance.kl - (4.0 / 3f64).ln() / 2.0).abs() < 1e-6 && distance.disagreement == 1.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DistanceToRetrained {
    /// Mean KL(retrained ‖ unlearned), in nats.
    pub kl: f64,
    /// Share of rows with different predictions.
    pub disagreement: f64,
}

impl DistanceToRetrained {
    /// From the logits `[batch, classes]` of both models.
    ///
    /// # Errors
    ///
    /// No row, shapes that differ, logits that are not finite.
    pub fn of(
        unlearned_logits: &Tensor<2>,
        retrained_logits: &Tensor<2>,
    ) -> Result<Self, InputError> {
        let dims = retrained_logits.dims();
        InputError::check_dims(NAME, "unlearned_logits", &unlearned_logits.dims(), &dims)?;
        InputError::check_not_empty(NAME, "retrained_logits", dims.iter().product())?;
        let unlearned = log_probabilities("unlearned_logits", unlearned_logits)?;
        let retrained = log_probabilities("retrained_logits", retrained_logits)?;
        let (ours, theirs) = (
            Target::predicted(unlearned_logits),
            Target::predicted(retrained_logits),
        );
        let differ = (0..dims[0])
            .filter(|&row| ours.of_row(row) != theirs.of_row(row))
            .count();
        Ok(Self {
            kl: mean(
                retrained
                    .iter()
                    .zip(&unlearned)
                    .map(|(retrained, unlearned)| divergence(retrained, unlearned)),
            ),
            disagreement: differ as f64 / dims[0] as f64,
        })
    }
}

fn log_probabilities(
    argument: &'static str,
    logits: &Tensor<2>,
) -> Result<Vec<Vec<f64>>, InputError> {
    let mut rows = host::rows(logits);
    for row in &mut rows {
        InputError::check_finite(NAME, argument, row)?;
        let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let log_sum = row
            .iter()
            .map(|logit| (logit - largest).exp())
            .sum::<f64>()
            .ln();
        for logit in row {
            *logit -= largest + log_sum;
        }
    }
    Ok(rows)
}

fn divergence(retrained: &[f64], unlearned: &[f64]) -> f64 {
    retrained
        .iter()
        .zip(unlearned)
        .map(|(log_p, log_q)| log_p.exp() * (log_p - log_q))
        .sum::<f64>()
        .max(0.0)
}
