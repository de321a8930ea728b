use burn::nn::loss::Reduction;
use burn::tensor::{DType, FloatDType, Tensor};

/// Reduces per-element losses to one number, of shape `[1]`.
///
/// | reduction | value |
/// |---|---|
/// | `Mean`, `Auto` | sum / number of elements |
/// | `Sum` | sum |
/// | `BatchMean` | sum / size of the first axis |
///
/// Half-precision losses are summed in `f32` and returned in their own precision.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Tensor};
/// use candor_core::reduce;
///
/// let losses = Tensor::<2>::from_floats([[1.0, 2.0], [3.0, 6.0]], &Device::flex());
/// assert_eq!(reduce(losses.clone(), &Reduction::Mean).into_scalar::<f32>(), 3.0);
/// assert_eq!(reduce(losses, &Reduction::BatchMean).into_scalar::<f32>(), 6.0);
/// ```
pub fn reduce<const D: usize>(losses: Tensor<D>, reduction: &Reduction) -> Tensor<1> {
    let batch = losses.dims().first().copied().unwrap_or(1);
    in_f32(losses, |losses| match reduction {
        Reduction::Mean | Reduction::Auto => losses.mean(),
        Reduction::Sum => losses.sum(),
        Reduction::BatchMean => losses.sum() / batch as f64,
    })
}

/// Runs `compute` in `f32` when the input is of half precision, and returns to that precision.
///
/// Sums over thousands of half-precision entries lose units; `f32` and `f64` inputs pass through as they are.
pub fn in_f32<const D: usize, const E: usize>(
    input: Tensor<D>,
    compute: impl FnOnce(Tensor<D>) -> Tensor<E>,
) -> Tensor<E> {
    match input.dtype() {
        half @ (DType::F16 | DType::BF16) => compute(input.cast(FloatDType::F32)).cast(half),
        _ => compute(input),
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn half_precision_sums_keep_their_units() {
        let ones = Tensor::<1>::ones([4096], (&Device::flex(), DType::F16));
        let sum = reduce(ones, &Reduction::Sum);
        assert_eq!(sum.dtype(), DType::F16);
        assert_eq!(sum.into_data().iter::<f64>().next(), Some(4096.0));
    }
}
