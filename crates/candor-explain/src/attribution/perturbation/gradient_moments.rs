use burn::tensor::{DType, FloatDType, Tensor};
use candor_core::host::tensor_like;

/// Weighted mean and spread of gradients over draws, gathered chunk by chunk.
///
/// The chunks are merged by Chan's update of the centred sums, so that a large mean does not swallow a small
/// spread. Half-precision gradients are gathered in `f32`.
#[derive(Debug, Clone)]
pub(crate) struct GradientMoments {
    /// Sum of the weights.
    weight: f64,
    /// Weighted mean gradient, `[rows, features]`.
    pub(crate) mean: Tensor<2>,
    /// Weighted sum of squared deviations from it, `[rows, features]`.
    pub(crate) scatter: Tensor<2>,
    /// Weighted mean score, `[rows]`.
    pub(crate) score: Tensor<1>,
}

impl GradientMoments {
    /// Moments of one chunk: gradients `[rows, draws, features]`, scores `[rows, draws]`, a weight a draw.
    ///
    /// `None` of a chunk without weight.
    pub(crate) fn of_chunk(
        gradients: Tensor<3>,
        scores: Tensor<2>,
        weights: &[f64],
    ) -> Option<Self> {
        let weight: f64 = weights.iter().sum();
        if weight <= 0.0 {
            return None;
        }
        let (gradients, scores) = (accumulable(gradients), accumulable(scores));
        // In units of the largest, so that equal weights are ones and their sum is exact.
        let unit = weights.iter().copied().fold(0.0, f64::max);
        let shares: Vec<f64> = weights.iter().map(|share| share / unit).collect();
        let shares: Tensor<3> = tensor_like(shares, [1, weights.len(), 1], &gradients);
        let total = weight / unit;
        let mean = (gradients.clone() * shares.clone()).sum_dim(1) / total;
        let scatter = ((gradients - mean.clone()).square() * shares.clone()).sum_dim(1) * unit;
        let score = (scores * shares.squeeze_dim::<2>(2)).sum_dim(1) / total;
        Some(Self {
            weight,
            mean: mean.squeeze_dim(1),
            scatter: scatter.squeeze_dim(1),
            score: score.squeeze_dim(1),
        })
    }

    /// The moments of two disjoint sets of draws together.
    pub(crate) fn merge(self, other: Self) -> Self {
        let weight = self.weight + other.weight;
        let share = other.weight / weight;
        let shift = other.mean - self.mean.clone();
        Self {
            weight,
            scatter: self.scatter + other.scatter + shift.clone().square() * (self.weight * share),
            mean: self.mean + shift * share,
            score: self.score.clone() + (other.score - self.score) * share,
        }
    }

    /// The moments of several blocks of rows, one below the other.
    pub(crate) fn stack(blocks: Vec<Self>) -> Self {
        let weight = blocks.first().map_or(0.0, |block| block.weight);
        let mut parts = (Vec::new(), Vec::new(), Vec::new());
        for block in blocks {
            parts.0.push(block.mean);
            parts.1.push(block.scatter);
            parts.2.push(block.score);
        }
        Self {
            weight,
            mean: Tensor::cat(parts.0, 0),
            scatter: Tensor::cat(parts.1, 0),
            score: Tensor::cat(parts.2, 0),
        }
    }

    /// Weighted mean squared deviation of each entry.
    pub(crate) fn variance(&self) -> Tensor<2> {
        self.scatter.clone() / self.weight
    }
}

fn accumulable<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    match tensor.dtype() {
        DType::F16 | DType::BF16 => tensor.cast(FloatDType::F32),
        _ => tensor,
    }
}

#[cfg(all(test, feature = "flex"))]
#[allow(clippy::unwrap_used)]
mod tests {
    use burn::tensor::Device;
    use candor_core::host::floats;

    use super::*;

    fn chunk(values: &[f64], weights: &[f64]) -> GradientMoments {
        let like = Tensor::<1>::zeros([1], &Device::flex());
        let gradients = tensor_like(values.to_vec(), [1, values.len(), 1], &like);
        let scores = tensor_like(values.to_vec(), [1, values.len()], &like);
        GradientMoments::of_chunk(gradients, scores, weights).unwrap()
    }

    #[test]
    fn two_chunks_merge_to_the_moments_of_all_draws() {
        // mean = (1 + 2·2 + 5) / 4 = 2.5; scatter = 2.25 + 2·0.25 + 6.25 = 9.
        let merged = chunk(&[1.0], &[1.0]).merge(chunk(&[2.0, 5.0], &[2.0, 1.0]));
        assert_eq!(floats(&merged.mean), [2.5]);
        assert_eq!(floats(&merged.scatter), [9.0]);
        assert_eq!(floats(&merged.variance()), [2.25]);
        assert_eq!(floats(&merged.score), [2.5]);
    }

    #[test]
    fn a_chunk_without_weight_has_no_moments() {
        let like = Tensor::<1>::zeros([1], &Device::flex());
        let gradients = tensor_like(vec![1.0], [1, 1, 1], &like);
        let scores = tensor_like(vec![1.0], [1, 1], &like);
        assert!(GradientMoments::of_chunk(gradients, scores, &[0.0]).is_none());
    }
}
