//! Rows of probabilities: checked once, then drawn from.

use candor_core::InputError;

/// How far from one a row of probabilities may sum; rows read from `f32` files are off by 1e-7 an entry.
const TOLERANCE: f64 = 1e-4;

/// Refuses rows that are not distributions.
pub(super) fn check_distributions(
    component: &'static str,
    argument: &'static str,
    values: &[f64],
    width: usize,
) -> Result<(), InputError> {
    InputError::check_values(component, argument, values, "a probability", |value| {
        (0.0..=1.0 + TOLERANCE).contains(&value)
    })?;
    for (row, entries) in values.chunks(width).enumerate() {
        let sum: f64 = entries.iter().sum();
        if (sum - 1.0).abs() > TOLERANCE {
            return Err(InputError::OutOfRange {
                component,
                argument,
                index: row,
                value: sum,
                legal: "a row that sums to 1 within 1e-4",
            });
        }
    }
    Ok(())
}

/// The smallest index whose cumulated weight exceeds `uniform` times the total; the last where rounding leaves none.
pub(super) fn inverse_cdf(weights: &[f64], uniform: f64) -> usize {
    let threshold = uniform * weights.iter().sum::<f64>();
    let mut cumulated = 0.0;
    weights
        .iter()
        .position(|weight| {
            cumulated += weight;
            cumulated > threshold
        })
        .unwrap_or(weights.len().saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_takes_the_first_entry_above_the_threshold() {
        let weights = [0.25, 0.0, 0.5, 0.25];
        let drawn =
            [0.0, 0.24, 0.25, 0.74, 0.75, 1.0].map(|uniform| inverse_cdf(&weights, uniform));
        assert_eq!(drawn, [0, 0, 2, 2, 3, 3]);
    }
}
