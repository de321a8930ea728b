use candor_core::InputError;
use serde::{Deserialize, Serialize};

use super::losses::{check_losses, check_table, mean};

const NAME: &str = "TruthRatio";

/// TOFU's truth ratio: how likely wrong answers are beside the paraphrased right one.
///
/// ```text
/// R_i           = exp(−mean_k perturbed_ik) / exp(−paraphrased_i)
/// forget_score  = mean_i min(R_i, 1/R_i)     1: right and wrong answers are equally likely
/// utility_score = mean_i max(0, 1 − R_i)     1: wrong answers are impossible
/// ```
///
/// Losses are mean negative log-likelihoods a token. The wrong answers' probabilities enter by their geometric mean,
/// as in the NPO authors' code; the first TOFU code takes the arithmetic mean for utility.
///
/// Source: Maini et al. (2024), TOFU, arXiv 2401.06121; Zhang et al. (2024), NPO, arXiv 2404.05868.
///
/// ```
/// use candor_metrics::forgetting::TruthRatio;
///
/// let half = 2f64.ln(); // the wrong answer has a loss of ln 2, the right one of 0: R = 1/2
/// let truth = TruthRatio::of(&[vec![half]], &[0.0]).unwrap();
/// assert!((truth.ratio[0] - 0.5).abs() < 1e-15 && (truth.utility_score - 0.5).abs() < 1e-15);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TruthRatio {
    /// R of each question.
    pub ratio: Vec<f64>,
    /// Mean of min(R, 1/R).
    pub forget_score: f64,
    /// Mean of max(0, 1 − R).
    pub utility_score: f64,
}

impl TruthRatio {
    /// From the losses of each question's wrong answers and of its paraphrased right answer.
    ///
    /// # Errors
    ///
    /// No question, a question without a wrong answer, lengths that differ, losses that are not finite.
    pub fn of(perturbed: &[Vec<f64>], paraphrased: &[f64]) -> Result<Self, InputError> {
        check_losses(NAME, "paraphrased", paraphrased)?;
        check_table(NAME, "perturbed", perturbed, paraphrased.len())?;
        let log_ratio: Vec<f64> = perturbed
            .iter()
            .zip(paraphrased)
            .map(|(wrong, right)| right - mean(wrong.iter().copied()))
            .collect();
        Ok(Self {
            ratio: log_ratio.iter().map(|log| log.exp()).collect(),
            forget_score: mean(log_ratio.iter().map(|log| (-log.abs()).exp())),
            utility_score: mean(log_ratio.iter().map(|log| (-log.exp_m1()).max(0.0))),
        })
    }
}
