use std::fmt;

use candor_testkit::golden::Record;

/// What golden cases came to.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct GoldenTotals {
    /// How many ran.
    pub cases: usize,
    /// How many of them failed.
    pub failed: usize,
    /// The largest error of those that passed, as a share of what the case allows.
    pub largest_error: f64,
}

impl GoldenTotals {
    /// Sums records up.
    pub fn of<'a>(records: impl IntoIterator<Item = &'a Record>) -> Self {
        let add = |totals: Self, record: &Record| Self {
            cases: totals.cases + 1,
            failed: totals.failed + usize::from(record.problem.is_some()),
            largest_error: totals.largest_error.max(record.error.unwrap_or(0.0)),
        };
        records.into_iter().fold(Self::default(), add)
    }
}

impl fmt::Display for GoldenTotals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cases,
            failed,
            largest_error,
        } = self;
        write!(
            f,
            "{cases} cases, {failed} failed, largest error {largest_error:.3} of what is allowed"
        )
    }
}
