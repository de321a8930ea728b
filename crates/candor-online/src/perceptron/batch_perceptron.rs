use burn::tensor::Tensor;

use super::{LinearSeparator, SignedRows};

/// The perceptron that adds all wrong rows at once: the limit of logistic regression with huge steps.
///
/// ```text
/// first step: θ ← θ + 1/(2n) Σ y a over all rows;   then: θ ← θ + 1/n Σ y a over the wrong ones
/// ```
///
/// The half of the first step is σ(0). There is no step size. It may need n R²/μ² iterations, and on
/// [`worst_case_rows`](super::worst_case_rows) the number does grow with n.
///
/// Source: arXiv 2412.08424.
///
/// ```
/// use burn::tensor::Device;
/// use candor_online::perceptron::{BatchPerceptron, LinearSeparator, SeparationConfig, worst_case_rows};
///
/// let rows = worst_case_rows(100, &Device::flex()).unwrap();
/// let report = BatchPerceptron.fit(&rows, &SeparationConfig::new()).unwrap();
/// assert!(report.solved && (28..=34).contains(&report.iterations));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchPerceptron;

impl LinearSeparator for BatchPerceptron {
    fn shares(&self, rows: &SignedRows, margins: Tensor<1>, step: usize) -> Tensor<1> {
        let share = (rows.count() as f64).recip();
        if step == 0 {
            return margins.ones_like() * (0.5 * share);
        }
        let wrong = SignedRows::misclassified(margins.clone());
        wrong.float().cast(margins.dtype()) * share
    }
}
