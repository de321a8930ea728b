use burn::tensor::{DType, Device, FloatDType, Tensor, TensorData};

/// Checks the backward pass of `function` against central differences, in `f64`.
///
/// `function` maps a tensor of any rank to a tensor of shape `[1]`. Every entry of `input` is moved by ±1e-5 in
/// turn; analytic and numeric derivative must agree to 1e-6 relative plus 1e-7 absolute. Choose an input away
/// from kinks (ties, zeros of `abs`, clamps).
///
/// # Panics
///
/// At the first entry where the two disagree, naming it and both derivatives.
pub fn check_gradient<const D: usize>(input: Tensor<D>, function: impl Fn(Tensor<D>) -> Tensor<1>) {
    const STEP: f64 = 1e-5;
    let device = input.device().without_autodiff();
    let shape = input.dims();
    let values: Vec<f64> = input.without_autodiff().into_data().iter::<f64>().collect();
    let place = |values: Vec<f64>, device: &Device| {
        Tensor::<D>::from_data(TensorData::new(values, shape), (device, DType::F64))
    };
    let tracked = place(values.clone(), &device.clone().autodiff()).require_grad();
    let gradients = function(tracked.clone()).backward();
    let analytic: Vec<f64> = tracked.grad(&gradients).map_or_else(
        || vec![0.0; values.len()],
        |gradient| gradient.into_data().iter::<f64>().collect(),
    );
    let evaluate = |index: usize, step: f64| -> f64 {
        let mut moved = values.clone();
        moved[index] += step;
        let output = function(place(moved, &device)).cast(FloatDType::F64);
        output.into_data().iter::<f64>().sum()
    };
    for (index, &analytic) in analytic.iter().enumerate() {
        let numeric = (evaluate(index, STEP) - evaluate(index, -STEP)) / (2.0 * STEP);
        let allowed = 1e-7 + 1e-6 * numeric.abs().max(analytic.abs());
        assert!(
            (analytic - numeric).abs() <= allowed,
            "gradient of entry {index} of {shape:?}: backward gives {analytic}, central differences give {numeric}"
        );
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "gradient of entry 0")]
    fn a_gradient_cut_off_by_detach_is_found() {
        check_gradient(
            Tensor::from_floats([0.5], &Device::flex()),
            |x: Tensor<1>| x.clone().detach() * x,
        );
    }
}
