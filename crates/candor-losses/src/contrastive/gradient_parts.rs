use burn::tensor::{Tensor, activation};
use candor_core::check_shape;

/// What InfoNCE makes of each similarity of an anchor, from [`InfoNceLoss::gradient_parts`](super::InfoNceLoss::gradient_parts).
///
/// ```text
/// P_ik = exp(s_ik / τ) / (exp(s_ii / τ) + Σ_j exp(s_ij / τ))
/// ∂loss_i / ∂s_ik = P_ik / τ          ∂loss_i / ∂s_ii = -(1 / τ) Σ_k P_ik
/// ```
///
/// The pull on the positive is as strong as the pushes on all negatives together. Source: arXiv 2012.09740.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_losses::contrastive::InfoNceLossConfig;
///
/// let device = Device::flex();
/// let loss = InfoNceLossConfig::new().with_temperature(0.5).init()?;
/// let parts = loss.gradient_parts(Tensor::zeros([1], &device), Tensor::zeros([1, 3], &device));
/// let pull: f32 = parts.positive_gradient.into_scalar();
/// assert!((pull + 2.0 * 0.75).abs() < 1e-6); // three of four equal shares, over τ
/// # Ok::<(), candor_core::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct GradientParts {
    /// Share of the positive, `[anchors]`.
    pub positive_probability: Tensor<1>,
    /// Share of each negative, `[anchors, negatives]`.
    pub negative_probabilities: Tensor<2>,
    /// Derivative by the positive similarity, `[anchors]`.
    pub positive_gradient: Tensor<1>,
    /// Derivative by each negative similarity, `[anchors, negatives]`.
    pub negative_gradients: Tensor<2>,
}

impl GradientParts {
    pub(super) fn new(positive: Tensor<1>, negatives: Tensor<2>, temperature: f64) -> Self {
        let [anchors, count] = negatives.dims();
        check_shape!("InfoNceLoss", positive, [anchors]);
        let scale = 1.0 / temperature;
        let positive = positive.cast(negatives.dtype()).reshape([anchors, 1]);
        let logits = Tensor::cat(vec![positive, negatives], 1) * scale;
        let probabilities = activation::softmax(logits, 1);
        let negative_probabilities = probabilities.clone().slice_dim(1, 1..=count);
        // The sum, and not 1 - P: that would round to 0 long before the sum does.
        let pushed = negative_probabilities.clone().sum_dim(1).reshape([anchors]);
        Self {
            positive_probability: probabilities.slice_dim(1, 0..1).reshape([anchors]),
            positive_gradient: pushed * -scale,
            negative_gradients: negative_probabilities.clone() * scale,
            negative_probabilities,
        }
    }
}
