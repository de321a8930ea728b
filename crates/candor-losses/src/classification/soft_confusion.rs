use burn::tensor::{Int, Tensor};

/// A confusion matrix whose entries are sums of soft labels, one per label or class.
///
/// ```text
/// TP = Σ aᵢ yᵢ    FN = Σ (1 - aᵢ) yᵢ    FP = Σ aᵢ (1 - yᵢ)    TN = Σ (1 - aᵢ)(1 - yᵢ)
/// ```
///
/// All tensors have shape `[labels]` (`[1]` in the binary case). Only `aᵢ` carries a gradient.
#[derive(Debug, Clone)]
pub struct SoftConfusion {
    /// TP.
    pub true_positives: Tensor<1>,
    /// FN.
    pub false_negatives: Tensor<1>,
    /// FP.
    pub false_positives: Tensor<1>,
    /// TN.
    pub true_negatives: Tensor<1>,
}

impl SoftConfusion {
    /// Sums soft labels `a` and their complements `1 - a`, both `[rows, labels]`, against labels of 0 and 1.
    ///
    /// The complement is an argument because `1 - a` is exactly 0 in `f32` where a sigmoid of the negated
    /// argument still is not.
    pub(super) fn new(amplified: Tensor<2>, complement: Tensor<2>, labels: Tensor<2, Int>) -> Self {
        let positive = labels.float().cast(amplified.dtype());
        let negative = -positive.clone() + 1.0;
        let sum = |soft: &Tensor<2>, hard: &Tensor<2>| {
            (soft.clone() * hard.clone()).sum_dim(0).squeeze_dim(0)
        };
        Self {
            true_positives: sum(&amplified, &positive),
            false_negatives: sum(&complement, &positive),
            false_positives: sum(&amplified, &negative),
            true_negatives: sum(&complement, &negative),
        }
    }

    /// How many rows have the label: TP + FN, a constant without gradient.
    pub fn positives(&self) -> Tensor<1> {
        (self.true_positives.clone() + self.false_negatives.clone()).detach()
    }

    /// How many rows do not have the label: FP + TN, a constant without gradient.
    pub fn negatives(&self) -> Tensor<1> {
        (self.false_positives.clone() + self.true_negatives.clone()).detach()
    }

    /// How many rows are predicted to have the label, softly: TP + FP.
    pub fn predicted_positives(&self) -> Tensor<1> {
        self.true_positives.clone() + self.false_positives.clone()
    }
}
