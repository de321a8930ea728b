use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use candor_core::{InputError, host};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a table of class means cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ClassMeansError {
    /// Classes without an example: their direction would be NaN.
    #[error("ClassMeans: no example of the classes {classes:?}, add some or renumber the labels")]
    EmptyClasses {
        /// The classes.
        classes: Vec<usize>,
    },
    /// A mean without direction: zero, or with an entry that is not finite.
    #[error("ClassMeans: the mean of class {class} has no direction, its norm is {norm}")]
    NoDirection {
        /// The first such class.
        class: usize,
        /// Its norm, as text.
        norm: String,
    },
    /// Entries that do not fill `classes` rows of `width`, or as many counts.
    #[error("ClassMeans: {entries} entries are not {classes} rows of {width}")]
    Ragged {
        /// How many entries there are.
        entries: usize,
        /// The number of classes.
        classes: usize,
        /// The width of a row.
        width: usize,
    },
}

/// Mean feature of each class, of a teacher in evaluation mode over its training set.
///
/// Kept on the host in `f64`, so that it can be saved with `serde` beside a checkpoint; every row has a direction.
/// `source` says which teacher and data it came from: the means of another teacher of the same width fit without
/// an error and teach nonsense.
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_distill::features::ClassMeansBuilder;
///
/// let device = Device::flex();
/// let mut builder = ClassMeansBuilder::new(2, 2);
/// let features = Tensor::from_floats([[1.0, 0.0], [3.0, 0.0], [0.0, 5.0]], &device);
/// builder.update(&features, &Tensor::<1, Int>::from_data([0, 0, 1], &device)).unwrap();
/// assert_eq!(builder.finish("resnet56, cifar100 train").unwrap().row(0), [2.0, 0.0]);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked", into = "Unchecked")]
pub struct ClassMeans {
    means: Vec<f64>,
    width: usize,
    counts: Option<Vec<u64>>,
    source: String,
}

impl ClassMeans {
    /// Takes a table `[classes, width]` computed elsewhere; the counts stay unknown.
    ///
    /// # Errors
    ///
    /// A row without direction: zero, or with an entry that is not finite.
    pub fn from_tensor(
        means: &Tensor<2>,
        source: impl Into<String>,
    ) -> Result<Self, ClassMeansError> {
        Unchecked {
            classes: means.dims()[0],
            width: means.dims()[1],
            means: host::floats(means),
            counts: None,
            source: source.into(),
        }
        .try_into()
    }

    /// The means, `[classes, width]` in `f32`.
    pub fn tensor(&self, device: &Device) -> Tensor<2> {
        self.place(self.means.clone(), device)
    }

    /// The means divided by their norms, `[classes, width]` in `f32`.
    pub fn directions(&self, device: &Device) -> Tensor<2> {
        let unit = |row: &[f64]| {
            let norm = norm(row);
            row.iter().map(|entry| entry / norm).collect::<Vec<_>>()
        };
        self.place(
            self.means.chunks(self.width).flat_map(unit).collect(),
            device,
        )
    }

    /// The mean of one class; empty where there is no such class.
    pub fn row(&self, class: usize) -> &[f64] {
        self.means.chunks(self.width).nth(class).unwrap_or_default()
    }

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        self.means.len() / self.width
    }

    /// How wide the features are.
    pub fn width(&self) -> usize {
        self.width
    }

    /// How many examples each mean is of, where that is known.
    pub fn counts(&self) -> Option<&[u64]> {
        self.counts.as_deref()
    }

    /// Which teacher and data the means came from.
    pub fn source(&self) -> &str {
        &self.source
    }

    fn place(&self, values: Vec<f64>, device: &Device) -> Tensor<2> {
        let data = TensorData::new(values, [self.classes(), self.width]);
        Tensor::from_data(data, (&device.clone().without_autodiff(), DType::F32))
    }
}

/// Collects [`ClassMeans`] batch by batch, in `f64` on the host; memory is that of the table.
#[derive(Debug, Clone)]
pub struct ClassMeansBuilder {
    sums: Vec<f64>,
    counts: Vec<u64>,
    width: usize,
}

impl ClassMeansBuilder {
    /// An empty table.
    pub fn new(classes: usize, width: usize) -> Self {
        Self {
            sums: vec![0.0; classes * width],
            counts: vec![0; classes],
            width,
        }
    }

    /// Adds the teacher's features `[batch, width]` of a batch with its labels `[batch]`.
    ///
    /// # Errors
    ///
    /// Shapes that do not fit, a label outside the classes, a feature that is not finite; the table is then unchanged.
    pub fn update(
        &mut self,
        features: &Tensor<2>,
        labels: &Tensor<1, Int>,
    ) -> Result<(), InputError> {
        const NAME: &str = "ClassMeansBuilder";
        let wanted = [labels.dims()[0], self.width];
        InputError::check_dims(NAME, "features", &features.dims(), &wanted)?;
        let (values, labels) = (host::floats(features), host::ints(labels));
        InputError::check_labels(NAME, "labels", &labels, self.counts.len())?;
        InputError::check_finite(NAME, "features", &values)?;
        for (row, &label) in values.chunks(self.width.max(1)).zip(&labels) {
            let class = label as usize; // just checked
            self.counts[class] += 1;
            let sums = &mut self.sums[class * self.width..(class + 1) * self.width];
            sums.iter_mut()
                .zip(row)
                .for_each(|(sum, value)| *sum += value);
        }
        Ok(())
    }

