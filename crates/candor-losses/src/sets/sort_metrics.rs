use candor_core::InputError;

const NAME: &str = "sort_metrics";

/// How well predicted orders sort their values.
#[derive(Debug, Clone, PartialEq)]
pub struct SortMetrics {
    /// The right order of each row, row-major: a stable ascending argsort.
    pub target: Vec<usize>,
    /// Share of rows that are right in every place.
    pub exact: f64,
    /// Share of places that are right.
    pub elementwise: f64,
}

/// Compares predicted orders of rows of `width` values with the order that sorts them.
///
/// Of equal values the earlier one comes first, and only that order is right.
///
/// # Errors
///
/// No row, a width of zero, values that do not fill their rows, another number of predictions than values, a prediction
/// outside `0..width`, NaN among the values.
///
/// # Source
///
/// The sorting task of Vinyals, Bengio, Kudlur 2016, arXiv 1511.06391.
///
/// ```
/// use candor_losses::sets::sort_metrics;
///
/// let metrics = sort_metrics(&[0.3, 0.1, 0.2, 5.0, 6.0, 7.0], 3, &[1, 2, 0, 1, 0, 2]).unwrap();
/// assert_eq!((metrics.exact, metrics.elementwise), (0.5, 4.0 / 6.0));
/// ```
pub fn sort_metrics(
    values: &[f64],
    width: usize,
    predicted: &[i64],
) -> Result<SortMetrics, InputError> {
    InputError::check_not_empty(NAME, "values", values.len().min(width))?;
    let whole = values.len() / width * width;
    InputError::check_dims(NAME, "values", &[values.len()], &[whole])?;
    InputError::check_dims(NAME, "predicted", &[predicted.len()], &[values.len()])?;
    InputError::check_labels(NAME, "predicted", predicted, width)?;
    InputError::check_values(NAME, "values", values, "a number", |value| !value.is_nan())?;
    let target: Vec<usize> = values.chunks(width).flat_map(argsort).collect();
    let hits: Vec<bool> = target
        .iter()
        .zip(predicted)
        .map(|(&target, &predicted)| target as i64 == predicted)
        .collect();
    let share = |hit: usize, of: usize| hit as f64 / of as f64;
    let rows = hits.chunks(width);
    let count = rows.len();
    Ok(SortMetrics {
        exact: share(rows.filter(|row| row.iter().all(|&hit| hit)).count(), count),
        elementwise: share(hits.iter().filter(|&&hit| hit).count(), hits.len()),
        target,
    })
}

fn argsort(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<(usize, f64)> = values.iter().copied().enumerate().collect();
    // Stable, and -0 equals 0, unlike `total_cmp`; no value is NaN.
    order.sort_by(|a, b| a.1.partial_cmp(&b.1).unwrap_or(std::cmp::Ordering::Equal));
    order.into_iter().map(|(index, _)| index).collect()
}
