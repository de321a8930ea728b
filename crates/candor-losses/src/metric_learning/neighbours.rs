//! What both ICNN scores look at: each row's nearest neighbours, how far they are and whether they share its class.

use burn::tensor::{Bool, Int, Tensor};

use super::distances::{nearest, rooted};

/// The nearest neighbours of `n` rows, nearest first.
pub(super) struct Neighbours {
    /// `[n, count]`, with gradients to both sets of rows.
    pub(super) distances: Tensor<2>,
    /// `[n, count]`, whether the neighbour has the row's label.
    pub(super) same: Tensor<2, Bool>,
}

impl Neighbours {
    /// The `count` nearest target rows of each origin row, after the very nearest one where `drop_first` says so.
    pub(super) fn find(
        origin: (Tensor<2>, Tensor<1, Int>),
        target: (Tensor<2>, Tensor<1, Int>),
        count: usize,
        drop_first: bool,
    ) -> Self {
        let ((rows, labels), (targets, target_labels)) = (origin, target);
        let [n, width] = rows.dims();
        let skipped = usize::from(drop_first);
        let places = nearest(rows.clone(), targets.clone(), count + skipped)
            .slice_dim(1, skipped..count + skipped)
            .reshape([n * count]);
        let found = targets.select(0, places.clone()).reshape([n, count, width]);
        let squares = (rows.reshape([n, 1, width]) - found).square().sum_dim(2);
        let same = target_labels
            .select(0, places)
            .reshape([n, count])
            .equal(labels.reshape([n, 1]).expand([n, count]));
        Self {
            distances: rooted(squares.reshape([n, count])),
            same,
        }
    }
}
