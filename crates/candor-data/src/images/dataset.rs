use burn::data::dataloader::batcher::Batcher;
use burn::data::dataset::{Dataset, DatasetError};
use burn::tensor::{Device, Tensor, TensorData};

use crate::DataError;
use crate::batch::{self, ClassBatch};

/// One labelled image.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageItem {
    /// Channel by channel, each row-major.
    pub pixels: Vec<f32>,
    /// The class, an index into the data set's class names.
    pub label: usize,
    /// The image's number in the data set it was read from; a split keeps it.
    pub index: usize,
}

/// Labelled images of one size, held in memory.
///
/// It is burn's [`Dataset`], so burn's loaders and [`EpochLoader`](crate::EpochLoader) take it.
///
/// ```
/// let digits = candor_data::embedded::digits()?;
/// assert_eq!((digits.items().len(), digits.shape()), (1797, [1, 8, 8]));
/// let zeros = digits.labels().iter().filter(|label| **label == 0).count();
/// assert_eq!(zeros, 178);
/// # Ok::<(), candor_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ImageDataset {
    items: Vec<ImageItem>,
    shape: [usize; 3],
    class_names: Vec<String>,
}

impl ImageDataset {
    /// A data set of images `shape = [channels, height, width]`.
    ///
    /// # Errors
    ///
    /// An image with another number of pixels, a pixel that is not finite, or a label without a class name.
    pub fn new(
        items: Vec<ImageItem>,
        shape: [usize; 3],
        class_names: Vec<String>,
    ) -> Result<Self, DataError> {
        let size: usize = shape.iter().product();
        for (record, item) in items.iter().enumerate() {
            let problem = |reason| Err(DataError::record("ImageDataset", record, reason));
            if item.pixels.len() != size {
                return problem(format!(
                    "{} pixels, wanted {size} for {shape:?}",
                    item.pixels.len()
                ));
            }
            if let Some(pixel) = item.pixels.iter().find(|pixel| !pixel.is_finite()) {
                return problem(format!("a pixel is {pixel}, wanted finite values"));
            }
            if item.label >= class_names.len() {
                let classes = class_names.len();
                return problem(format!("label {} of {classes} classes", item.label));
            }
        }
        Ok(Self {
            items,
            shape,
            class_names,
        })
    }

    /// The images in order.
    pub fn items(&self) -> &[ImageItem] {
        &self.items
    }

    /// Channels, height and width of every image.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// What the labels stand for.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// The class of every image.
    pub fn labels(&self) -> Vec<usize> {
        self.items.iter().map(|item| item.label).collect()
    }

    /// The images at these places, in this order.
    ///
    /// # Panics
    ///
    /// When a place is beyond the last image.
    pub fn select(&self, places: &[usize]) -> Self {
        Self {
            items: places.iter().map(|&at| self.items[at].clone()).collect(),
            shape: self.shape,
            class_names: self.class_names.clone(),
        }
    }

    /// What makes batches of these images.
    pub fn batcher(&self) -> ImageBatcher {
        ImageBatcher { shape: self.shape }
    }

    /// All images as one batch.
    pub fn batch(&self, device: &Device) -> ClassBatch<4> {
        self.batcher().batch(self.items.clone(), device)
    }
}

impl Dataset<ImageItem> for ImageDataset {
    fn get(&self, index: usize) -> Result<ImageItem, DatasetError> {
        Ok(self.items[index].clone())
    }

    fn len(&self) -> usize {
        self.items.len()
    }
}

/// Stacks images to `[batch, channels, height, width]`.
#[derive(Debug, Clone)]
pub struct ImageBatcher {
    shape: [usize; 3],
}

impl Batcher<ImageItem, ClassBatch<4>> for ImageBatcher {
    /// # Panics
    ///
    /// When an image is not of the size of the data set that made this batcher.
    fn batch(&self, items: Vec<ImageItem>, device: &Device) -> ClassBatch<4> {
        let [channels, height, width] = self.shape;
        let shape = [items.len(), channels, height, width];
        let labels = batch::labels(items.iter().map(|item| item.label), device);
        let rows = items.iter().map(|item| item.index).collect();
        let pixels: Vec<f32> = items.into_iter().flat_map(|item| item.pixels).collect();
        ClassBatch {
            inputs: Tensor::from_data(TensorData::new(pixels, shape), device),
            labels,
            rows,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(pixels: Vec<f32>, label: usize) -> ImageItem {
        ImageItem {
            pixels,
            label,
            index: 0,
        }
    }

    #[test]
    fn images_that_do_not_fit_are_refused() {
        let names = || vec!["a".to_owned(), "b".to_owned()];
        let build = |item| ImageDataset::new(vec![item], [1, 1, 2], names());
        assert!(build(item(vec![0.0, 1.0], 1)).is_ok());
        assert!(build(item(vec![0.0], 1)).is_err());
        assert!(build(item(vec![0.0, f32::NAN], 1)).is_err());
        let error = build(item(vec![0.0, 1.0], 2)).unwrap_err().to_string();
        assert_eq!(error, "ImageDataset: record 0: label 2 of 2 classes");
    }

    #[test]
    fn a_batch_keeps_order_labels_and_row_numbers() {
        let mut items = vec![item(vec![0.0, 1.0], 1), item(vec![2.0, 3.0], 0)];
        items[1].index = 7;
        let dataset = ImageDataset::new(items, [1, 1, 2], vec!["a".into(), "b".into()]).unwrap();
        let batch = dataset.batch(&Device::flex());
        assert_eq!(batch.inputs.dims(), [2, 1, 1, 2]);
        assert_eq!(
            candor_core::host::floats(&batch.inputs),
            [0.0, 1.0, 2.0, 3.0]
        );
        assert_eq!(candor_core::host::ints(&batch.labels), [1, 0]);
        assert_eq!(batch.rows, [0, 7]);
    }
}
