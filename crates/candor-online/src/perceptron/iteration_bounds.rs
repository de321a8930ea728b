use candor_core::InputError;

/// The most iterations that each method needs on separable rows, started from zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IterationBounds {
    /// Of [`BatchPerceptron`](super::BatchPerceptron), and of [`LrGd`](super::LrGd) with γ → ∞: n R²/μ².
    pub batch_perceptron: f64,
    /// Of [`NormalizedBatchPerceptron`](super::NormalizedBatchPerceptron): R²/μ².
    pub normalized_batch_perceptron: f64,
    /// Of [`Perceptron`](super::Perceptron): R²/μ².
    pub perceptron: f64,
    /// Of [`NormalizedLrGd`](super::NormalizedLrGd): R²/μ² + 2 log(2n - 1)/(γ μ²).
    pub normalized_lr_gd: f64,
}

/// Bounds on the iterations from the rows' largest norm R, the largest margin μ, the number of rows and the step size γ.
///
/// [`SignedRows`](super::SignedRows) measures R, and for weights at hand a lower bound on μ.
///
/// # Errors
///
/// R negative or not finite, μ or γ not finite and above zero, no row, bounds that overflow.
///
/// Source: arXiv 2412.08424.
///
/// ```
/// use candor_online::perceptron::iteration_bounds;
///
/// let bounds = iteration_bounds(2.0, 0.5, 100, 10.0).unwrap();
/// assert_eq!((bounds.batch_perceptron, bounds.perceptron), (1600.0, 16.0));
/// assert!((bounds.normalized_lr_gd - (16.0 + 0.8 * 199f64.ln())).abs() < 1e-9);
/// ```
pub fn iteration_bounds(
    radius: f64,
    margin: f64,
    rows: usize,
    step: f64,
) -> Result<IterationBounds, InputError> {
    const NAME: &str = "iteration_bounds";
    let positive = |value: f64| value.is_finite() && value > 0.0;
    InputError::check_values(NAME, "radius", &[radius], "finite and >= 0", |radius| {
        radius.is_finite() && radius >= 0.0
    })?;
    InputError::check_values(NAME, "margin", &[margin], "finite and > 0", positive)?;
    InputError::check_values(NAME, "step", &[step], "finite and > 0", positive)?;
    InputError::check_not_empty(NAME, "rows", rows)?;
    let ratio = (radius / margin).powi(2);
    let start = 2.0 * (2.0 * rows as f64 - 1.0).ln() / (step * margin * margin);
    let bounds = [rows as f64 * ratio, ratio + start];
    InputError::check_finite(NAME, "bounds", &bounds)?;
    Ok(IterationBounds {
        batch_perceptron: bounds[0],
        normalized_batch_perceptron: ratio,
        perceptron: ratio,
        normalized_lr_gd: bounds[1],
    })
}
