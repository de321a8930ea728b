use burn::tensor::Tensor;
use candor_core::{check_shape, in_f32};

/// What τ · InfoNCE becomes for τ → 0: a triplet loss without margin on the hardest negative, `[anchors]`.
///
/// ```text
/// max(max_k s_ik - s_ii, 0)
/// ```
///
/// Shapes: positive `[anchors]`, negatives `[anchors, negatives]`. Source: arXiv 2012.09740.
///
/// # Panics
///
/// When there is not one positive a row, or no negative.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_losses::contrastive::low_temperature_limit;
///
/// let device = Device::flex();
/// let negatives = Tensor::<2>::from_floats([[0.2, 0.75]], &device);
/// let limit = low_temperature_limit(Tensor::from_floats([0.5], &device), negatives);
/// assert_eq!(limit.into_scalar::<f32>(), 0.25);
/// ```
pub fn low_temperature_limit(positive: Tensor<1>, negatives: Tensor<2>) -> Tensor<1> {
    let anchors = checked("low_temperature_limit", &positive, &negatives);
    in_f32(negatives, |negatives| {
        let hardest = negatives.max_dim(1).reshape([anchors]);
        let positive = positive.cast(hardest.dtype());
        (hardest - positive).clamp_min(0.0)
    })
}

/// What τ · (InfoNCE - log(K + 1)) becomes for τ → ∞: every negative counts the same, `[anchors]`.
///
/// ```text
/// (Σ_k s_ik - K s_ii) / (K + 1)
/// ```
///
/// That is [`SimpleContrastiveLoss`](super::SimpleContrastiveLoss) of weight 1/K, times K / (K + 1).
/// Shapes: positive `[anchors]`, negatives `[anchors, negatives]`. Source: arXiv 2012.09740.
///
/// # Panics
///
/// When there is not one positive a row, or no negative.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_losses::contrastive::high_temperature_limit;
///
/// let device = Device::flex();
/// let negatives = Tensor::<2>::from_floats([[0.5, 1.0]], &device);
/// let limit = high_temperature_limit(Tensor::from_floats([0.0], &device), negatives);
/// assert_eq!(limit.into_scalar::<f32>(), 0.5); // 1.5 / 3
/// ```
pub fn high_temperature_limit(positive: Tensor<1>, negatives: Tensor<2>) -> Tensor<1> {
    let anchors = checked("high_temperature_limit", &positive, &negatives);
    let count = negatives.dims()[1] as f64;
    in_f32(negatives, |negatives| {
        let sum = negatives.sum_dim(1).reshape([anchors]);
        let positive = positive.cast(sum.dtype());
        (sum - positive * count) * (1.0 / (count + 1.0))
    })
}

fn checked(component: &str, positive: &Tensor<1>, negatives: &Tensor<2>) -> usize {
    let [anchors, count] = negatives.dims();
    check_shape!(component, positive, [anchors]);
    assert!(
        count > 0,
        "{component}: negatives has shape [{anchors}, 0], wanted at least one negative"
    );
    anchors
}
