use std::path::Path;

use burn::train::logger::{FileMetricLogger, MetricLogger};
use burn::train::metric::NumericEntry;
use burn::train::metric::store::Split;
use burn::train::{LearnerSummary, MetricSummary};
use serde::{Deserialize, Serialize};

/// One metric over the epochs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// `train` or `valid`.
    pub split: String,
    /// The metric's name, such as `Loss`.
    pub metric: String,
    /// (epoch, mean over the epoch).
    pub points: Vec<(usize, f64)>,
}

/// All learning curves of one training.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Curves(pub Vec<Curve>);

impl Curves {
    /// Reads what burn-train logged, over all sessions of a resumed training.
    pub(crate) fn read(directory: &Path, metrics: &[&str]) -> Self {
        let Ok(summary) = LearnerSummary::new(directory, metrics) else {
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

    /// One metric of one split, by epoch; empty where nothing was logged.
    pub(crate) fn points(&self, split: &str, metric: &str) -> &[(usize, f64)] {
        let wanted = |curve: &&Curve| curve.split == split && curve.metric == metric;
        self.0
            .iter()
            .find(wanted)
            .map_or(&[], |curve| &curve.points)
    }
}

/// A metric of every step, as (epochs done, value): step 3 of 4 in the second epoch is at 1.75.
pub(crate) fn step_curve(directory: &Path, metric: &str, epochs: usize) -> Vec<(f64, f64)> {
    let mut logs = FileMetricLogger::new(directory);
    let mut points = Vec::new();
    for epoch in 1..=epochs {
        let entries = logs.read_numeric(metric, epoch, &Split::Train);
        let values: Vec<f64> = entries.iter().flatten().filter_map(of_a_step).collect();
        let place = |step: usize| (epoch - 1) as f64 + (step + 1) as f64 / values.len() as f64;
        points.extend(
            values
                .iter()
                .enumerate()
                .map(|(step, &value)| (place(step), value)),
        );
    }
    points
}

/// The last entry of an epoch is its mean.
fn of_a_step(entry: &NumericEntry) -> Option<f64> {
    match entry {
        NumericEntry::Final(_) => None,
        other => Some(other.current()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_spread_over_their_epoch_and_the_mean_is_left_out() {
        let place = tempfile::tempdir().unwrap();
        for (epoch, log) in [(1, "4,2\n2,2\n3,final\n"), (2, "1,1\n1,final\n")] {
            let folder = place.path().join(format!("train/epoch-{epoch}"));
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("Loss.log"), log).unwrap();
        }
        let points = step_curve(place.path(), "Loss", 2);
        assert_eq!(points, [(0.5, 4.0), (1.0, 2.0), (2.0, 1.0)]);
    }
}
