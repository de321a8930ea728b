use std::ops::Range;

use candor_core::MemoryBudget;
use serde::{Deserialize, Serialize};

/// Copies of a perturbed row that an explainer itself holds at once: noise, point, gradient, its deviations.
const COPIES: usize = 8;
/// What a model is taken to hold for a row, in units of the row: a small convolutional network, forward and
/// backward. A multilayer perceptron needs less, a deep network on small inputs more.
const MODEL_COPIES: usize = 256;

/// How many perturbed rows an explainer hands to the model at once.
///
/// A call holds `rows · (8 · row bytes + model_row_bytes)` bytes at its peak, at most `memory` (but at least one
/// row), whatever the number of draws or steps. Rows and draws share a call: where all draws of a row leave
/// room, the next row joins.
///
/// ```
/// use candor_core::MemoryBudget;
/// use candor_explain::attribution::Batching;
///
/// let batching = Batching::new().with_memory(MemoryBudget::mib(1)).with_model_row_bytes(9216);
/// assert_eq!(batching.rows_in_flight(128), 102); // 1 MiB / (8 * 128 + 9216)
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Batching {
    memory: MemoryBudget,
    model_row_bytes: Option<usize>,
}

impl Batching {
    /// The default budget, and a model that holds 256 times the row itself.
    pub fn new() -> Self {
        Self::default()
    }

    /// The peak of one call to the model.
    pub const fn with_memory(self, memory: MemoryBudget) -> Self {
        Self { memory, ..self }
    }

    /// Bytes that the model holds for one row, backward pass included.
    pub const fn with_model_row_bytes(self, bytes: usize) -> Self {
        Self {
            model_row_bytes: Some(bytes),
            ..self
        }
    }

    /// The peak of one call to the model.
    pub const fn memory(&self) -> MemoryBudget {
        self.memory
    }

    /// How many rows of so many bytes go into one call.
    pub fn rows_in_flight(&self, row_bytes: usize) -> usize {
        let model = self
            .model_row_bytes
            .unwrap_or_else(|| row_bytes.saturating_mul(MODEL_COPIES));
        self.memory
            .rows(row_bytes.saturating_mul(COPIES).saturating_add(model))
    }

    /// Splits `rows` times `draws` evaluations into blocks that are each one call.
    pub(crate) fn blocks(&self, row_bytes: usize, rows: usize, draws: usize) -> Blocks {
        let capacity = self.rows_in_flight(row_bytes);
        let row_step = (capacity / draws.max(1)).clamp(1, rows.max(1));
        Blocks {
            rows,
            draws,
            row_step,
            draw_step: (capacity / row_step).max(1),
        }
    }
}

/// Evaluations split into calls: blocks of rows, and for each block of rows blocks of draws.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Blocks {
    rows: usize,
    draws: usize,
    row_step: usize,
    draw_step: usize,
}

impl Blocks {
    pub(crate) fn rows(self) -> impl Iterator<Item = Range<usize>> {
        ranges(self.rows, self.row_step)
    }

    pub(crate) fn draws(self) -> impl Iterator<Item = Range<usize>> {
        ranges(self.draws, self.draw_step)
    }
}

fn ranges(total: usize, step: usize) -> impl Iterator<Item = Range<usize>> {
    (0..total)
        .step_by(step)
        .map(move |start| start..(start + step).min(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batching(rows_in_flight: usize) -> Batching {
        Batching::new()
            .with_memory(MemoryBudget::bytes(rows_in_flight * 10))
            .with_model_row_bytes(2)
    }

    #[test]
    fn several_rows_share_a_call_where_their_draws_fit() {
        let blocks = batching(100).blocks(1, 5, 40);
        assert_eq!(blocks.rows().collect::<Vec<_>>(), [0..2, 2..4, 4..5]);
        assert!(blocks.draws().eq(std::iter::once(0..40)));
    }

    #[test]
    fn the_draws_of_one_row_are_split_where_they_do_not_fit() {
        let blocks = batching(30).blocks(1, 2, 40);
        assert_eq!(blocks.rows().collect::<Vec<_>>(), [0..1, 1..2]);
        assert_eq!(blocks.draws().collect::<Vec<_>>(), [0..30, 30..40]);
    }
}
