use std::collections::BTreeMap;

use burn::tensor::Tensor;
use candor_core::{InputError, host};
use serde::{Deserialize, Serialize};

/// Which pairs the sum of [`tolerance`] is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ToleranceMode {
    /// The pairs of equal label: a mean similarity.
    #[default]
    SameClass,
    /// All pairs: the literal expectation with an indicator, which shrinks with the number of classes.
    Joint,
}

/// How close embeddings of one class lie: the mean similarity of pairs with equal labels.
///
/// ```text
/// mean of x_i · x_j over the pairs i < j of equal label
/// ```
///
/// With rows of length one it is a mean cosine, at most 1. Time and memory grow with the rows, not with their pairs.
///
/// # Shapes
///
/// - embeddings: `[rows, width]`
/// - labels: one a row, any integers
///
/// # Errors
///
/// Another number of labels than rows, fewer than two rows, an embedding that is not finite; in
/// [`SameClass`](ToleranceMode::SameClass) no two rows of one label. In [`Joint`](ToleranceMode::Joint) that gives 0.
///
/// Source: Wang, Liu (2020), arXiv 2012.09740. Which mode the paper plots is not known; only `SameClass` reaches its values.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_metrics::representation::{ToleranceMode, tolerance};
///
/// let embeddings = Tensor::<2>::from_floats([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]], &Device::flex());
/// let mean = tolerance(&embeddings, &[5, 5, 9], ToleranceMode::SameClass)?;
/// assert!((mean - 0.6).abs() < 1e-6);
/// # Ok::<(), candor_core::InputError>(())
/// ```
pub fn tolerance(
    embeddings: &Tensor<2>,
    labels: &[i64],
    mode: ToleranceMode,
) -> Result<f64, InputError> {
    const NAME: &str = "tolerance";
    let [rows, _] = embeddings.dims();
    InputError::check_dims(NAME, "labels", &[labels.len()], &[rows])?;
    let values = host::rows(embeddings);
    InputError::check_finite(NAME, "embeddings", &values.concat())?;
    let mut classes: BTreeMap<i64, ClassSum> = BTreeMap::new();
    for (row, label) in values.iter().zip(labels) {
        classes.entry(*label).or_default().add(row);
    }
    let similarity: f64 = classes.values().map(ClassSum::pair_similarity).sum();
    let pairs = match mode {
        ToleranceMode::SameClass => classes.values().map(|class| pairs(class.count)).sum(),
        ToleranceMode::Joint => pairs(rows),
    };
    if pairs == 0.0 {
        return Err(InputError::Undefined {
            component: NAME,
            reason: "there is no pair of rows to compare",
        });
    }
    Ok(similarity / pairs)
}

fn pairs(count: usize) -> f64 {
    count as f64 * (count as f64 - 1.0) / 2.0
}

/// Sums over the rows of one label.
#[derive(Default)]
struct ClassSum {
    count: usize,
    sum: Vec<f64>,
    squares: f64,
}

impl ClassSum {
    fn add(&mut self, row: &[f64]) {
        self.count += 1;
        self.sum.resize(row.len(), 0.0);
        for (sum, value) in self.sum.iter_mut().zip(row) {
            *sum += value;
        }
        self.squares += square_length(row);
    }

    /// `Σ_{i<j} x_i · x_j`, half of what the square of the sum has beside the squares.
    fn pair_similarity(&self) -> f64 {
        if self.count < 2 {
            return 0.0;
        }
        (square_length(&self.sum) - self.squares) / 2.0
    }
}

fn square_length(row: &[f64]) -> f64 {
    row.iter().map(|value| value * value).sum()
}
