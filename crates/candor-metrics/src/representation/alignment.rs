use burn::tensor::Tensor;
use candor_core::{InputError, in_f32};

/// How far two views of the same things lie apart, `[1]`: the mean of a power of their distance.
///
/// ```text
/// mean_i ‖x_i - y_i‖^a
/// ```
///
/// Differentiable; where a pair coincides its gradient is 0, for every power. The common power is 2.
///
/// # Shapes
///
/// - embeddings, views: `[rows, width]`; row i of one belongs to row i of the other
///
/// # Errors
///
/// Differing shapes, no row, a power that is not finite and above zero.
///
/// Source: Wang, Isola (2020), arXiv 2005.10242.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_metrics::representation::alignment;
///
/// let device = Device::flex();
/// let (x, y) = (Tensor::<2>::zeros([1, 2], &device), Tensor::<2>::from_floats([[3.0, 4.0]], &device));
/// assert_eq!(alignment(x, y, 2.0)?.into_scalar::<f32>(), 25.0);
/// # Ok::<(), candor_core::InputError>(())
/// ```
pub fn alignment(
    embeddings: Tensor<2>,
    views: Tensor<2>,
    power: f64,
) -> Result<Tensor<1>, InputError> {
    const NAME: &str = "alignment";
    let [rows, _] = embeddings.dims();
    InputError::check_dims(NAME, "views", &views.dims(), &embeddings.dims())?;
    InputError::check_not_empty(NAME, "embeddings", rows)?;
    let legal = |power: f64| power.is_finite() && power > 0.0;
    InputError::check_values(NAME, "power", &[power], "finite and > 0", legal)?;
    Ok(in_f32(embeddings, |embeddings| {
        let views = views.cast(embeddings.dtype());
        let squares = (embeddings - views).square().sum_dim(1).reshape([rows]);
        powers(squares, power / 2.0).sum() * (1.0 / rows as f64)
    }))
}

/// `squares^exponent`, with value and gradient 0 at 0.
#[allow(clippy::float_cmp)] // the common case, as it was set
fn powers(squares: Tensor<1>, exponent: f64) -> Tensor<1> {
    if exponent == 1.0 {
        return squares;
    }
    let together = squares.clone().equal_scalar(0.0);
    let logarithms = squares.mask_fill(together.clone(), 1.0).log();
    (logarithms * exponent).exp().mask_fill(together, 0.0)
}
