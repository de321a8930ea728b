use candor_core::InputError;
use serde::{Deserialize, Serialize};

use crate::ranking::compare;

const NAME: &str = "ks_two_sample";

/// Beyond so many cells of the lattice the series takes over.
const MOST_CELLS: usize = 100_000_000;

/// Result of [`ks_two_sample`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct KsTest {
    /// Largest distance between the two empirical distribution functions.
    pub statistic: f64,
    /// Probability of a distance as large or larger when both samples have one distribution.
    pub p_value: f64,
}

/// Two-sided Kolmogorov-Smirnov test of two samples, with the exact p-value.
///
/// ```text
/// D = max_v |F_m(v) − F_n(v)| = h g / (m n),   g = gcd(m, n),   h an integer
/// v(i, j) = 1 where |i n/g − j m/g| ≥ h, v(0, 0) = 0, else i/(i+j) v(i−1, j) + j/(i+j) v(i, j−1);   p = v(m, n)
/// ```
///
/// Every term is positive, so that tiny p-values keep their relative accuracy; below 2.2e-308 that value is given.
/// O(mn) time and O(n) memory. Beyond 10⁸ cells the asymptotic series with λ = (e + 0.12 + 0.11/e) D,
/// e = √(mn/(m+n)), is summed instead.
///
/// # Errors
///
/// An empty sample or NaN. Infinities are ordered like any value.
///
/// Source: Hodges (1958), The significance probability of the Smirnov two-sample test, Arkiv för Matematik 3.
///
/// ```
/// use candor_metrics::forgetting::ks_two_sample;
///
/// // Of the 6 orderings of two and two values, 2 keep the samples apart.
/// let test = ks_two_sample(&[1.0, 2.0], &[3.0, 4.0]).unwrap();
/// assert!(test.statistic == 1.0 && (test.p_value - 1.0 / 3.0).abs() < 1e-15);
/// ```
pub fn ks_two_sample(left: &[f64], right: &[f64]) -> Result<KsTest, InputError> {
    for (argument, sample) in [("left", left), ("right", right)] {
        InputError::check_not_empty(NAME, argument, sample.len())?;
        InputError::check_values(NAME, argument, sample, "a number", |value| !value.is_nan())?;
    }
    let (m, n) = (left.len(), right.len());
    let divisor = gcd(m, n);
    let lattice = Lattice {
        rows: m,
        columns: n,
        row_step: n / divisor,
        column_step: m / divisor,
    };
    let height = lattice.height(sorted(left), sorted(right));
    let statistic = height as f64 / (lattice.row_step as f64 * m as f64);
    let p_value = if height == 0 {
        1.0
    } else if m.saturating_mul(n) <= MOST_CELLS {
        lattice.probability_of_touching(height)
    } else {
        asymptotic(statistic, m as f64, n as f64)
    };
    Ok(KsTest {
        statistic,
        p_value: p_value.clamp(f64::MIN_POSITIVE, 1.0),
    })
}

/// Paths from (0, 0) to (rows, columns), one step for each value of the pooled samples.
struct Lattice {
    rows: usize,
    columns: usize,
    row_step: usize,
    column_step: usize,
}

impl Lattice {
    /// Distance of a point from the diagonal, in the integer units of the statistic.
    fn distance(&self, row: usize, column: usize) -> usize {
        (row * self.row_step).abs_diff(column * self.column_step)
    }

    /// Largest distance on the path of the two samples, looked at after each distinct value.
    fn height(&self, left: Vec<f64>, right: Vec<f64>) -> usize {
        let (mut row, mut column, mut height) = (0, 0, 0);
        while row < self.rows && column < self.columns {
            let value = left[row].min(right[column]);
            row += left[row..]
                .iter()
                .take_while(|&&entry| compare(entry, value).is_eq())
                .count();
            column += right[column..]
                .iter()
                .take_while(|&&entry| compare(entry, value).is_eq())
                .count();
            height = height.max(self.distance(row, column));
        }
        height
    }

    /// Probability that a path chosen at random gets as far from the diagonal as `height`.
    fn probability_of_touching(&self, height: usize) -> f64 {
        let mut touching = vec![0.0; self.columns + 1];
        for row in 0..=self.rows {
            for column in 0..=self.columns {
                let total = (row + column) as f64;
                touching[column] = if self.distance(row, column) >= height {
                    1.0
                } else if row + column == 0 {
                    0.0
                } else {
                    // The slot still holds the row above; beside column 0 there is nothing.
                    let beside = if column > 0 {
                        touching[column - 1]
                    } else {
                        0.0
                    };
                    (row as f64 * touching[column] + column as f64 * beside) / total
                };
            }
        }
        touching[self.columns]
    }
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut values = values.to_vec();
    values.sort_by(|left, right| compare(*left, *right));
    values
}

fn gcd(left: usize, right: usize) -> usize {
    if right == 0 {
        left
    } else {
        gcd(right, left % right)
    }
}

fn asymptotic(statistic: f64, m: f64, n: f64) -> f64 {
    let size = (m * n / (m + n)).sqrt();
    let lambda = (size + 0.12 + 0.11 / size) * statistic;
    // The alternating series needs more and more terms towards zero, where p differs from 1 by less than 1e-12.
    if lambda < 0.2 {
        return 1.0;
    }
    let term = |k: i32| {
        let k = f64::from(k);
        (-2.0 * (k * lambda).powi(2)).exp()
    };
    let sum: f64 = (1..=100)
        .map(|k| if k % 2 == 1 { term(k) } else { -term(k) })
        .sum();
    2.0 * sum
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // zero and one are reached exactly
mod tests {
    use super::*;

    #[test]
    fn the_series_meets_the_lattice_where_both_are_accurate() {
        let lattice = Lattice {
            rows: 1500,
            columns: 1500,
            row_step: 1,
            column_step: 1,
        };
        for height in [30, 60, 90] {
            let exact = lattice.probability_of_touching(height);
            let series = asymptotic(height as f64 / 1500.0, 1500.0, 1500.0);
            assert!(
                (exact - series).abs() < 0.05 * exact + 1e-3,
                "{height}: {exact} and {series}"
            );
        }
    }

    #[test]
    fn a_vanishing_p_value_stays_above_zero() {
        let (left, right): (Vec<f64>, Vec<f64>) =
            (0..600).map(|i| (f64::from(i), f64::from(i + 600))).unzip();
        let test = ks_two_sample(&left, &right).unwrap();
        assert!(test.statistic == 1.0 && test.p_value > 0.0 && test.p_value < 1e-300);
    }

    #[test]
    fn the_series_ends_at_one_and_zero() {
        assert_eq!(asymptotic(0.0, 1e5, 1e5), 1.0);
        assert_eq!(asymptotic(1.0, 1e5, 1e5), 0.0);
    }
}
