use candor_core::InputError;
use serde::{Deserialize, Serialize};

use super::losses::{check_losses, check_table, mean};

const NAME: &str = "AnswerProbability";

/// How probable a model finds the right answers.
///
/// ```text
/// plain   exp(−loss)                                             questions with a free answer
/// choice  exp(−right) / (exp(−right) + Σ_k exp(−wrong_k))        questions with alternatives
/// ```
///
/// Losses are mean negative log-likelihoods a token, so that longer answers are not punished.
///
/// Source: Maini et al. (2024), TOFU, arXiv 2401.06121.
///
/// ```
/// use candor_metrics::forgetting::AnswerProbability;
///
/// let plain = AnswerProbability::plain(&[0.0, 2f64.ln()]).unwrap();
/// assert_eq!((plain.each[0], plain.mean), (1.0, 0.75));
/// assert_eq!(AnswerProbability::choice(&[7.0], &[vec![7.0]]).unwrap().mean, 0.5);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnswerProbability {
    /// Probability of each answer.
    pub each: Vec<f64>,
    /// Their mean.
    pub mean: f64,
}

impl AnswerProbability {
    /// Probabilities of the answers alone.
    ///
    /// # Errors
    ///
    /// No answer, or a loss that is not finite.
    pub fn plain(losses: &[f64]) -> Result<Self, InputError> {
        check_losses(NAME, "losses", losses)?;
        Ok(Self::new(losses.iter().map(|loss| (-loss).exp()).collect()))
    }

    /// Probabilities of the right answers among the alternatives.
    ///
    /// # Errors
    ///
    /// No question, a question without a wrong answer, lengths that differ, losses that are not finite.
    pub fn choice(right: &[f64], wrong: &[Vec<f64>]) -> Result<Self, InputError> {
        check_losses(NAME, "right", right)?;
        check_table(NAME, "wrong", wrong, right.len())?;
        Ok(Self::new(
            right
                .iter()
                .zip(wrong)
                .map(|(right, wrong)| share(*right, wrong))
                .collect(),
        ))
    }

    fn new(each: Vec<f64>) -> Self {
        Self {
            mean: mean(each.iter().copied()),
            each,
        }
    }
}

/// Softmax of the negated losses, the smallest loss taken off first.
fn share(right: f64, wrong: &[f64]) -> f64 {
    let smallest = wrong.iter().copied().fold(right, f64::min);
    let weight = |loss: f64| (smallest - loss).exp();
    weight(right) / (weight(right) + wrong.iter().map(|&loss| weight(loss)).sum::<f64>())
}
