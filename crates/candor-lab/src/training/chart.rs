use std::collections::BTreeMap;

use super::Curves;
use crate::report::{LineSeries, line_chart};
use crate::run::RunError;

/// Training and validation curves of one metric, as an SVG.
pub(crate) fn learning_chart(metric: &str, named: &[(&str, &Curves)]) -> Result<String, RunError> {
    chart(metric, named, |_| true)
}

/// Validation curves of one metric, as an SVG.
pub(crate) fn valid_chart(metric: &str, named: &[(&str, &Curves)]) -> Result<String, RunError> {
    chart(metric, named, |split| split == "valid")
}

fn chart(
    metric: &str,
    named: &[(&str, &Curves)],
    keep: impl Fn(&str) -> bool,
) -> Result<String, RunError> {
    let mut series: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for (name, curves) in named {
        for curve in curves
            .0
            .iter()
            .filter(|curve| curve.metric == metric && keep(&curve.split))
        {
            let name = if name.is_empty() { &curve.split } else { *name };
            let points = curve
                .points
                .iter()
                .map(|&(epoch, value)| (epoch as f64, value));
            series.entry(name.to_owned()).or_default().extend(points);
        }
    }
    let series: Vec<_> = series
        .into_iter()
        .map(|(name, points)| LineSeries { name, points })
        .collect();
    line_chart(metric, "epoch", &metric.to_lowercase(), &series)
}
