use burn::tensor::{DType, Tensor};
use candor_core::InputError;
use candor_core::linear::{LinearLogits, linear_statistics};
use candor_core::numerics::{log_sum_exp, widest_float};

/// How evenly embeddings fill the space, `[1]`: the logarithm of the mean Gaussian kernel over pairs.
///
/// ```text
/// log( mean over pairs i < j of exp(-t ‖x_i - x_j‖²) )
/// ```
///
/// At most 0, and exactly 0 when all rows are one point. Lower is more uniform; some plots turn the sign over. The common t
/// is 2. Differentiable. The matrix of distances is computed tile by tile and never there as a whole.
///
/// Computed in `f64` on processors, for distances are differences of larger numbers; the result is in the
/// embeddings' precision.
///
/// # Shapes
///
/// - embeddings: `[rows, width]`, taken as given: divide rows by their length first
///
/// # Errors
///
/// Fewer than two rows, a t that is not finite and above zero.
///
/// Source: Wang, Isola (2020), arXiv 2005.10242; Wang, Liu (2020), arXiv 2012.09740.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_metrics::representation::uniformity;
///
/// let opposite = Tensor::<2>::from_floats([[1.0, 0.0], [-1.0, 0.0]], &Device::flex());
/// assert!((uniformity(opposite, 2.0)?.into_scalar::<f32>() + 8.0).abs() < 1e-5); // -2 · 2²
/// # Ok::<(), candor_core::InputError>(())
/// ```
pub fn uniformity(embeddings: Tensor<2>, t: f64) -> Result<Tensor<1>, InputError> {
    const NAME: &str = "uniformity";
    let legal = |t: f64| t.is_finite() && t > 0.0;
    InputError::check_values(NAME, "t", &[t], "finite and > 0", legal)?;
    let [rows, _] = embeddings.dims();
    if rows < 2 {
        return Err(InputError::Undefined {
            component: NAME,
            reason: "there must be at least two embeddings",
        });
    }
    let dtype = embeddings.dtype();
    Ok(log_mean_kernel(widened(embeddings), t).cast(dtype))
}

/// In the widest precision that the device computes in, and not in a narrower one than the embeddings have.
fn widened(embeddings: Tensor<2>) -> Tensor<2> {
    if embeddings.dtype() == DType::F64 {
        return embeddings;
    }
    let widest = widest_float(&embeddings.device());
    embeddings.cast(widest)
}

/// `-t ‖x - y‖² = 2 t (x · y - ‖y‖²/2) - t ‖x‖²`: a row's log-sum-exp over the others is that of factored logits.
fn log_mean_kernel(embeddings: Tensor<2>, t: f64) -> Tensor<1> {
    let [rows, _] = embeddings.dims();
    // Distances do not change, and the squares that are subtracted from one another become smaller.
    let centre = embeddings.clone().detach().mean_dim(0);
    let rows_around_it = embeddings - centre;
    let squares = rows_around_it.clone().square().sum_dim(1).reshape([rows]);
    let logits = LinearLogits::new(rows_around_it.clone() * (2.0 * t), rows_around_it)
        .with_bias(squares.clone() * -t)
        .without_own_class();
    let any = Tensor::arange(0..rows as i64, &squares.device().without_autodiff());
    let kernels = linear_statistics(logits, any).log_sum_exp - squares * t;
    // Each pair was seen from both sides.
    let ordered_pairs = rows as f64 * (rows as f64 - 1.0);
    log_sum_exp(kernels, 0) - ordered_pairs.ln()
}
