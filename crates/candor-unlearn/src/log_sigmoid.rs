//! The shape that NPO, DPO, KTO and SimNPO share, and the preconditions of their arguments.

use burn::tensor::Tensor;
use candor_core::numerics::softplus;
use candor_core::{InputError, check_shape, host, in_f32};

/// `-(2/β) log sigmoid(margin)`, in the stable form `(2/β) softplus(-margin)`; half precision is computed in `f32`.
///
/// Ordinary preference losses lack the factor 2/β: with it the gradient stays that of gradient ascent as β vanishes.
pub(crate) fn negative_log_sigmoid(margin: Tensor<1>, beta: f64) -> Tensor<1> {
    in_f32(margin, |margin| softplus(-margin) * (2.0 / beta))
}

/// `log π - log π_ref` of each row, the reference detached and in the policy's precision.
pub(crate) fn log_ratio(
    component: &str,
    policy_logps: Tensor<1>,
    ref_logps: Tensor<1>,
) -> Tensor<1> {
    let [batch] = policy_logps.dims();
    check_shape!(component, ref_logps, [batch]);
    let ref_logps = ref_logps.detach().cast(policy_logps.dtype());
    policy_logps - ref_logps
}

/// Refuses an empty batch, differing lengths and NaN in log-probabilities.
pub(crate) fn check_log_probs<const N: usize>(
    component: &'static str,
    arguments: [(&'static str, &Tensor<1>); N],
) -> Result<(), InputError> {
    let batch = arguments.first().map_or(0, |(_, logps)| logps.dims()[0]);
    for (name, logps) in arguments {
        InputError::check_dims(component, name, &logps.dims(), &[batch])?;
        InputError::check_not_empty(component, name, batch)?;
        let values = host::floats(logps);
        InputError::check_values(component, name, &values, "a number", |value| {
            !value.is_nan()
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use burn::tensor::{DType, Device};

    use super::*;

    #[test]
    fn both_tails_are_exact_and_the_slope_at_zero_is_minus_one_over_beta() {
        let options = (&Device::flex().autodiff(), DType::F64);
        let margin = Tensor::<1>::from_data([0.0, 1e4, -1e4], options).require_grad();
        let losses = negative_log_sigmoid(margin.clone(), 0.5);
        assert_eq!(host::floats(&losses), [4.0 * 2f64.ln(), 0.0, 4e4]);
        let gradient = margin.grad(&losses.sum().backward()).unwrap();
        assert_eq!(host::floats(&gradient), [-2.0, 0.0, -4.0]);
    }
}
