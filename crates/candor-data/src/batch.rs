use burn::tensor::{Device, Int, Tensor, TensorData};

/// Inputs with a class each.
#[derive(Debug, Clone)]
pub struct ClassBatch<const D: usize> {
    /// Features `[batch, features]` or images `[batch, channels, height, width]`.
    pub inputs: Tensor<D>,
    /// Classes `[batch]`.
    pub labels: Tensor<1, Int>,
    /// Each row's number in the data set it was read from, the `row` of a [`DrawKey`](candor_core::DrawKey).
    pub rows: Vec<usize>,
}

/// Feature rows with a number each.
#[derive(Debug, Clone)]
pub struct RealBatch {
    /// Features `[batch, features]`.
    pub inputs: Tensor<2>,
    /// Targets `[batch]`.
    pub targets: Tensor<1>,
    /// Each row's number in the data set it was read from, the `row` of a [`DrawKey`](candor_core::DrawKey).
    pub rows: Vec<usize>,
}

/// Classes as an integer tensor `[batch]`.
pub(crate) fn labels(labels: impl Iterator<Item = usize>, device: &Device) -> Tensor<1, Int> {
    let labels: Vec<i64> = labels.map(|label| label as i64).collect();
    Tensor::from_data(TensorData::from(labels.as_slice()), device)
}
