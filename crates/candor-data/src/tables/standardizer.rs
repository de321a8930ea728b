use serde::{Deserialize, Serialize};

use super::{TabularDataset, TabularItem};
use crate::DataError;

/// Moves every feature to mean 0 and standard deviation 1, by the statistics of the rows it was fitted on.
///
/// ```text
/// z = (value - mean) / scale,  scale² = Σ (value - mean)² / n
/// ```
///
/// Fit it on training rows only and keep it with the model: it is serde. A feature that never varies is divided
/// by 1. Statistics are computed and applied in `f64`.
///
/// ```
/// use candor_data::{Column, Standardizer, TabularDataset, TabularItem};
///
/// let row = |value| TabularItem { features: vec![value, 7.0], target: 0.0, index: 0 };
/// let columns = vec![Column::numeric("a"), Column::numeric("constant")];
/// let train = TabularDataset::of_values(vec![row(1.0), row(3.0)], columns)?;
/// let scaled = Standardizer::fit(&train)?.transform(&train)?;
/// assert_eq!(scaled.items()[0].features, [-1.0, 0.0]); // mean 2, deviation 1
/// # Ok::<(), candor_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standardizer {
    mean: Vec<f64>,
    scale: Vec<f64>,
}

impl Standardizer {
    /// Takes the statistics of every feature.
    ///
    /// # Errors
    ///
    /// A data set without rows.
    #[allow(clippy::float_cmp)] // a constant feature is one whose values are equal
    pub fn fit<T: Clone>(train: &TabularDataset<T>) -> Result<Self, DataError> {
        let rows = train.items();
        if rows.is_empty() {
            return Err(DataError::record("Standardizer", 0, "no row to fit on"));
        }
        let count = rows.len() as f64;
        let column = |at: usize| rows.iter().map(move |row| f64::from(row.features[at]));
        let statistics = (0..train.width()).map(|at| {
            let mean = column(at).sum::<f64>() / count;
            let squares: f64 = column(at).map(|value| (value - mean).powi(2)).sum();
            // Looked for as such: the rounded mean of equal values leaves a variance of 1e-33, not of zero.
            let varies = column(at).any(|value| value != f64::from(rows[0].features[at]));
            (
                mean,
                if varies {
                    (squares / count).sqrt()
                } else {
                    1.0
                },
            )
        });
        let (mean, scale) = statistics.unzip();
        Ok(Self { mean, scale })
    }

    /// The rows in units of deviations from the mean.
    ///
    /// # Errors
    ///
    /// Rows of another width than those it was fitted on, or a result too large for single precision.
    pub fn transform<T: Clone>(
        &self,
        rows: &TabularDataset<T>,
    ) -> Result<TabularDataset<T>, DataError> {
        self.map(rows, |value, mean, scale| (value - mean) / scale)
    }

    /// The rows in the units they had before [`transform`](Self::transform).
    ///
    /// # Errors
    ///
    /// Rows of another width than those it was fitted on, or a result too large for single precision.
    pub fn restore<T: Clone>(
        &self,
        rows: &TabularDataset<T>,
    ) -> Result<TabularDataset<T>, DataError> {
        self.map(rows, |value, mean, scale| value * scale + mean)
    }

    /// The mean of every feature.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// What every feature is divided by.
    pub fn scale(&self) -> &[f64] {
        &self.scale
    }

    fn map<T: Clone>(
        &self,
        rows: &TabularDataset<T>,
        formula: impl Fn(f64, f64, f64) -> f64,
    ) -> Result<TabularDataset<T>, DataError> {
        let (seen, wanted) = (rows.width(), self.mean.len());
        if seen != wanted {
            let component = "Standardizer";
            return Err(DataError::Width {
                component,
                seen,
                wanted,
            });
        }
        let features = |row: &[f32]| {
            let statistics = self.mean.iter().zip(&self.scale);
            let values = row.iter().zip(statistics);
            values
                .map(|(&value, (&mean, &scale))| formula(f64::from(value), mean, scale) as f32)
                .collect()
        };
        let items = rows.items().iter().map(|item| TabularItem {
            features: features(&item.features),
            ..item.clone()
        });
        rows.with_items(items.collect()).checked()
    }
}
