use burn::tensor::{Device, Int, Tensor, TensorData};
use candor_core::shape;

/// How many positions at the left of each row are filled up and mean nothing.
///
/// Rows of different length end at the same column, where the next token goes. Padded positions are hidden from all
/// others, and the position of a token counts from the first real one of its row, so that a row gives the same
/// numbers alone and beside longer ones.
///
/// ```
/// use burn::tensor::Device;
/// use candor_models::causal_lm::LeftPadding;
///
/// let (ids, padding) = LeftPadding::pad(&[vec![5, 6, 7], vec![8]], 0, &Device::flex());
/// assert_eq!(ids.into_data().iter::<i64>().collect::<Vec<_>>(), [5, 6, 7, 0, 0, 8]);
/// assert_eq!(padding.lengths(), [0, 2]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftPadding {
    lengths: Vec<usize>,
}

impl LeftPadding {
    /// The number of padded positions of each row.
    pub fn new(lengths: Vec<usize>) -> Self {
        Self { lengths }
    }

    /// Rows of ids filled up at the left with `filler` to the longest, `[rows, longest]`, and how far each was.
    ///
    /// The filler must be an id of the vocabulary; which one makes no difference.
    pub fn pad(rows: &[Vec<u32>], filler: u32, device: &Device) -> (Tensor<2, Int>, Self) {
        let longest = rows.iter().map(Vec::len).max().unwrap_or(0);
        let lengths: Vec<usize> = rows.iter().map(|row| longest - row.len()).collect();
        let ids: Vec<i64> = rows
            .iter()
            .zip(&lengths)
            .flat_map(|(row, &padded)| {
                let filled = std::iter::repeat_n(filler, padded);
                filled.chain(row.iter().copied()).map(i64::from)
            })
            .collect();
        let ids = Tensor::from_data(TensorData::new(ids, [rows.len(), longest]), device);
        (ids, Self::new(lengths))
    }

    /// The number of padded positions of each row.
    pub fn lengths(&self) -> &[usize] {
        &self.lengths
    }

    /// Panics unless there is one length for each row.
    pub(super) fn check_rows(&self, rows: usize) {
        shape::check(
            "LeftPadding",
            "lengths",
            &[self.lengths.len()],
            &[Some(rows)],
        );
    }

    /// Whether no row is padded.
    pub fn is_empty(&self) -> bool {
        self.lengths.iter().all(|&length| length == 0)
    }
}
