//! Orders of features, with one rule for ties everywhere: the lower index first.

use std::cmp::Ordering;

/// Compares two finite numbers; `-0` and `0` tie, as they do for the measures.
pub(crate) fn compare(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right).unwrap_or(Ordering::Equal)
}

/// Indices from the largest value to the smallest.
pub(crate) fn descending(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&left, &right| compare(values[right], values[left]));
    order
}

/// Indices from the smallest value to the largest.
pub(crate) fn ascending(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&left, &right| compare(values[left], values[right]));
    order
}

/// For each index its place in an order.
pub(crate) fn positions(order: &[usize]) -> Vec<usize> {
    let mut positions = vec![0; order.len()];
    for (position, &index) in order.iter().enumerate() {
        positions[index] = position;
    }
    positions
}

/// Ranks 1..=n from the smallest value, equal values sharing the mean of their ranks.
pub(crate) fn average_ranks(values: &[f64]) -> Vec<f64> {
    let order = ascending(values);
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    for tied in order.chunk_by(|&left, &right| compare(values[left], values[right]).is_eq()) {
        let rank = start as f64 + (tied.len() + 1) as f64 / 2.0;
        for &index in tied {
            ranks[index] = rank;
        }
        start += tied.len();
    }
    ranks
}

/// Magnitudes.
pub(crate) fn absolute(values: &[f64]) -> Vec<f64> {
    values.iter().map(|value| value.abs()).collect()
}

/// P(left > right) + ½ P(left = right) over all pairs: the area under the ROC curve of `left` against `right`.
pub(crate) fn superiority(left: &[f64], right: &[f64]) -> f64 {
    let ranks = average_ranks(&[left, right].concat());
    let sum: f64 = ranks[..left.len()].iter().sum();
    let count = left.len() as f64;
    (sum - count * (count + 1.0) / 2.0) / (count * right.len() as f64)
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // small integers and halves are exact
mod tests {
    use super::*;

    #[test]
    fn ties_go_to_the_lower_index_and_share_their_rank() {
        let values = [0.0, 2.0, -0.0, 2.0];
        assert_eq!(descending(&values), [1, 3, 0, 2]);
        assert_eq!(ascending(&values), [0, 2, 1, 3]);
        assert_eq!(average_ranks(&values), [1.5, 3.5, 1.5, 3.5]);
        assert_eq!(positions(&[2, 0, 1]), [1, 2, 0]);
    }

    #[test]
    fn superiority_counts_pairs_and_halves_of_ties() {
        // Pairs (1,0) won, (1,1) tied, (3,0) and (3,1) won: 3.5 of 4.
        assert_eq!(superiority(&[1.0, 3.0], &[0.0, 1.0]), 0.875);
    }
}
