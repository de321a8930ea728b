use candor_core::InputError;

/// An autoregressive model of one set, as the search for an order sees it.
///
/// ```
/// use candor_losses::sets::{OrderScorer, exact_orders};
///
/// /// Every order alike.
/// struct Indifferent;
///
/// impl OrderScorer for Indifferent {
///     fn step_log_probs(&self, _prefix: &[usize], remaining: &[usize]) -> Vec<f64> {
///         vec![-(remaining.len() as f64).ln(); remaining.len()]
///     }
/// }
/// assert!((exact_orders(&Indifferent, 3, 7).unwrap().log_prob + 6f64.ln()).abs() < 1e-12);
/// ```
pub trait OrderScorer {
    /// `log p(element j | elements in prefix, in this order)` of each remaining element, in the order given.
    ///
    /// Elements are named by their index in the set, so equal elements are told apart. The elements outside the
    /// set may have probability too: the values need not sum to one.
    fn step_log_probs(&self, prefix: &[usize], remaining: &[usize]) -> Vec<f64>;
}

/// One value a remaining element, none of them NaN or `+inf`.
pub(super) fn checked_step(
    component: &'static str,
    scorer: &impl OrderScorer,
    prefix: &[usize],
    remaining: &[usize],
) -> Result<Vec<f64>, InputError> {
    let log_probs = scorer.step_log_probs(prefix, remaining);
    InputError::check_dims(
        component,
        "step_log_probs",
        &[log_probs.len()],
        &[remaining.len()],
    )?;
    let legal = |value: f64| value < f64::INFINITY;
    InputError::check_values(
        component,
        "step_log_probs",
        &log_probs,
        "a log-probability",
        legal,
    )?;
    Ok(log_probs)
}

/// `log Σ exp`, `-inf` of nothing but `-inf`.
pub(super) fn log_sum_exp(values: &[f64]) -> f64 {
    let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if max == f64::NEG_INFINITY {
        return max;
    }
    max + values
        .iter()
        .map(|value| (value - max).exp())
        .sum::<f64>()
        .ln()
}
