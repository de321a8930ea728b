use candor_core::InputError;
use serde::{Deserialize, Serialize};

use super::assignment::best_assignment;

/// How well predicted edges pair up with gold ones.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EdgeMatch {
    /// Sum of the similarities of the best one-to-one pairing.
    pub total: f64,
    /// Its share of the predicted edges.
    pub precision: f64,
    /// Its share of the gold edges.
    pub recall: f64,
    /// Harmonic mean of the two.
    pub f1: f64,
}

/// Pairs the edges of two graphs one to one so that their similarities have the largest sum.
///
/// ```text
/// total = max over pairings Σ similarity,   precision = total / P,   recall = total / G,   f1 = 2 p r / (p + r)
/// ```
///
/// # Shapes
///
/// - similarity: row-major `[gold, predicted]`, any finite numbers; the smaller side is paired completely
///
/// # Edge cases
///
/// A side without edges, and a total of 0, give 0 throughout (the published code divides 0 by 0).
///
/// # Errors
///
/// Another number of similarities than `gold * predicted`, one that is not finite.
///
/// Source: Saha et al.: ExplaGraphs, 2021, arXiv 2104.07644, which takes BERTScore for the similarity: see
/// [`graph_bert_score`](super::graph_bert_score).
///
/// ```
/// use candor_metrics::explanation_graphs::edge_match_score;
///
/// // Greedy would take 0.9 first and end at 0.9 + 0.0; the best pairing crosses over.
/// let score = edge_match_score(&[0.9, 0.8, 0.7, 0.0], 2, 2).unwrap();
/// assert_eq!((score.total, score.f1), (1.5, 0.75));
/// ```
pub fn edge_match_score(
    similarity: &[f64],
    gold: usize,
    predicted: usize,
) -> Result<EdgeMatch, InputError> {
    const NAME: &str = "edge_match_score";
    InputError::check_dims(NAME, "similarity", &[similarity.len()], &[gold * predicted])?;
    InputError::check_finite(NAME, "similarity", similarity)?;
    if similarity.is_empty() {
        return Ok(EdgeMatch {
            total: 0.0,
            precision: 0.0,
            recall: 0.0,
            f1: 0.0,
        });
    }
    let at = |gold: usize, other: usize| similarity[gold * predicted + other];
    let pairs: Vec<f64> = if gold <= predicted {
        let pairing = best_assignment(gold, predicted, at);
        let pairing = pairing.into_iter().enumerate();
        pairing.map(|(gold, other)| at(gold, other)).collect()
    } else {
        let pairing = best_assignment(predicted, gold, |other, gold| at(gold, other));
        let pairing = pairing.into_iter().enumerate();
        pairing.map(|(other, gold)| at(gold, other)).collect()
    };
    let total: f64 = pairs.into_iter().sum();
    let (gold, predicted) = (gold as f64, predicted as f64);
    Ok(EdgeMatch {
        total,
        precision: total / predicted,
        recall: total / gold,
        // The harmonic mean of total/P and total/G.
        f1: 2.0 * total / (gold + predicted),
    })
}

/// A score of the structurally correct samples, averaged over all samples: the others count as 0.
///
/// # Errors
///
/// No sample, more scores than samples, a score that is not finite.
///
/// ```
/// use candor_metrics::explanation_graphs::corpus_mean;
///
/// assert_eq!(corpus_mean(&[0.9, 0.6], 3).unwrap(), 0.5);
/// ```
pub fn corpus_mean(correct_scores: &[f64], total_samples: usize) -> Result<f64, InputError> {
    const NAME: &str = "corpus_mean";
    check_total(NAME, correct_scores.len(), total_samples)?;
    InputError::check_finite(NAME, "correct_scores", correct_scores)?;
    Ok(correct_scores.iter().sum::<f64>() / total_samples as f64)
}

/// Refuses no sample at all, and more correct samples than samples.
pub(super) fn check_total(
    component: &'static str,
    correct: usize,
    total: usize,
) -> Result<(), InputError> {
    InputError::check_not_empty(component, "total_samples", total)?;
    if correct > total {
        return Err(InputError::Undefined {
            component,
            reason: "there are more structurally correct samples than samples",
        });
    }
    Ok(())
}
