use std::cmp::Ordering;

use burn::config::Config;
use candor_core::{ConfigError, InputError};
use serde::{Deserialize, Serialize};

use super::pair;
use crate::ranking::{absolute, compare};

const NAME: &str = "KendallTopK";

/// Settings of [`KendallTopK`].
#[derive(Config, Debug)]
pub struct KendallTopKConfig {
    /// Price of a pair that is tied in exactly one of the rankings, in (0, 1]; a half is neutral.
    #[config(default = 0.5)]
    pub penalty: f64,
}

impl KendallTopKConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A `penalty` outside (0, 1].
    pub fn init(&self) -> Result<KendallTopK, ConfigError> {
        if self.penalty > 0.0 && self.penalty <= 1.0 {
            Ok(KendallTopK {
                penalty: self.penalty,
            })
        } else {
            Err(ConfigError::out_of_range(
                "KendallTopKConfig",
                "penalty",
                self.penalty,
                "in (0, 1]",
            ))
        }
    }
}

/// What [`KendallTopK`] found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct KendallTopKReport {
    /// 1 for agreement on every pair, −1 for disagreement on every pair; 1 where there is no pair.
    pub value: f64,
    /// The depth used.
    pub k: usize,
    /// How many pairs were compared.
    pub pairs: usize,
}

/// Kendall's τ of the tops of two rankings with ties, with a penalty for ties.
///
/// ```text
/// value = 1 − 2 · Σ_{pairs} penalty / #pairs
/// pairs: {i, j} with i in the top of one ranking and j in the top of the other
/// penalty: 1 where the rankings order the pair oppositely, `penalty` where exactly one ties it, else 0
/// ```
///
/// Magnitudes are ranked. Equal ones form a bucket, and the top k are all features of the first k *buckets*, which
/// can be more than k features.
///
/// Source: Fagin et al. (2006), Comparing partial rankings, SIAM J. Discrete Math. 20(3), as used by Neely et al.
/// (2022), A song of (dis)agreement.
///
/// ```
/// use candor_metrics::agreement::KendallTopKConfig;
///
/// let measure = KendallTopKConfig::new().init().unwrap();
/// let report = measure.compute(&[3.0, 2.0, 1.0], &[3.0, -1.0, 2.0], None).unwrap();
/// assert!((report.value - 1.0 / 3.0).abs() < 1e-15 && report.pairs == 3); // one pair of three is the other way round
/// ```
#[derive(Debug, Clone)]
pub struct KendallTopK {
    penalty: f64,
}

impl KendallTopK {
    /// Compares the first `k` buckets of each; `None` compares everything, and more than there are entries is capped.
    ///
    /// # Errors
    ///
    /// Lengths that differ, values that are not finite, a `k` of zero.
    pub fn compute(
        &self,
        left: &[f64],
        right: &[f64],
        k: Option<usize>,
    ) -> Result<KendallTopKReport, InputError> {
        pair::check(NAME, left, right)?;
        let k = k.unwrap_or(left.len()).min(left.len());
        InputError::check_values(NAME, "k", &[k as f64], ">= 1", |k| k >= 1.0)?;
        Ok(self.tops(left, right, k))
    }

    /// Compares as many buckets as the side with fewer non-zero entries has such entries.
    ///
    /// A side without any gives no pair and so the value 1: look at `pairs`.
    ///
    /// # Errors
    ///
    /// Lengths that differ, values that are not finite.
    pub fn compute_non_zero(
        &self,
        left: &[f64],
        right: &[f64],
    ) -> Result<KendallTopKReport, InputError> {
        pair::check(NAME, left, right)?;
        let non_zero = |values: &[f64]| values.iter().filter(|&&value| value != 0.0).count();
        Ok(self.tops(left, right, non_zero(left).min(non_zero(right))))
    }

    fn tops(&self, left: &[f64], right: &[f64], k: usize) -> KendallTopKReport {
        let (left, right) = (absolute(left), absolute(right));
        let (top_left, top_right) = (first_buckets(&left, k), first_buckets(&right, k));
        let (mut pairs, mut disagreement) = (0, 0.0);
        for i in 0..left.len() {
            for j in 0..i {
                if (top_left[i] && top_right[j]) || (top_left[j] && top_right[i]) {
                    pairs += 1;
                    disagreement +=
                        self.price(compare(left[i], left[j]), compare(right[i], right[j]));
                }
            }
        }
        KendallTopKReport {
            value: 1.0 - 2.0 * disagreement / f64::from(pairs.max(1)),
            k,
            pairs: pairs as usize,
        }
    }

    fn price(&self, left: Ordering, right: Ordering) -> f64 {
        match (left, right) {
            _ if left == right => 0.0,
            (Ordering::Equal, _) | (_, Ordering::Equal) => self.penalty,
            _ => 1.0,
        }
    }
}

/// Which entries lie in the first k buckets.
fn first_buckets(magnitudes: &[f64], k: usize) -> Vec<bool> {
    let mut buckets = magnitudes.to_vec();
    buckets.sort_by(|left, right| compare(*right, *left));
    buckets.dedup();
    buckets.truncate(k);
    let lowest = buckets.last().copied();
    magnitudes
        .iter()
        .map(|&magnitude| lowest.is_some_and(|lowest| magnitude >= lowest))
        .collect()
}
