use burn::tensor::{Int, Tensor};
use candor_core::{InputError, Target, host};

/// Share of rows whose largest logit is that of the label; of tied logits the first counts.
///
/// # Shapes
///
/// - logits: `[batch, classes]`
/// - labels: `[batch]`
///
/// # Errors
///
/// No row, lengths that differ, a label outside the classes, logits that are NaN.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_metrics::forgetting::accuracy;
///
/// let device = Device::flex();
/// let logits = Tensor::<2>::from_floats([[2.0, 1.0], [0.0, 3.0]], &device);
/// assert_eq!(accuracy(&logits, &Tensor::from_ints([0, 0], &device)).unwrap(), 0.5);
/// ```
pub fn accuracy(logits: &Tensor<2>, labels: &Tensor<1, Int>) -> Result<f64, InputError> {
    const NAME: &str = "accuracy";
    let [batch, classes] = logits.dims();
    InputError::check_not_empty(NAME, "logits", batch * classes)?;
    InputError::check_dims(NAME, "labels", &labels.dims(), &[batch])?;
    let labels = host::ints(labels);
    InputError::check_labels(NAME, "labels", &labels, classes)?;
    InputError::check_values(NAME, "logits", &host::floats(logits), "a number", |logit| {
        !logit.is_nan()
    })?;
    let predicted = Target::predicted(logits);
    let right = |&(row, &label): &(usize, &i64)| predicted.of_row(row) as i64 == label;
    let hits = labels.iter().enumerate().filter(right).count();
    Ok(hits as f64 / batch as f64)
}
