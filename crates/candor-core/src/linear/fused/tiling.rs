use std::ops::Range;

use burn::tensor::DType;

use crate::MemoryBudget;

/// How a matrix of logits is cut into tiles of rows and classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tiling {
    rows: usize,
    classes: usize,
    row_chunk: usize,
    class_chunk: usize,
}

/// Fewer rows than this leave a matrix product waiting for memory.
const BUSY_ROWS: usize = 64;

/// What decides the sizes of tiles.
pub(super) struct TileCost {
    /// Rows, classes and width of the factored logits.
    pub(super) dims: [usize; 3],
    /// The operands' type.
    pub(super) dtype: DType,
    /// How many tiles live at once.
    pub(super) live_tiles: usize,
    /// Whether half-precision weights are copied to `f32` chunk by chunk.
    pub(super) widens: bool,
}

impl TileCost {
    /// Whole rows where the budget holds enough of them: logits are then computed once for value and gradient.
    pub(super) fn whole_rows(&self, budget: MemoryBudget) -> Tiling {
        let [rows, classes, _] = self.dims;
        let fitting = budget.rows(self.class_bytes() * classes.max(1));
        if self.widened_bytes() > 0 || fitting < rows.min(BUSY_ROWS) {
            return self.chunked_classes(budget);
        }
        self.tiling(fitting, classes)
    }

    /// As many rows as there are, and chunks of classes: for operators that compute their logits again in the backward
    /// pass, each row of the weight's gradient is then written once.
    pub(super) fn chunked_classes(&self, budget: MemoryBudget) -> Tiling {
        const MOST_ROWS: usize = 1024;
        let [rows, ..] = self.dims;
        let rows = rows.clamp(1, MOST_ROWS);
        let fitting = budget.rows(rows * self.class_bytes() + self.widened_bytes());
        self.tiling(rows, fitting)
    }

    /// Bytes of one logit in all live tiles.
    fn class_bytes(&self) -> usize {
        let size = if self.dtype == DType::F64 { 8 } else { 4 };
        size * self.live_tiles
    }

    /// Bytes of one class's weights in `f32`, if they are copied.
    fn widened_bytes(&self) -> usize {
        let copied = self.widens && matches!(self.dtype, DType::F16 | DType::BF16);
        if copied { 4 * self.dims[2] } else { 0 }
    }

    fn tiling(&self, most_rows: usize, most_classes: usize) -> Tiling {
        let [rows, classes, _] = self.dims;
        Tiling {
            rows,
            classes,
            row_chunk: even(rows, most_rows),
            class_chunk: even(classes, most_classes),
        }
    }
}

/// The chunk of at most `most` that splits `total` evenly: a short last chunk would waste a product.
fn even(total: usize, most: usize) -> usize {
    let chunks = total.div_ceil(most.max(1)).max(1);
    total.div_ceil(chunks).max(1)
}

fn chunks(total: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    (0..total)
        .step_by(size)
        .map(move |start| start..(start + size).min(total))
}

impl Tiling {
    pub(super) fn row_chunks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        chunks(self.rows, self.row_chunk)
    }

    pub(super) fn class_chunks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        chunks(self.classes, self.class_chunk)
    }

    pub(super) fn holds_all_classes(&self) -> bool {
        self.class_chunk >= self.classes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(dims: [usize; 3], dtype: DType) -> TileCost {
        TileCost {
            dims,
            dtype,
            live_tiles: 1,
            widens: true,
        }
    }

    #[test]
    fn whole_rows_are_kept_while_enough_of_them_fit() {
        let tiling = cost([512, 49_152, 576], DType::F32).whole_rows(MemoryBudget::mib(32));
        assert!(tiling.holds_all_classes());
        let rows: Vec<_> = tiling.row_chunks().collect();
        assert_eq!(rows, [0..128, 128..256, 256..384, 384..512]);
    }

    #[test]
    fn a_vocabulary_too_large_for_the_budget_is_cut() {
        let tiling = cost([512, 1 << 20, 576], DType::F32).whole_rows(MemoryBudget::mib(32));
        assert!(!tiling.holds_all_classes());
        assert_eq!(tiling.row_chunks().count(), 1);
        assert_eq!(
            tiling
                .class_chunks()
                .map(|chunk| chunk.len())
                .sum::<usize>(),
            1 << 20
        );
    }

    #[test]
    fn a_budget_below_one_logit_still_covers_everything() {
        let tiling = cost([3, 5, 2], DType::F64).whole_rows(MemoryBudget::bytes(1));
        assert_eq!(tiling.class_chunks().count(), 5);
    }

    #[test]
    fn weights_that_are_copied_are_counted() {
        let budget = MemoryBudget::mib(1);
        let wide = cost([1, 4096, 1024], DType::BF16).whole_rows(budget);
        let plain = cost([1, 4096, 1024], DType::F32).whole_rows(budget);
        assert!(plain.holds_all_classes() && !wide.holds_all_classes());
    }
}
