use burn::tensor::Tensor;
use candor_core::in_f32;
use serde::{Deserialize, Serialize};

/// From attributions of embedding entries to one score a token: `[batch, tokens, width]` to `[batch, tokens]`.
///
/// | variant | score | usual for |
/// |---|---|---|
/// | `AbsSum` | \|Σ_e a\| | gradient-type methods, whose entries add up |
/// | `AbsMean` | \|mean_e a\| | methods that mask whole tokens |
/// | `L2` | √(Σ_e a²) | magnitudes whatever the sign |
///
/// Half precision is summed in `f32`.
///
/// Source: Neely et al. (2022), A song of (dis)agreement.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_metrics::agreement::TokenReduce;
///
/// let attributions = Tensor::<3>::from_floats([[[3.0, -4.0]]], &Device::flex());
/// assert_eq!(TokenReduce::AbsSum.reduce(attributions.clone()).into_scalar::<f32>(), 1.0);
/// assert_eq!(TokenReduce::L2.reduce(attributions).into_scalar::<f32>(), 5.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenReduce {
    /// Magnitude of the sum.
    AbsSum,
    /// Magnitude of the mean.
    AbsMean,
    /// Euclidean length.
    L2,
}

impl TokenReduce {
    /// One score a token.
    pub fn reduce(self, attributions: Tensor<3>) -> Tensor<2> {
        let scores = in_f32(attributions, |attributions| match self {
            Self::AbsSum => attributions.sum_dim(2).abs(),
            Self::AbsMean => attributions.mean_dim(2).abs(),
            Self::L2 => attributions.square().sum_dim(2).sqrt(),
        });
        scores.squeeze_dim(2)
    }
}
