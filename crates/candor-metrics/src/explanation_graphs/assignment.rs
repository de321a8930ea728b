//! One-to-one pairing with the largest sum.

/// The column that each row is paired with, so that the sum of `score(row, column)` is the largest; there must be as
/// many columns as rows or more.
///
/// The Hungarian method with potentials, O(rows² · columns): rows join one by one, each along the cheapest augmenting
/// path.
pub(super) fn best_assignment(
    rows: usize,
    columns: usize,
    score: impl Fn(usize, usize) -> f64,
) -> Vec<usize> {
    // Row and column 0 stand for "none", so both count from one.
    let mut row_potential = vec![0.0; rows + 1];
    let mut column_potential = vec![0.0; columns + 1];
    let mut row_of = vec![0; columns + 1];
    for row in 1..=rows {
        row_of[0] = row;
        let mut reached = vec![false; columns + 1];
        let mut slack = vec![f64::INFINITY; columns + 1];
        let mut came_from = vec![0; columns + 1];
        let mut column = 0;
        while row_of[column] != 0 {
            reached[column] = true;
            let from = row_of[column];
            for next in (1..=columns).filter(|&next| !reached[next]) {
                let reduced =
                    -score(from - 1, next - 1) - row_potential[from] - column_potential[next];
                if reduced < slack[next] {
                    (slack[next], came_from[next]) = (reduced, column);
                }
            }
            let open = (1..=columns).filter(|&next| !reached[next]);
            let Some(nearest) = open.min_by(|&a, &b| slack[a].total_cmp(&slack[b])) else {
                break;
            };
            let step = slack[nearest];
            for column in 0..=columns {
                if reached[column] {
                    row_potential[row_of[column]] += step;
                    column_potential[column] -= step;
                } else {
                    slack[column] -= step;
                }
            }
            column = nearest;
        }
        while column != 0 {
            let before = came_from[column];
            row_of[column] = row_of[before];
            column = before;
        }
    }
    let mut column_of = vec![0; rows];
    for (column, &row) in row_of.iter().enumerate().skip(1) {
        if row > 0 {
            column_of[row - 1] = column - 1;
        }
    }
    column_of
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The best sum over all one-to-one pairings, by trying them.
    fn by_trying(scores: &[Vec<f64>], used: &mut Vec<bool>) -> f64 {
        let Some((first, rest)) = scores.split_first() else {
            return 0.0;
        };
        let mut best = f64::NEG_INFINITY;
        for column in 0..first.len() {
            if !used[column] {
                used[column] = true;
                best = best.max(first[column] + by_trying(rest, used));
                used[column] = false;
            }
        }
        best
    }

    proptest! {
        #[test]
        fn no_other_pairing_has_a_larger_sum(
            scores in (1usize..5, 0usize..3).prop_flat_map(|(rows, more)| {
                prop::collection::vec(prop::collection::vec(-3.0..3.0f64, rows + more), rows)
            }),
        ) {
            let columns = scores[0].len();
            let pairing = best_assignment(scores.len(), columns, |row, column| scores[row][column]);
            let sum: f64 = pairing.iter().enumerate().map(|(row, &column)| scores[row][column]).sum();
            let mut distinct = pairing.clone();
            distinct.sort_unstable();
            distinct.dedup();
            prop_assert_eq!(distinct.len(), scores.len());
            prop_assert!((sum - by_trying(&scores, &mut vec![false; columns])).abs() < 1e-9);
        }
    }
}
