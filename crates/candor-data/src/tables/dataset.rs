use std::ops::Range;

use burn::data::dataloader::batcher::Batcher;
use burn::data::dataset::{Dataset, DatasetError};
use burn::tensor::{Device, Tensor, TensorData};

use super::Column;
use crate::DataError;
use crate::batch::{self, ClassBatch, RealBatch};

/// One row: `T` is `usize` for a class, `f32` for a number.
#[derive(Debug, Clone, PartialEq)]
pub struct TabularItem<T> {
    /// The features, categorical columns already coded.
    pub features: Vec<f32>,
    /// What is to be predicted.
    pub target: T,
    /// The row's number in the data set it was read from; a split keeps it.
    pub index: usize,
}

/// Rows of features with a class (`TabularDataset<usize>`) or a number (`TabularDataset<f32>`) each, in memory.
///
/// It is burn's [`Dataset`], so burn's loaders and [`EpochLoader`](crate::EpochLoader) take it.
///
/// ```
/// let iris = candor_data::embedded::iris()?;
/// assert_eq!(iris.class_names(), ["setosa", "versicolor", "virginica"]);
/// assert_eq!((iris.items().len(), iris.width()), (150, 4));
/// assert_eq!(iris.items()[0].features, [5.1, 3.5, 1.4, 0.2]);
/// # Ok::<(), candor_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TabularDataset<T> {
    items: Vec<TabularItem<T>>,
    columns: Vec<Column>,
    class_names: Vec<String>,
}

impl TabularDataset<usize> {
    /// Rows with a class each.
    ///
    /// # Errors
    ///
    /// A row of another width than the columns', a feature that is not finite, a label without a class name.
    pub fn of_classes(
        items: Vec<TabularItem<usize>>,
        columns: Vec<Column>,
        class_names: Vec<String>,
    ) -> Result<Self, DataError> {
        let classes = class_names.len();
        let outside = |item: &TabularItem<usize>| item.target >= classes;
        if let Some(record) = items.iter().position(outside) {
            let reason = format!("label {} of {classes} classes", items[record].target);
            return Err(DataError::record(NAME, record, reason));
        }
        let dataset = Self {
            items,
            columns,
            class_names,
        };
        dataset.checked()
    }

    /// What the labels stand for.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// The class of every row.
    pub fn labels(&self) -> Vec<usize> {
        self.items.iter().map(|item| item.target).collect()
    }

    /// All rows as one batch.
    pub fn batch(&self, device: &Device) -> ClassBatch<2> {
        self.batcher().batch(self.items.clone(), device)
    }
}

impl TabularDataset<f32> {
    /// Rows with a number each.
    ///
    /// # Errors
    ///
    /// A row of another width than the columns', a feature or target that is not finite.
    pub fn of_values(
        items: Vec<TabularItem<f32>>,
        columns: Vec<Column>,
    ) -> Result<Self, DataError> {
        let wild = |item: &TabularItem<f32>| !item.target.is_finite();
        if let Some(record) = items.iter().position(wild) {
            let reason = format!(
                "the target is {}, wanted a finite value",
                items[record].target
            );
            return Err(DataError::record(NAME, record, reason));
        }
        let dataset = Self {
            items,
            columns,
            class_names: Vec::new(),
        };
        dataset.checked()
    }

    /// The target of every row.
    pub fn targets(&self) -> Vec<f32> {
        self.items.iter().map(|item| item.target).collect()
    }

    /// All rows as one batch.
    pub fn batch(&self, device: &Device) -> RealBatch {
        self.batcher().batch(self.items.clone(), device)
    }
}

impl<T: Clone> TabularDataset<T> {
    /// The rows in order.
    pub fn items(&self) -> &[TabularItem<T>] {
        &self.items
    }

    /// The columns that the features come from.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// How many features a row has.
    pub fn width(&self) -> usize {
        self.columns.iter().map(Column::width).sum()
    }

    /// A name a feature.
    pub fn feature_names(&self) -> Vec<String> {
        let names = self.columns.iter().map(Column::feature_names);
        names.flatten().collect()
    }

    /// Which features each column became.
    pub fn spans(&self) -> Vec<Range<usize>> {
        let ends = self.columns.iter().scan(0, |end, column| {
            let start = *end;
            *end += column.width();
            Some(start..*end)
        });
        ends.collect()
    }

    /// The rows at these places, in this order.
    ///
    /// # Panics
    ///
    /// When a place is beyond the last row.
    pub fn select(&self, places: &[usize]) -> Self {
        self.with_items(places.iter().map(|&at| self.items[at].clone()).collect())
    }

