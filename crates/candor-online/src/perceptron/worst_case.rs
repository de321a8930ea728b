use burn::tensor::{Device, Int, Tensor, TensorData};
use candor_core::InputError;

use super::SignedRows;

/// Rows on which the batch perceptron needs a number of iterations that grows with them: one row (0.5, -1) labelled +1, and
/// n - 1 rows (-0.5, -1) labelled -1.
///
/// The many outvote the one in every step, until it has been wrong about 0.3 n times.
///
/// # Errors
///
/// No row.
///
/// Source: the lower bound of arXiv 2412.08424, whose table 1 has n = 1000.
///
/// ```
/// use burn::tensor::Device;
/// use candor_online::perceptron::worst_case_rows;
///
/// let rows = worst_case_rows(3, &Device::flex()).unwrap();
/// let values = rows.rows().to_data().to_vec::<f32>().unwrap();
/// assert_eq!(values, [0.5, -1.0, 0.5, 1.0, 0.5, 1.0]);
/// ```
pub fn worst_case_rows(count: usize, device: &Device) -> Result<SignedRows, InputError> {
    let features = (0..count).flat_map(|row| [if row == 0 { 0.5 } else { -0.5 }, -1.0]);
    let features = TensorData::new(features.collect::<Vec<f64>>(), [count, 2]);
    let labels = (0..count).map(|row| if row == 0 { 1 } else { -1i64 });
    let labels = TensorData::new(labels.collect::<Vec<i64>>(), [count]);
    SignedRows::new(
        Tensor::from_data(features, device),
        Tensor::<1, Int>::from_data(labels, device),
    )
}
