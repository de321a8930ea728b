use candor_core::InputError;

use super::ranking;

/// Scores of a slow model for the best candidates of a fast one; all others get `elsewhere`.
///
/// Cross-attention matchers cannot score every pair. MARS scores the 128 best images of each text by cosine again with its
/// matching head, and gives -100 to the rest.
///
/// `slow_scores(query, candidates)` gives one score a candidate; candidates are gallery positions, the best first.
///
/// # Errors
///
/// A fast score that is NaN, no candidate, another number of slow scores than of candidates, or an error of `slow_scores`.
///
/// ```
/// use candor_metrics::retrieval::rerank;
///
/// let slow = |_: usize, candidates: &[usize]| Ok(candidates.iter().map(|&item| item as f64).collect());
/// let scores = rerank(&[vec![0.9, 0.1, 0.8]], 2, -100.0, slow)?;
/// assert_eq!(scores, [[0.0, -100.0, 2.0]]);
/// # Ok::<(), candor_core::InputError>(())
/// ```
pub fn rerank(
    fast_scores: &[Vec<f64>],
    candidates: usize,
    elsewhere: f64,
    mut slow_scores: impl FnMut(usize, &[usize]) -> Result<Vec<f64>, InputError>,
) -> Result<Vec<Vec<f64>>, InputError> {
    const NAME: &str = "rerank";
    InputError::check_not_empty(NAME, "candidates", candidates)?;
    fast_scores
        .iter()
        .enumerate()
        .map(|(query, fast)| {
            InputError::check_values(NAME, "fast_scores", fast, "a number", |score| {
                !score.is_nan()
            })?;
            let best: Vec<usize> = ranking(fast).into_iter().take(candidates).collect();
            let slow = slow_scores(query, &best)?;
            InputError::check_dims(NAME, "slow_scores", &[slow.len()], &[best.len()])?;
            let mut scores = vec![elsewhere; fast.len()];
            for (item, score) in best.into_iter().zip(slow) {
                if let Some(place) = scores.get_mut(item) {
                    *place = score;
                }
            }
            Ok(scores)
        })
        .collect()
}
