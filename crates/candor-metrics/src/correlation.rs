//! The one correlation that the measures of this crate are made of.

use crate::ranking::average_ranks;

/// Spreads below this share of the largest magnitude are rounding, not variation.
const CONSTANT: f64 = 1e-12;

/// Pearson's correlation of two slices of one length; `None` where a side is constant or has fewer than two entries.
pub(crate) fn pearson(left: &[f64], right: &[f64]) -> Option<f64> {
    let (left, right) = (centred(left)?, centred(right)?);
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let correlation =
        product(&left, &right) / (product(&left, &left).sqrt() * product(&right, &right).sqrt());
    Some(correlation.clamp(-1.0, 1.0))
}

/// Pearson's correlation of the average ranks.
pub(crate) fn spearman(left: &[f64], right: &[f64]) -> Option<f64> {
    pearson(&average_ranks(left), &average_ranks(right))
}

/// Values over their largest magnitude, minus their mean, so that squares neither overflow nor vanish.
fn centred(values: &[f64]) -> Option<Vec<f64>> {
    let (low, high) = values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &value| {
            (low.min(value), high.max(value))
        });
    let scale = low.abs().max(high.abs());
    if values.len() < 2 || high / scale - low / scale <= CONSTANT || scale == 0.0 {
        return None;
    }
    let scaled: Vec<f64> = values.iter().map(|value| value / scale).collect();
    let mean = scaled.iter().sum::<f64>() / scaled.len() as f64;
    Some(scaled.iter().map(|value| value - mean).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_side_has_no_correlation_even_where_sums_round() {
        assert_eq!(pearson(&[0.0, 0.0], &[1.0, 2.0]), None);
        assert_eq!(pearson(&[1.0, 1.0 + 1e-15], &[1.0, 2.0]), None);
        assert_eq!(pearson(&[1.0], &[1.0]), None);
    }

    #[test]
    fn magnitudes_whose_squares_overflow_or_vanish_still_correlate() {
        for scale in [1e-200, 1e200] {
            let seen = pearson(&[scale, 2.0 * scale, 3.0 * scale], &[1.0, 2.0, 3.0]).unwrap();
            assert!((seen - 1.0).abs() < 1e-12);
        }
    }
}
