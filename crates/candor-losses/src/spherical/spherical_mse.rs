use burn::tensor::Tensor;

use super::{OutputSummary, SphericalLoss, SphericalSlopes};

/// Squared error of a row of outputs against its one-hot label.
///
/// ```text
/// loss = Σ_k (o_k - [k = label])² = q - 2 a + 1
/// ```
///
/// The first member of the family, and its weakest for classification: most of it is spent on outputs that are far from
/// the decision. It has no settings. Logits of ±1e4 give a finite loss and gradient.
///
/// # Source
///
/// Vincent, de Brébisson, Bouthillier, 2014, arXiv 1412.7091.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_losses::spherical::{SphericalLoss, SphericalMse};
///
/// let device = Device::flex();
/// let (logits, labels) = (Tensor::from_floats([[1.0, 2.0]], &device), Tensor::<1, Int>::from_data([1], &device));
/// let loss = SphericalMse::new().forward(logits, labels, Reduction::Mean); // 1² + (2 - 1)²
/// assert_eq!(loss.into_scalar::<f32>(), 2.0);
/// ```
#[derive(Debug, Clone, Default)]
pub struct SphericalMse(());

impl SphericalMse {
    /// The loss.
    pub fn new() -> Self {
        Self::default()
    }
}

impl SphericalLoss for SphericalMse {
    fn name(&self) -> &'static str {
        "SphericalMse"
    }

    fn slopes(&self, summary: OutputSummary) -> SphericalSlopes {
        SphericalSlopes {
            loss: summary.squares - 2.0 * summary.label + 1.0,
            label: -2.0,
            squares: 1.0,
            sum: 0.0,
        }
    }

    fn forward_summaries(
        &self,
        label_outputs: Tensor<1>,
        squares: Tensor<1>,
        _sums: Tensor<1>,
        _classes: usize,
    ) -> Tensor<1> {
        squares - label_outputs * 2.0 + 1.0
    }
}
