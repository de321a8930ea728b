use burn::tensor::{Device, Int, Tensor, TensorData};
use candor_core::{DrawKey, InputError, check_shape};
use rand::RngExt;
use rand_distr::StandardNormal;

const NAME: &str = "FeatureQueue";

/// The momentum features of the last so many examples, overwritten in turn.
///
/// Keep one of images and one of texts, pushed to in every step with the same identities. Features get no gradient.
///
/// # Edge cases
///
/// Places not yet written hold random unit vectors and the identity [`EMPTY`](Self::EMPTY), which matches nobody: keep real
/// identities at 0 and above. A batch may wrap around the end.
///
/// # Source
///
/// He et al.: Momentum Contrast, 2019, arXiv 1911.05722.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::{DrawKey, host};
/// use candor_losses::multimodal::FeatureQueue;
///
/// let device = Device::flex();
/// let queue = FeatureQueue::empty(3, 2, DrawKey::new(0), &device);
/// let queue = queue.push(Tensor::ones([2, 2], &device), Tensor::from_data([5, 6], &device))?;
/// assert_eq!((queue.pointer(), host::ints(&queue.ids())), (2, vec![5, 6, -100]));
/// # Ok::<(), candor_core::InputError>(())
/// ```
#[derive(Debug, Clone)]
pub struct FeatureQueue {
    features: Tensor<2>,
    ids: Tensor<1, Int>,
    pointer: usize,
}

impl FeatureQueue {
    /// The identity of a place that nothing was written to.
    pub const EMPTY: i64 = -100;

    /// A queue of random unit vectors without identity; published sizes are 65536 places of width 256.
    pub fn empty(size: usize, width: usize, key: DrawKey, device: &Device) -> Self {
        let mut rng = key.rng();
        let mut features: Vec<f64> = (0..size * width)
            .map(|_| rng.sample(StandardNormal))
            .collect();
        for row in features.chunks_mut(width.max(1)) {
            let norm = row.iter().map(|entry| entry * entry).sum::<f64>().sqrt();
            for entry in row {
                *entry /= norm.max(f64::MIN_POSITIVE);
            }
        }
        Self {
            features: Tensor::from_data(TensorData::new(features, [size, width]), device),
            ids: Tensor::full([size], Self::EMPTY, device),
            pointer: 0,
        }
    }

    /// A queue as it was saved.
    ///
    /// # Errors
    ///
    /// Not one identity a feature, no place, or a pointer beyond the places.
    pub fn restore(
        features: Tensor<2>,
        ids: Tensor<1, Int>,
        pointer: usize,
    ) -> Result<Self, InputError> {
        let [size, _] = features.dims();
        InputError::check_not_empty(NAME, "features", size)?;
        InputError::check_dims(NAME, "ids", &ids.dims(), &[size])?;
        InputError::check_labels(NAME, "pointer", &[pointer as i64], size)?;
        Ok(Self {
            features: features.without_autodiff(),
            ids,
            pointer,
        })
    }

    /// Writes a batch at the pointer, over the oldest entries.
    ///
    /// # Shapes
    ///
    /// - features: `[batch, width]`
    /// - ids: `[batch]`
    ///
    /// # Errors
    ///
    /// A batch larger than the queue.
    ///
    /// # Panics
    ///
    /// When the width is another, or there is not one identity a feature.
    pub fn push(self, features: Tensor<2>, ids: Tensor<1, Int>) -> Result<Self, InputError> {
        let [size, width] = self.features.dims();
        let [batch, _] = features.dims();
        check_shape!(NAME, features, [_, width]);
        check_shape!(NAME, ids, [batch]);
        if batch > size {
            return Err(InputError::Shape {
                component: NAME,
                argument: "features",
                seen: vec![batch, width],
                wanted: vec![size, width],
            });
        }
        let features = features.without_autodiff().cast(self.features.dtype());
        let before_end = batch.min(size - self.pointer);
        let pieces = [(self.pointer, 0..before_end), (0, before_end..batch)];
        let start = (self.features, self.ids);
        let (features, ids) = pieces
            .into_iter()
            .filter(|(_, rows)| !rows.is_empty())
            .fold(start, |(queue, queue_ids), (place, rows)| {
                let places = place..place + rows.len();
                (
                    queue.slice_assign(
                        [places.clone(), 0..width],
                        features.clone().slice_dim(0, rows.clone()),
                    ),
                    queue_ids.slice_assign([places], ids.clone().slice_dim(0, rows)),
                )
            });
        Ok(Self {
            features,
            ids,
            pointer: (self.pointer + batch) % size,
        })
    }

    /// The features, `[size, width]`.
    pub fn features(&self) -> Tensor<2> {
        self.features.clone()
    }

    /// The identities, `[size]`.
    pub fn ids(&self) -> Tensor<1, Int> {
        self.ids.clone()
    }

    /// Where the next batch goes.
    pub const fn pointer(&self) -> usize {
        self.pointer
    }
}
