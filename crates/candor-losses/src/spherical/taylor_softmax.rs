use burn::tensor::Tensor;

use super::{OutputSummary, SphericalLoss, SphericalSlopes};

/// Cross-entropy of a softmax whose exponential is replaced by its Taylor polynomial of degree two.
///
/// ```text
/// p_k ∝ 1 + o_k + o_k²/2      loss = -log p_label = log(D + s + q/2) - log(1 + a + a²/2)
/// ```
///
/// The polynomial is positive, at least ½ (at o = -1), and even around -1: predict by the largest polynomial, not by the
/// largest output. It has no settings. Logits of ±1e4 give a finite loss and gradient.
///
/// # Source
///
/// de Brébisson, Vincent: An Exploration of Softmax Alternatives Belonging to the Spherical Loss Family, 2015,
/// arXiv 1511.05042.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_losses::spherical::{SphericalLoss, TaylorSoftmaxLoss};
///
/// let device = Device::flex();
/// let (logits, labels) = (Tensor::from_floats([[2.0, 0.0]], &device), Tensor::<1, Int>::from_data([1], &device));
/// let loss = TaylorSoftmaxLoss::new().forward(logits, labels, Reduction::Mean); // 1 + 2 + 2 = 5 against 1
/// assert!((loss.into_scalar::<f32>() - 6f32.ln()).abs() < 1e-6);
/// ```
#[derive(Debug, Clone, Default)]
pub struct TaylorSoftmaxLoss(());

impl TaylorSoftmaxLoss {
    /// The loss.
    pub fn new() -> Self {
        Self::default()
    }
}

impl SphericalLoss for TaylorSoftmaxLoss {
    fn name(&self) -> &'static str {
        "TaylorSoftmaxLoss"
    }

    fn slopes(&self, summary: OutputSummary) -> SphericalSlopes {
        let OutputSummary {
            label,
            squares,
            sum,
            classes,
        } = summary;
        let of_label = 1.0 + label + 0.5 * label * label;
        let of_all = classes as f64 + sum + 0.5 * squares;
        SphericalSlopes {
            loss: of_all.ln() - of_label.ln(),
            label: -(1.0 + label) / of_label,
            squares: 0.5 / of_all,
            sum: of_all.recip(),
        }
    }

    fn forward_summaries(
        &self,
        label_outputs: Tensor<1>,
        squares: Tensor<1>,
        sums: Tensor<1>,
        classes: usize,
    ) -> Tensor<1> {
        let of_all = squares * 0.5 + sums + classes as f64;
        let of_label = label_outputs.clone().square() * 0.5 + label_outputs + 1.0;
        of_all.log() - of_label.log()
    }
}