    /// The means of what was added.
    ///
    /// # Errors
    ///
    /// Classes without an example, or whose features cancel to a mean without direction.
    pub fn finish(self, source: impl Into<String>) -> Result<ClassMeans, ClassMeansError> {
        let classes: Vec<usize> = (0..self.counts.len())
            .filter(|&class| self.counts[class] == 0)
            .collect();
        if !classes.is_empty() {
            return Err(ClassMeansError::EmptyClasses { classes });
        }
        let means = self.sums.chunks(self.width.max(1)).zip(&self.counts);
        Unchecked {
            means: means
                .flat_map(|(row, &count)| row.iter().map(move |sum| sum / count as f64))
                .collect(),
            classes: self.counts.len(),
            width: self.width,
            counts: Some(self.counts),
            source: source.into(),
        }
        .try_into()
    }
}

/// A table as it is written and read, before its rows are looked at.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Unchecked {
    means: Vec<f64>,
    classes: usize,
    width: usize,
    counts: Option<Vec<u64>>,
    source: String,
}

impl TryFrom<Unchecked> for ClassMeans {
    type Error = ClassMeansError;

    fn try_from(table: Unchecked) -> Result<Self, ClassMeansError> {
        let (classes, width) = (table.classes, table.width);
        let counted = table
            .counts
            .as_ref()
            .is_none_or(|counts| counts.len() == classes);
        if width == 0 || classes.checked_mul(width) != Some(table.means.len()) || !counted {
            let entries = table.means.len();
            return Err(ClassMeansError::Ragged {
                entries,
                classes,
                width,
            });
        }
        let directed = |norm: f64| norm.is_finite() && norm > 0.0;
        let mut norms = table.means.chunks(width).map(norm).enumerate();
        if let Some((class, norm)) = norms.find(|&(_, norm)| !directed(norm)) {
            let norm = norm.to_string();
            return Err(ClassMeansError::NoDirection { class, norm });
        }
        Ok(Self {
            means: table.means,
            width,
            counts: table.counts,
            source: table.source,
        })
    }
}

impl From<ClassMeans> for Unchecked {
    fn from(means: ClassMeans) -> Self {
        Self {
            classes: means.classes(),
            means: means.means,
            width: means.width,
            counts: means.counts,
            source: means.source,
        }
    }
}

fn norm(row: &[f64]) -> f64 {
    row.iter().map(|entry| entry * entry).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(features: &[f32], width: usize, labels: &[i64]) -> (Tensor<2>, Tensor<1, Int>) {
        let device = Device::flex();
        let rows = labels.len();
        (
            Tensor::<1>::from_data(features, &device).reshape([rows, width]),
            Tensor::from_data(labels, &device),
        )
    }

    fn built() -> ClassMeans {
        let mut builder = ClassMeansBuilder::new(2, 2);
        let (features, labels) = batch(&[3.0, 4.0, 0.0, 2.0], 2, &[0, 1]);
        builder.update(&features, &labels).unwrap();
        builder.finish("test").unwrap()
    }

    #[test]
    fn directions_have_length_one() {
        let directions = host::floats(&built().directions(&Device::flex()));
        for (seen, wanted) in directions.into_iter().zip([0.6, 0.8, 0.0, 1.0]) {
            assert!((seen - wanted).abs() < 1e-7);
        }
    }

    #[test]
    fn the_table_survives_json_and_a_spoiled_one_is_refused() {
        let text = serde_json::to_string(&built()).unwrap();
        assert_eq!(serde_json::from_str::<ClassMeans>(&text).unwrap(), built());
        let spoiled = text.replace("3.0", "0.0").replace("4.0", "0.0");
        assert!(serde_json::from_str::<ClassMeans>(&spoiled).is_err());
        assert!(
            serde_json::from_str::<ClassMeans>(&text.replace("\"width\":2", "\"width\":3"))
                .is_err()
        );
    }

    #[test]
    fn empty_classes_are_listed() {
        let mut builder = ClassMeansBuilder::new(4, 1);
        let (features, labels) = batch(&[1.0], 1, &[2]);
        builder.update(&features, &labels).unwrap();
        let error = builder.finish("test").unwrap_err();
        assert_eq!(
            error,
            ClassMeansError::EmptyClasses {
                classes: vec![0, 1, 3]
            }
        );
    }

    #[test]
    fn a_bad_batch_leaves_the_table_as_it_was() {
        let mut builder = ClassMeansBuilder::new(1, 1);
        let (good, labels) = batch(&[5.0], 1, &[0]);
        builder.update(&good, &labels).unwrap();
        for (features, width, label) in [
            (vec![f32::NAN], 1, 0),
            (vec![1.0], 1, 1),
            (vec![1.0, 2.0], 2, 0),
        ] {
            let (features, labels) = batch(&features, width, &[label]);
            assert!(builder.update(&features, &labels).is_err());
        }
        assert_eq!(builder.finish("test").unwrap().row(0), [5.0]);
    }
}
