//! How well scores bring the right items of a gallery to the top.
//!
//! | type | what it tells |
//! |---|---|
//! | [`RetrievalMetrics`] | rank-k, mean average precision, mean inverse negative penalty |
//! | [`rerank`] | scores of a slow model for the best candidates of a fast one |

mod rerank;
mod retrieval_metrics;

pub use rerank::rerank;
pub use retrieval_metrics::RetrievalMetrics;

/// The gallery in descending order of a query's scores; equal scores keep the gallery's order.
fn ranking(scores: &[f64]) -> Vec<usize> {
    let mut order: Vec<(usize, f64)> = scores.iter().copied().enumerate().collect();
    order.sort_by(|(_, a), (_, b)| b.partial_cmp(a).unwrap_or(std::cmp::Ordering::Equal));
    order.into_iter().map(|(index, _)| index).collect()
}
