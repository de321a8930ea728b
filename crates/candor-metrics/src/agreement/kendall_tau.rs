use candor_core::InputError;

use super::pair;
use crate::ranking::compare;

const NAME: &str = "kendall_tau";

/// Kendall's rank correlation τ-b: concordant minus discordant pairs, corrected for ties.
///
/// ```text
/// τ = Σ_{i<j} sgn(a_i − a_j) sgn(b_i − b_j) / √((n0 − t_a)(n0 − t_b)),   n0 = n(n − 1)/2
/// ```
///
/// `t_a` and `t_b` count the tied pairs of each side. Pairs are counted by sorting, in O(n log n). On long texts the
/// value is ruled by tokens of almost no attribution: see [`KendallTopK`](super::KendallTopK).
///
/// # Errors
///
/// Lengths that differ, values that are not finite; undefined where a side is constant or has one entry.
///
/// Source: Kendall (1945), The treatment of ties in ranking problems, Biometrika 33(3); counting: Knight (1966),
/// JASA 61.
///
/// ```
/// use candor_metrics::agreement::kendall_tau;
///
/// // Of the three pairs, two agree and one does not.
/// assert!((kendall_tau(&[1.0, 2.0, 3.0], &[1.0, 3.0, 2.0]).unwrap() - 1.0 / 3.0).abs() < 1e-15);
/// ```
pub fn kendall_tau(left: &[f64], right: &[f64]) -> Result<f64, InputError> {
    pair::check(NAME, left, right)?;
    let mut pairs: Vec<(f64, f64)> = left.iter().copied().zip(right.iter().copied()).collect();
    pairs.sort_by(|a, b| compare(a.0, b.0).then(compare(a.1, b.1)));
    let tied_left = tied_pairs(&pairs, |a, b| compare(a.0, b.0).is_eq());
    let tied_both = tied_pairs(&pairs, |a, b| a == b);
    let mut right: Vec<f64> = pairs.into_iter().map(|pair| pair.1).collect();
    let discordant = sort_counting_inversions(&mut right);
    let tied_right = tied_pairs(&right, |a, b| compare(*a, *b).is_eq());
    let all = pairs_of(right.len());
    let (untied_left, untied_right) = (all - tied_left, all - tied_right);
    if untied_left == 0 || untied_right == 0 {
        return Err(pair::undefined(NAME));
    }
    let score = (all - tied_left - tied_right + tied_both - 2 * discordant) as f64;
    Ok((score / (untied_left as f64 * untied_right as f64).sqrt()).clamp(-1.0, 1.0))
}

fn pairs_of(count: usize) -> i64 {
    let count = count as i64;
    count * (count - 1) / 2
}

fn tied_pairs<T>(sorted: &[T], same: impl FnMut(&T, &T) -> bool) -> i64 {
    sorted.chunk_by(same).map(|tied| pairs_of(tied.len())).sum()
}

/// Sorts by merging and counts the pairs that stood the wrong way round.
fn sort_counting_inversions(values: &mut [f64]) -> i64 {
    let mut merged = values.to_vec();
    let mut inversions = 0;
    let mut width = 1;
    while width < values.len() {
        for (from, to) in values.chunks(2 * width).zip(merged.chunks_mut(2 * width)) {
            let (left, right) = from.split_at(width.min(from.len()));
            inversions += merge(left, right, to);
        }
        values.copy_from_slice(&merged);
        width *= 2;
    }
    inversions
}

fn merge(left: &[f64], right: &[f64], to: &mut [f64]) -> i64 {
    let (mut taken_left, mut taken_right, mut inversions) = (0, 0, 0);
    for slot in to {
        let from_left = taken_right == right.len()
            || (taken_left < left.len() && left[taken_left] <= right[taken_right]);
        if from_left {
            *slot = left[taken_left];
            taken_left += 1;
        } else {
            // Every entry still waiting on the left is larger than this one.
            inversions += (left.len() - taken_left) as i64;
            *slot = right[taken_right];
            taken_right += 1;
        }
    }
    inversions
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, pair by pair.
    fn plain(left: &[f64], right: &[f64]) -> Option<f64> {
        let sign = |values: &[f64], i: usize, j: usize| compare(values[i], values[j]) as i64;
        let (mut score, mut untied_left, mut untied_right) = (0, 0, 0);
        for i in 0..left.len() {
            for j in 0..i {
                let (a, b) = (sign(left, i, j), sign(right, i, j));
                score += a * b;
                untied_left += a * a;
                untied_right += b * b;
            }
        }
        let scale = (untied_left as f64 * untied_right as f64).sqrt();
        (scale > 0.0).then(|| score as f64 / scale)
    }

    proptest! {
        #[test]
        fn counting_by_sorting_is_counting_pair_by_pair(
            pairs in prop::collection::vec((-4i32..4, -4i32..4), 1..60)
        ) {
            let (left, right): (Vec<f64>, Vec<f64>) =
                pairs.into_iter().map(|(a, b)| (f64::from(a), f64::from(b))).unzip();
            prop_assert_eq!(kendall_tau(&left, &right).ok(), plain(&left, &right));
        }
    }

    #[test]
    fn three_thousand_entries_agree_with_the_definition() {
        let wave =
            |scale: f64| -> Vec<f64> { (0..3000).map(|i| (f64::from(i) * scale).sin()).collect() };
        let (left, right) = (wave(0.7), wave(1.3));
        assert_eq!(kendall_tau(&left, &right).ok(), plain(&left, &right));
    }
}
