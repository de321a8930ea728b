use burn::tensor::Tensor;

use crate::Target;

/// An explanation: how much each input entry contributed to the chosen output, and how far to trust it.
///
/// `values` has the shape of the input, batch first. The other fields are what the method can say of its own
/// error; a method that cannot, leaves them `None`.
#[derive(Debug, Clone)]
pub struct Attribution<const D: usize> {
    /// Signed contributions, in units of the model's score, of the shape of the input.
    pub values: Tensor<D>,
    /// The output that was explained.
    pub target: Target,
    /// Per row: the sum of the contributions minus the score difference it should equal (completeness gap).
    pub convergence_delta: Option<Vec<f64>>,
    /// Per row: weighted R² of the surrogate on its own samples, 1 is a perfect fit.
    pub r_squared: Option<Vec<f64>>,
    /// Standard error of each contribution over the draws, of the shape of the input.
    pub standard_error: Option<Tensor<D>>,
    /// How many input rows the model was evaluated on (a backward pass counts its forward only).
    pub model_calls: usize,
}

impl<const D: usize> Attribution<D> {
    /// An explanation that says nothing of its own error.
    pub fn new(values: Tensor<D>, target: Target, model_calls: usize) -> Self {
        Self {
            values,
            target,
            convergence_delta: None,
            r_squared: None,
            standard_error: None,
            model_calls,
        }
    }

    /// The contributions of one row, flattened row-major, in `f64`.
    pub fn row(&self, row: usize) -> Vec<f64> {
        crate::host::floats(&self.values.clone().slice_dim(0, row..row + 1))
    }
}
