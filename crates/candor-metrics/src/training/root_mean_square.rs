use burn::tensor::Tensor;
use candor_core::{InputError, host};

/// Root mean square of a tensor's entries: of a gradient, what Adam's ε is to be compared with.
///
/// Computed from the entries scaled by the largest of them, so that a gradient of 1e-30 does not vanish when it is squared.
///
/// # Errors
///
/// No entry, an entry that is not finite.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_metrics::training::root_mean_square;
///
/// let gradient = Tensor::<1>::from_floats([3e-30, -4e-30], &Device::flex());
/// assert!((root_mean_square(&gradient).unwrap() / 12.5f64.sqrt() - 1e-30).abs() < 1e-36);
/// ```
pub fn root_mean_square<const D: usize>(tensor: &Tensor<D>) -> Result<f64, InputError> {
    const NAME: &str = "root_mean_square";
    InputError::check_not_empty(NAME, "tensor", tensor.shape().num_elements())?;
    let tensor = super::attention_logit_stats::at_least_f32(tensor);
    let largest = tensor.clone().abs().max();
    // Of zeros the scale is left at one.
    let scale = largest.clone().mask_fill(largest.equal_scalar(0.0), 1.0);
    let scaled = tensor / scale.clone().reshape([1; D]);
    let mean = host::floats(&scaled.square().mean());
    let values = [mean, host::floats(&scale)].concat();
    InputError::check_finite(NAME, "tensor", &values)?;
    Ok(values.iter().skip(1).product::<f64>() * values.first().copied().unwrap_or(0.0).sqrt())
}
