use candor_core::InputError;

use super::pair;
use crate::ranking::{absolute, descending, positions};

/// Pairwise rank agreement: over the features of interest, the share of pairs that both explanations order alike.
///
/// Features are ordered by descending magnitude, ties going to the lower index.
///
/// # Errors
///
/// Lengths that differ, values that are not finite, fewer than two features, one that does not exist or is named
/// twice.
///
/// Source: Krishna et al. (2022), The disagreement problem in explainable machine learning, arXiv 2202.01602.
///
/// ```
/// use candor_metrics::agreement::pairwise_rank_agreement;
///
/// // Pairs (0,1) and (0,2) are ordered alike, (1,2) is not.
/// let share = pairwise_rank_agreement(&[3.0, 2.0, 1.0], &[3.0, 1.0, 2.0], &[0, 1, 2]).unwrap();
/// assert_eq!(share, 2.0 / 3.0);
/// ```
pub fn pairwise_rank_agreement(
    left: &[f64],
    right: &[f64],
    features: &[usize],
) -> Result<f64, InputError> {
    const NAME: &str = "pairwise_rank_agreement";
    pair::check(NAME, left, right)?;
    let numbers: Vec<i64> = features.iter().map(|&feature| feature as i64).collect();
    InputError::check_labels(NAME, "features", &numbers, left.len())?;
    let mut distinct = features.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    if features.len() < 2 || distinct.len() < features.len() {
        return Err(InputError::Undefined {
            component: NAME,
            reason: "pairs need two or more features, each named once",
        });
    }
    let (left, right) = (places(left), places(right));
    let (mut pairs, mut alike) = (0usize, 0usize);
    for (index, &i) in features.iter().enumerate() {
        for &j in &features[..index] {
            pairs += 1;
            alike += usize::from((left[i] < left[j]) == (right[i] < right[j]));
        }
    }
    Ok(alike as f64 / pairs as f64)
}

fn places(values: &[f64]) -> Vec<usize> {
    positions(&descending(&absolute(values)))
}
