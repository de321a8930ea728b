use burn::tensor::{Bool, Tensor};
use candor_core::check_shape;
use candor_core::numerics::masked_mean;

/// Mean of the hidden states where `mask` is true: a graph's embedding, `[batch, width]`.
///
/// ```text
/// pooled_b = Σ_t mask_bt hidden_bt / Σ_t mask_bt,   0 for a row without a token
/// ```
///
/// The authors average over padding too: a mask that is true everywhere gives that.
///
/// # Shapes
///
/// - hidden: `[batch, tokens, width]`
/// - mask: `[batch, tokens]`
///
/// # Panics
///
/// When there is not one flag a token.
///
/// Source: Saha, Yadav, Bansal, 2022, arXiv 2204.04813.
///
/// ```
/// use burn::tensor::{Bool, Device, Tensor};
/// use candor_losses::graphs::masked_mean_pool;
///
/// let device = Device::flex();
/// let hidden = Tensor::<3>::from_floats([[[1.0], [3.0], [99.0]]], &device);
/// let mask = Tensor::<2, Bool>::from_data([[true, true, false]], &device);
/// assert_eq!(masked_mean_pool(hidden, mask).into_scalar::<f32>(), 2.0);
/// ```
pub fn masked_mean_pool(hidden: Tensor<3>, mask: Tensor<2, Bool>) -> Tensor<2> {
    let [batch, tokens, width] = hidden.dims();
    check_shape!("masked_mean_pool", mask, [batch, tokens]);
    let mask = mask.unsqueeze_dim::<3>(2).expand([batch, tokens, width]);
    masked_mean(hidden, mask, 1).squeeze_dim(1)
}
