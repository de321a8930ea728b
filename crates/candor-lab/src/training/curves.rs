use std::path::Path;

use burn::train::{LearnerSummary, MetricSummary};
use serde::{Deserialize, Serialize};

/// One metric over the epochs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// `train` or `valid`.
    pub split: String,
    /// `Loss` or `Accuracy`.
    pub metric: String,
    /// (epoch, mean over the epoch).
    pub points: Vec<(usize, f64)>,
}

/// All learning curves of one training.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Curves(pub Vec<Curve>);

impl Curves {
    /// Reads what burn-train logged, over all sessions of a resumed training.
    pub(super) fn read(directory: &Path) -> Self {
        let Ok(summary) = LearnerSummary::new(directory, &["Loss", "Accuracy"]) else {
            return Self::default();
        };
        let of = |split: &str, metrics: &[MetricSummary]| -> Vec<Curve> {
            metrics
                .iter()
                .map(|metric| Curve {
                    split: split.to_owned(),
                    metric: metric.name.clone(),
                    points: metric
                        .entries
                        .iter()
                        .map(|entry| (entry.step, entry.value))
                        .collect(),
                })
                .collect()
        };
        let mut curves = of("train", &summary.metrics.train);
        curves.extend(of("valid", &summary.metrics.valid));
        Self(curves)
    }
}
