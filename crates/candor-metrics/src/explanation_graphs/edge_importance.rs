use candor_core::InputError;

use super::edge_match::check_total;

/// Edge importance accuracy: how often an edge makes the gold stance more probable.
///
/// ```text
/// sample = share of its edges with initial > left_out        EA = Σ samples / total_samples
/// ```
///
/// `initial` holds, for each structurally correct sample, the probability of its gold stance given the whole graph;
/// `left_out` the same without each edge in turn. Samples that are not structurally correct count as 0. The comparison
/// is strict: an edge that changes nothing is not important.
///
/// # Errors
///
/// No sample, more correct samples than samples, another number of lists than of correct samples, a correct sample
/// without an edge, a number outside [0, 1].
///
/// Source: Saha et al.: ExplaGraphs, 2021, arXiv 2104.07644.
///
/// ```
/// use candor_metrics::explanation_graphs::edge_importance_accuracy;
///
/// // Two of three edges help; one sample of two is structurally wrong.
/// let accuracy = edge_importance_accuracy(&[0.9], &[vec![0.2, 0.9, 0.8]], 2).unwrap();
/// assert!((accuracy - 1.0 / 3.0).abs() < 1e-12);
/// ```
pub fn edge_importance_accuracy(
    initial: &[f64],
    left_out: &[Vec<f64>],
    total_samples: usize,
) -> Result<f64, InputError> {
    const NAME: &str = "edge_importance_accuracy";
    check_total(NAME, initial.len(), total_samples)?;
    InputError::check_dims(NAME, "left_out", &[left_out.len()], &[initial.len()])?;
    check_probabilities("initial", initial)?;
    let mut sum = 0.0;
    for (whole, without) in initial.iter().zip(left_out) {
        InputError::check_not_empty(NAME, "left_out", without.len())?;
        check_probabilities("left_out", without)?;
        let important = without.iter().filter(|without| *whole > **without).count();
        sum += important as f64 / without.len() as f64;
    }
    Ok(sum / total_samples as f64)
}

fn check_probabilities(argument: &'static str, values: &[f64]) -> Result<(), InputError> {
    InputError::check_values(
        "edge_importance_accuracy",
        argument,
        values,
        "in [0, 1]",
        |p| (0.0..=1.0).contains(&p),
    )
}
