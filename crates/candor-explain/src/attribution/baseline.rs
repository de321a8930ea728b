use burn::tensor::Tensor;
use candor_core::host::floats;
use candor_core::{ExplainError, InputError};

/// The input that stands for "nothing there".
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_explain::attribution::Baseline;
///
/// let inputs = Tensor::<2>::zeros([2, 3], &Device::flex());
/// let grey = Baseline::Constant(0.5).expand(&inputs)?;
/// assert_eq!(grey.sum().into_scalar::<f32>(), 3.0);
/// # Ok::<(), candor_core::ExplainError>(())
/// ```
#[derive(Debug, Clone, Default)]
#[allow(clippy::large_enum_variant)] // a tensor is a handle, and there is one baseline a call
pub enum Baseline<const D: usize> {
    /// Zero in every entry.
    #[default]
    Zeros,
    /// One value in every entry.
    Constant(f64),
    /// A tensor of the shape of the inputs; a batch of one is used for every row.
    Rows(Tensor<D>),
}

impl<const D: usize> Baseline<D> {
    /// The baseline of every row, in the shape, on the device and in the precision of the inputs.
    ///
    /// # Errors
    ///
    /// A shape other than the inputs' (or theirs with a batch of one), NaN or an infinity.
    pub fn expand(&self, inputs: &Tensor<D>) -> Result<Tensor<D>, ExplainError> {
        let shape = inputs.dims();
        match self {
            Self::Zeros => Ok(inputs.zeros_like()),
            Self::Constant(value) => {
                InputError::check_finite("Baseline", "Constant", &[*value])?;
                Ok(inputs.full_like(*value))
            }
            Self::Rows(rows) => {
                let mut wanted = shape;
                wanted[0] = if rows.dims()[0] == 1 { 1 } else { shape[0] };
                InputError::check_dims("Baseline", "Rows", &rows.dims(), &wanted)?;
                InputError::check_finite("Baseline", "Rows", &floats(rows))?;
                let rows = rows.clone().without_autodiff().cast(inputs.dtype());
                Ok(rows.expand(shape))
            }
        }
    }
}

impl<const D: usize> From<Tensor<D>> for Baseline<D> {
    fn from(rows: Tensor<D>) -> Self {
        Self::Rows(rows)
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn a_batch_of_one_serves_every_row() {
        let device = Device::flex();
        let row = Tensor::<2>::from_floats([[1.0, 2.0]], &device);
        let expanded = Baseline::from(row).expand(&Tensor::zeros([2, 2], &device));
        assert_eq!(floats(&expanded.unwrap()), [1.0, 2.0, 1.0, 2.0]);
    }

    #[test]
    fn another_shape_or_a_nan_is_an_error() {
        let device = Device::flex();
        let inputs = Tensor::<2>::zeros([2, 2], &device);
        assert!(
            Baseline::from(Tensor::<2>::zeros([3, 2], &device))
                .expand(&inputs)
                .is_err()
        );
        assert!(
            Baseline::from(Tensor::<2>::zeros([1, 3], &device))
                .expand(&inputs)
                .is_err()
        );
        assert!(Baseline::<2>::Constant(f64::NAN).expand(&inputs).is_err());
        let nan = Tensor::<2>::from_floats([[f32::NAN, 0.0]], &device);
        assert!(Baseline::from(nan).expand(&inputs).is_err());
    }
}
