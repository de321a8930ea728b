use burn::tensor::Tensor;
use candor_core::numerics::safe_div;

use super::{LinearSeparator, SignedRows};

/// The perceptron that adds the mean of all wrong rows: the limit of normalised logistic regression with huge steps.
///
/// ```text
/// θ ← θ + 1/|S| Σ y a over the wrong rows S
/// ```
///
/// Needs R²/μ² iterations at most, however many rows there are. Where none is wrong it stays.
///
/// Source: arXiv 2412.08424.
///
/// ```
/// use burn::tensor::Device;
/// use candor_online::perceptron::{LinearSeparator, NormalizedBatchPerceptron, SeparationConfig, worst_case_rows};
///
/// let rows = worst_case_rows(100, &Device::flex()).unwrap();
/// let report = NormalizedBatchPerceptron.fit(&rows, &SeparationConfig::new()).unwrap();
/// assert!(report.solved && report.iterations <= 3);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NormalizedBatchPerceptron;

impl LinearSeparator for NormalizedBatchPerceptron {
    fn shares(&self, _rows: &SignedRows, margins: Tensor<1>, _step: usize) -> Tensor<1> {
        let wrong = SignedRows::misclassified(margins.clone());
        let wrong = wrong.float().cast(margins.dtype());
        let count = wrong.clone().sum().expand(wrong.dims());
        safe_div(wrong, count)
    }
}
