use std::ops::Range;

use serde::{Deserialize, Serialize};

/// How many bytes of intermediate values a component may hold at once.
///
/// Whatever batches, chunks or samples takes one and chooses its chunk by it, so that its peak does not grow
/// with the number of draws, steps or rows. The budget covers what the component itself allocates; what the
/// model allocates for a row is given by the caller as bytes a row.
///
/// Default: 256 MiB.
///
/// ```
/// use candor_core::MemoryBudget;
///
/// let budget = MemoryBudget::mib(1);
/// let chunks: Vec<_> = budget.chunks(2500, 1024).collect();
/// assert_eq!(chunks, [0..1024, 1024..2048, 2048..2500]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryBudget {
    bytes: usize,
}

impl MemoryBudget {
    /// A budget of so many bytes.
    pub const fn bytes(bytes: usize) -> Self {
        Self { bytes }
    }

    /// A budget of so many MiB.
    pub const fn mib(mib: usize) -> Self {
        Self::bytes(mib << 20)
    }

    /// The budget in bytes.
    pub const fn as_bytes(self) -> usize {
        self.bytes
    }

    /// How many rows of `bytes_per_row` fit; at least one, for no work can be done with none.
    pub fn rows(self, bytes_per_row: usize) -> usize {
        (self.bytes / bytes_per_row.max(1)).max(1)
    }

    /// Splits `total` rows into ranges that each fit.
    pub fn chunks(self, total: usize, bytes_per_row: usize) -> impl Iterator<Item = Range<usize>> {
        let size = self.rows(bytes_per_row);
        (0..total)
            .step_by(size)
            .map(move |start| start..(start + size).min(total))
    }
}

impl Default for MemoryBudget {
    fn default() -> Self {
        Self::mib(256)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_smaller_than_a_row_still_works_row_by_row() {
        let ranges: Vec<_> = MemoryBudget::bytes(1).chunks(3, 100).collect();
        assert_eq!(ranges, [0..1, 1..2, 2..3]);
        assert_eq!(MemoryBudget::bytes(1).chunks(0, 100).count(), 0);
    }
}
