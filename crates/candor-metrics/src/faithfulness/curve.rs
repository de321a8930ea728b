use serde::{Deserialize, Serialize};

/// A score followed while features are taken away or put back, and its two summaries.
///
/// ```text
/// auc  = Σ_i (c_i + c_{i+1}) / 2 / n      trapezoids on [0, 1], whatever the number of steps n
/// aopc = mean_{i ≥ 1} (c_0 − c_i)         area over the perturbation curve (Samek et al., arXiv 1509.06321)
/// ```
///
/// ```
/// use candor_metrics::faithfulness::Curve;
///
/// let curve = Curve::new(vec![1.0, 0.5, 0.0]);
/// assert_eq!((curve.auc, curve.aopc), (0.5, 0.75));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// The score after each step, the untouched start first.
    pub values: Vec<f64>,
    /// Area under the curve, on an axis from 0 to 1.
    pub auc: f64,
    /// Mean drop from the start.
    pub aopc: f64,
}

impl Curve {
    /// Summarises a curve. A single value is its own area and drops by nothing.
    pub fn new(values: Vec<f64>) -> Self {
        let steps = values.len().saturating_sub(1) as f64;
        let first = values.first().copied().unwrap_or(0.0);
        let (auc, aopc) = if steps > 0.0 {
            let areas = values
                .windows(2)
                .map(|pair| f64::midpoint(pair[0], pair[1]));
            let drops = values[1..].iter().map(|value| first - value);
            (areas.sum::<f64>() / steps, drops.sum::<f64>() / steps)
        } else {
            (first, 0.0)
        };
        Self { values, auc, aopc }
    }
}
