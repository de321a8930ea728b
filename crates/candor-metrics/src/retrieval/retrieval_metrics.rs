use burn::tensor::Tensor;
use candor_core::{InputError, host};
use serde::{Deserialize, Serialize};

use super::ranking;

const NAME: &str = "RetrievalMetrics";

/// How high the matches of each query stand in its ranking of a gallery, in percent.
///
/// ```text
/// order  = gallery by descending score        m_r = 1 where the r-th item has the query's identity, n = Σ m_r
/// rank-k = share of queries with a match among the first k
/// AP     = 1/n Σ_r m_r (matches up to r) / r                 mAP  = mean AP
/// mINP   = mean of n / (rank of the last match)
/// ```
///
/// # Edge cases
///
/// Of equal scores the earlier item stands first. A k beyond the gallery means all of it. Infinite scores are fine, as
/// for items that were never candidates.
///
/// # Source
///
/// As published for text-based person search, arXiv 2407.04287; mINP: Ye et al., arXiv 2001.04193.
///
/// ```
/// use candor_metrics::retrieval::RetrievalMetrics;
///
/// // Matches at ranks 1 and 3: AP = (1/1 + 2/3) / 2.
/// let metrics = RetrievalMetrics::of(&[vec![0.9, 0.5, 0.1]], &[7], &[7, 8, 7], &[1])?;
/// assert_eq!(metrics.rank, [(1, 100.0)]);
/// assert!((metrics.map - 100.0 * 5.0 / 6.0).abs() < 1e-9 && (metrics.minp - 200.0 / 3.0).abs() < 1e-9);
/// # Ok::<(), candor_core::InputError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RetrievalMetrics {
    /// Each k asked for, and the percentage of queries with a match among their first k.
    pub rank: Vec<(usize, f64)>,
    /// Mean average precision in percent.
    pub map: f64,
    /// Mean inverse negative penalty in percent: how far down one must look to find all matches.
    pub minp: f64,
    /// Average precision of each query, in [0, 1].
    pub ap: Vec<f64>,
}

/// Where the matches of a query stand, counted from 1, ascending.
struct Matches(Vec<usize>);

impl RetrievalMetrics {
    /// The measures from each query's scores of the gallery.
    ///
    /// # Errors
    ///
    /// No query, a k of 0, not one score an item, a score that is NaN, a query without a match in the gallery (named).
    pub fn of(
        scores: &[Vec<f64>],
        query_ids: &[i64],
        gallery_ids: &[i64],
        ks: &[usize],
    ) -> Result<Self, InputError> {
        InputError::check_not_empty(NAME, "scores", scores.len())?;
        InputError::check_dims(NAME, "query_ids", &[query_ids.len()], &[scores.len()])?;
        let counts: Vec<f64> = ks.iter().map(|&k| k as f64).collect();
        InputError::check_values(NAME, "ks", &counts, ">= 1", |k| k >= 1.0)?;
        let matches = scores
            .iter()
            .zip(query_ids)
            .enumerate()
            .map(|(query, (scores, &id))| Matches::of(query, scores, id, gallery_ids))
            .collect::<Result<Vec<_>, _>>()?;
        let percent = |values: &mut dyn Iterator<Item = f64>| {
            100.0 * values.sum::<f64>() / matches.len() as f64
        };
        let ap: Vec<f64> = matches.iter().map(Matches::average_precision).collect();
        let found = |k| matches.iter().map(move |of_query| of_query.found_by(k));
        Ok(Self {
            rank: ks.iter().map(|&k| (k, percent(&mut found(k)))).collect(),
            map: percent(&mut ap.iter().copied()),
            minp: percent(&mut matches.iter().map(Matches::inverse_negative_penalty)),
            ap,
        })
    }

    /// The measures from scores on a device, `[queries, gallery]`.
    ///
    /// # Errors
    ///
    /// As [`of`](Self::of).
    pub fn of_tensor(
        scores: &Tensor<2>,
        query_ids: &[i64],
        gallery_ids: &[i64],
        ks: &[usize],
    ) -> Result<Self, InputError> {
        Self::of(&host::rows(scores), query_ids, gallery_ids, ks)
    }
}

impl Matches {
    fn of(query: usize, scores: &[f64], id: i64, gallery_ids: &[i64]) -> Result<Self, InputError> {
        InputError::check_dims(NAME, "scores", &[scores.len()], &[gallery_ids.len()])?;
        InputError::check_values(NAME, "scores", scores, "a number", |score| !score.is_nan())?;
        let ranks: Vec<usize> = ranking(scores)
            .into_iter()
            .zip(1..)
            .filter(|(item, _)| gallery_ids.get(*item) == Some(&id))
            .map(|(_, rank)| rank)
            .collect();
        if ranks.is_empty() {
            return Err(InputError::OutOfRange {
                component: NAME,
                argument: "query_ids",
                index: query,
                value: id as f64,
                legal: "an identity that is in the gallery",
            });
        }
        Ok(Self(ranks))
    }

    fn average_precision(&self) -> f64 {
        let precisions = self
            .0
            .iter()
            .zip(1..)
            .map(|(&rank, found)| f64::from(found) / rank as f64);
        precisions.sum::<f64>() / self.0.len() as f64
    }

    fn inverse_negative_penalty(&self) -> f64 {
        self.0
            .last()
            .map_or(0.0, |&last| self.0.len() as f64 / last as f64)
    }

    /// 1 when a match is among the first k.
    fn found_by(&self, k: usize) -> f64 {
        f64::from(self.0.first().is_some_and(|&first| first <= k))
    }
}
