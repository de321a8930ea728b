//! Which negatives are the hardest.

use burn::tensor::{Bool, Tensor};
use candor_core::ConfigError;

/// A share α of the negatives, in (0, 1].
#[derive(Debug, Clone, Copy)]
pub(super) struct HardFraction(f64);

impl HardFraction {
    /// Every negative.
    pub(super) const ALL: Self = Self(1.0);

    pub(super) fn new(config: &'static str, fraction: f64) -> Result<Self, ConfigError> {
        if fraction > 0.0 && fraction <= 1.0 {
            Ok(Self(fraction))
        } else {
            Err(ConfigError::out_of_range(
                config,
                "hard_fraction",
                fraction,
                "in (0, 1]",
            ))
        }
    }

    /// How many of `negatives` are kept where none are tied: `clamp(ceil(α K - 1e-9), 1, K)`.
    pub(super) fn count(self, negatives: usize) -> usize {
        let share = (self.0 * negatives as f64 - 1e-9).ceil().max(1.0);
        (share as usize).min(negatives)
    }

    /// Where a row's similarity is at least its m-th largest one, `[rows, columns]`: ties at the threshold are all kept.
    ///
    /// Of the columns, `negatives` hold negatives; the others must hold less than any negative.
    pub(super) fn keep(self, similarities: Tensor<2>, negatives: usize) -> Tensor<2, Bool> {
        let similarities = similarities.without_autodiff();
        // Without any negative there is still a column, which the caller does not count.
        let count = self.count(negatives).max(1);
        let threshold = similarities.clone().topk(count, 1).min_dim(1);
        similarities
            .clone()
            .greater_equal(threshold.expand(similarities.dims()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_papers_share_of_50_000_gives_its_4095_negatives() {
        let fraction = HardFraction::new("C", 0.0819).unwrap();
        assert_eq!(fraction.count(49_999), 4095);
        assert_eq!(fraction.count(3), 1);
        assert_eq!(HardFraction::new("C", 0.1).unwrap().count(10), 1);
        assert_eq!(HardFraction::new("C", 0.3).unwrap().count(10), 3);
        assert_eq!(HardFraction::new("C", 1.0).unwrap().count(7), 7);
        assert_eq!(HardFraction::new("C", 0.5).unwrap().count(0), 0);
    }
}
