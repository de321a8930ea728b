use burn::module::{Initializer, Module, Param};
use burn::tensor::{Device, Tensor};
use candor_core::layers::rms_norm;
use candor_core::{in_f32, shape};

/// Root-mean-square normalisation over the last axis.
///
/// ```text
/// y = x / sqrt(mean(x²) + epsilon) · weight
/// ```
///
/// Half-precision inputs are normalised in `f32`, `f64` inputs in `f64`; the result has the input's precision.
///
/// Source: Zhang and Sennrich 2019, "Root Mean Square Layer Normalization". burn-nn's layer of this name rounds `f64`
/// to `f32` and divides half-precision inputs in half precision.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_models::causal_lm::RmsNorm;
///
/// let device = Device::flex();
/// let norm = RmsNorm::with_weight(Tensor::from_floats([1.0, 10.0], &device), 1e-12);
/// // The root of the mean of (1, 49) is 5.
/// let normed = norm.forward(Tensor::<2>::from_floats([[1.0, 7.0]], &device));
/// assert_eq!(normed.into_data().to_vec::<f32>().unwrap(), [0.2, 14.0]);
/// ```
#[derive(Module, Debug)]
pub struct RmsNorm {
    pub(super) weight: Param<Tensor<1>>,
    epsilon: f64,
}

impl RmsNorm {
    /// A normalisation with the given scale of each entry and the constant under the root.
    pub fn with_weight(weight: Tensor<1>, epsilon: f64) -> Self {
        Self {
            weight: Param::from_tensor(weight),
            epsilon,
        }
    }

    /// A normalisation that holds nothing until it is used or loaded.
    pub(super) fn uninitialised(width: usize, epsilon: f64, device: &Device) -> Self {
        Self {
            weight: Initializer::Ones.init([width], device),
            epsilon,
        }
    }

    /// Normalises `[..., width]`.
    ///
    /// # Panics
    ///
    /// When the last axis is not as wide as the weight.
    pub fn forward<const D: usize>(&self, hidden: Tensor<D>) -> Tensor<D> {
        let weight = self.weight.val();
        let mut wanted = [None; D];
        wanted[D - 1] = Some(weight.dims()[0]);
        shape::check("RmsNorm", "hidden", &hidden.dims(), &wanted);
        in_f32(hidden, |hidden| {
            let (shape, weight) = (hidden.dims(), weight.cast(hidden.dtype()));
            let rows = hidden.reshape([shape[..D - 1].iter().product(), shape[D - 1]]);
            rms_norm(rows, weight, self.epsilon).reshape(shape)
        })
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::DType;

    use super::*;

    #[test]
    fn squares_that_overflow_half_precision_do_not() {
        let device = Device::flex();
        let norm = RmsNorm::with_weight(Tensor::ones([2], (&device, DType::F16)), 1e-5);
        // 1000² is beyond f16's 65504.
        let hidden = Tensor::<2>::from_data([[1000.0, -1000.0]], (&device, DType::F16));
        let normed = norm.forward(hidden);
        assert_eq!(normed.dtype(), DType::F16);
        let values: Vec<f64> = normed.into_data().iter().collect();
        assert_eq!(values, [1.0, -1.0]);
    }

    #[test]
    #[should_panic(expected = "RmsNorm: hidden has shape [1, 3], wanted [_, 2]")]
    fn another_width_is_named() {
        let device = Device::flex();
        let norm = RmsNorm::uninitialised(2, 1e-5, &device);
        norm.forward(Tensor::<2>::zeros([1, 3], &device));
    }
}
