use candor_core::InputError;
use serde::{Deserialize, Serialize};

use super::pair;
use crate::ranking::{absolute, compare, descending};

const NAME: &str = "TopKAgreement";

/// How far two explanations name the same top features, in the same order, with the same signs.
///
/// ```text
/// O(·) = features by descending magnitude (ties: lower index first), A and B = the first k of O(a) and O(b)
/// feature     = |A ∩ B| / k
/// rank        = #{r < k : O(a)_r = O(b)_r} / k
/// sign        = #{i ∈ A ∩ B : sgn a_i = sgn b_i} / k
/// signed_rank = #{r < k : same feature and same sign at place r} / k
/// jaccard     = |A ∩ B| / |A ∪ B|
/// ```
///
/// Each lies in \[0, 1\]; random scores give a feature agreement of k/n on average.
///
/// Source: Krishna et al. (2022), The disagreement problem in explainable machine learning, arXiv 2202.01602.
///
/// ```
/// use candor_metrics::agreement::TopKAgreement;
///
/// let agreement = TopKAgreement::of(&[3.0, 2.0, 1.0], &[-3.0, 1.0, 2.0], 2).unwrap();
/// assert_eq!((agreement.feature, agreement.rank, agreement.sign), (0.5, 0.5, 0.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TopKAgreement {
    /// Share of common features.
    pub feature: f64,
    /// Share of places with the same feature.
    pub rank: f64,
    /// Share of common features of the same sign.
    pub sign: f64,
    /// Share of places with the same feature and sign.
    pub signed_rank: f64,
    /// Common features over all named.
    pub jaccard: f64,
}

impl TopKAgreement {
    /// Compares the top k of two explanations.
    ///
    /// # Errors
    ///
    /// Lengths that differ, values that are not finite, a k outside 1..=n.
    pub fn of(left: &[f64], right: &[f64], k: usize) -> Result<Self, InputError> {
        pair::check(NAME, left, right)?;
        InputError::check_values(
            NAME,
            "k",
            &[k as f64],
            "between 1 and the number of features",
            |k| k >= 1.0 && k <= left.len() as f64,
        )?;
        let same_sign =
            |feature: usize| compare(left[feature], 0.0) == compare(right[feature], 0.0);
        let (top_left, top_right) = (top(left, k), top(right, k));
        let share = |count: usize| count as f64 / k as f64;
        let common: Vec<usize> = top_left
            .iter()
            .copied()
            .filter(|feature| top_right.contains(feature))
            .collect();
        let places = top_left
            .iter()
            .zip(&top_right)
            .filter(|(left, right)| left == right);
        let placed: Vec<usize> = places.map(|(&feature, _)| feature).collect();
        let signed = |features: &[usize]| {
            features
                .iter()
                .filter(|&&feature| same_sign(feature))
                .count()
        };
        Ok(Self {
            feature: share(common.len()),
            rank: share(placed.len()),
            sign: share(signed(&common)),
            signed_rank: share(signed(&placed)),
            jaccard: common.len() as f64 / (2 * k - common.len()) as f64,
        })
    }
}

fn top(values: &[f64], k: usize) -> Vec<usize> {
    let mut order = descending(&absolute(values));
    order.truncate(k);
    order
}