    /// What makes batches of these rows.
    pub fn batcher(&self) -> TableBatcher {
        TableBatcher {
            width: self.width(),
        }
    }

    /// Refuses rows of another width than the columns', and features that are not finite.
    pub(super) fn checked(self) -> Result<Self, DataError> {
        let width = self.width();
        for (record, item) in self.items.iter().enumerate() {
            let seen = item.features.len();
            if seen != width {
                let reason = format!("{seen} features, wanted {width}");
                return Err(DataError::record(NAME, record, reason));
            }
            if let Some(at) = item.features.iter().position(|value| !value.is_finite()) {
                let reason = format!(
                    "feature {at} is {}, wanted a finite value",
                    item.features[at]
                );
                return Err(DataError::record(NAME, record, reason));
            }
        }
        Ok(self)
    }

    /// The same columns with other rows.
    pub(super) fn with_items(&self, items: Vec<TabularItem<T>>) -> Self {
        Self {
            items,
            columns: self.columns.clone(),
            class_names: self.class_names.clone(),
        }
    }
}

impl<T: Clone + Send + Sync> Dataset<TabularItem<T>> for TabularDataset<T> {
    fn get(&self, index: usize) -> Result<TabularItem<T>, DatasetError> {
        Ok(self.items[index].clone())
    }

    fn len(&self) -> usize {
        self.items.len()
    }
}

/// Stacks rows to `[batch, features]`.
#[derive(Debug, Clone)]
pub struct TableBatcher {
    width: usize,
}

impl TableBatcher {
    /// # Panics
    ///
    /// When a row is not as wide as those of the data set that made this batcher.
    fn inputs<T>(&self, items: &[TabularItem<T>], device: &Device) -> Tensor<2> {
        let features = items.iter().flat_map(|item| &item.features);
        let features: Vec<f32> = features.copied().collect();
        Tensor::from_data(TensorData::new(features, [items.len(), self.width]), device)
    }
}

impl Batcher<TabularItem<usize>, ClassBatch<2>> for TableBatcher {
    fn batch(&self, items: Vec<TabularItem<usize>>, device: &Device) -> ClassBatch<2> {
        ClassBatch {
            inputs: self.inputs(&items, device),
            labels: batch::labels(items.iter().map(|item| item.target), device),
            rows: items.iter().map(|item| item.index).collect(),
        }
    }
}

impl Batcher<TabularItem<f32>, RealBatch> for TableBatcher {
    fn batch(&self, items: Vec<TabularItem<f32>>, device: &Device) -> RealBatch {
        let targets: Vec<f32> = items.iter().map(|item| item.target).collect();
        RealBatch {
            inputs: self.inputs(&items, device),
            targets: Tensor::from_data(TensorData::from(targets.as_slice()), device),
            rows: items.iter().map(|item| item.index).collect(),
        }
    }
}

const NAME: &str = "TabularDataset";

#[cfg(test)]
mod tests {
    use super::*;

    fn item<T>(features: &[f32], target: T) -> TabularItem<T> {
        TabularItem {
            features: features.to_vec(),
            target,
            index: 0,
        }
    }

    #[test]
    fn rows_that_do_not_fit_are_refused() {
        let columns = || vec![Column::numeric("a"), Column::numeric("b")];
        let classes = |item| TabularDataset::of_classes(vec![item], columns(), vec!["x".into()]);
        assert!(classes(item(&[1.0, 2.0], 0)).is_ok());
        assert!(classes(item(&[1.0, 2.0], 1)).is_err());
        assert!(classes(item(&[1.0], 0)).is_err());
        assert!(classes(item(&[1.0, f32::INFINITY], 0)).is_err());
        let values = |item| TabularDataset::of_values(vec![item], columns());
        assert!(values(item(&[1.0, 2.0], 0.5)).is_ok());
        let error = values(item(&[1.0, 2.0], f32::NAN)).unwrap_err().to_string();
        assert_eq!(
            error,
            "TabularDataset: record 0: the target is NaN, wanted a finite value"
        );
    }

    #[test]
    fn spans_follow_the_width_of_one_hot_columns() {
        let color = Column {
            name: "color".into(),
            coding: super::super::Coding::OneHot {
                levels: vec!["blue".into(), "red".into()],
            },
        };
        let columns = vec![Column::numeric("a"), color, Column::numeric("b")];
        let row = item(&[1.0, 0.0, 1.0, 2.0], 0.0);
        let dataset = TabularDataset::of_values(vec![row], columns).unwrap();
        assert_eq!(dataset.spans(), [0..1, 1..3, 3..4]);
        assert_eq!(
            dataset.feature_names(),
            ["a", "color=blue", "color=red", "b"]
        );
    }
}
