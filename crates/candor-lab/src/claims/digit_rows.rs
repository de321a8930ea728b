use burn::tensor::{Device, Int, Tensor, TensorData};
use candor_core::{DrawKey, InputError};
use candor_data::embedded;
use candor_metrics::forgetting;
use candor_models::Mlp;
use rand::seq::SliceRandom;

use crate::run::RunError;

/// Pixels of a digit.
pub(super) const PIXELS: usize = 64;
/// Kinds of digits.
pub(super) const CLASSES: usize = 10;

/// Draws of a seed. A model takes draws 0 and 1 for its weights, so that 2 is the first that is free.
const SPLIT_DRAW: u64 = 2;
const BATCH_DRAW: u64 = 3;

/// Some of the embedded digits as vectors of pixels in [0, 1], on a device.
#[derive(Debug, Clone)]
pub(super) struct DigitRows {
    /// `[rows, 64]`.
    pub(super) inputs: Tensor<2>,
    /// `[rows]`.
    pub(super) labels: Tensor<1, Int>,
}

impl DigitRows {
    /// All digits in a seed's order: the first `train` of them, and the rest to test on.
    pub(super) fn split(train: usize, seed: u64, device: &Device) -> Result<[Self; 2], RunError> {
        let digits = embedded::digits()?;
        let order = shuffled(digits.items().len(), DrawKey::new(seed).draw(SPLIT_DRAW));
        let batch = digits.select(&order).batch(device);
        let all = Self {
            inputs: batch.inputs.reshape([order.len(), PIXELS]),
            labels: batch.labels,
        };
        Ok([all.slice(0, train), all.slice(train, order.len())])
    }

    pub(super) fn len(&self) -> usize {
        self.labels.dims()[0]
    }

    /// The rows from `start` up to `end`.
    pub(super) fn slice(&self, start: usize, end: usize) -> Self {
        Self {
            inputs: self.inputs.clone().slice_dim(0, start..end),
            labels: self.labels.clone().slice_dim(0, start..end),
        }
    }

    /// The rows at these places.
    pub(super) fn select(&self, places: &Tensor<1, Int>) -> Self {
        Self {
            inputs: self.inputs.clone().select(0, places.clone()),
            labels: self.labels.clone().select(0, places.clone()),
        }
    }

    /// The places of a training step's batch: each epoch goes through the rows in an order of its own and leaves out
    /// what does not fill a batch.
    pub(super) fn batch(&self, size: usize, step: usize, seed: u64) -> Tensor<1, Int> {
        let per_epoch = (self.len() / size).max(1);
        let epoch = (step / per_epoch) as u64;
        let order = shuffled(self.len(), DrawKey::new(seed).row(epoch).draw(BATCH_DRAW));
        let places = order.into_iter().skip(step % per_epoch * size).take(size);
        let places: Vec<i64> = places.map(|place| place as i64).collect();
        let count = places.len();
        Tensor::from_data(TensorData::new(places, [count]), &self.labels.device())
    }

    /// Share of rows that a model classifies right.
    pub(super) fn accuracy(&self, model: &Mlp) -> Result<f64, InputError> {
        forgetting::accuracy(&model.logits(self.inputs.clone()), &self.labels)
    }
}

fn shuffled(count: usize, key: DrawKey) -> Vec<usize> {
    let mut places: Vec<usize> = (0..count).collect();
    places.shuffle(&mut key.rng());
    places
}

#[cfg(test)]
mod tests {
    use candor_core::host;

    use super::*;

    #[test]
    fn an_epoch_sees_every_row_once() {
        let [train, test] = DigitRows::split(1200, 3, &Device::flex()).unwrap();
        assert_eq!((train.len(), test.len()), (1200, 597));
        let mut seen: Vec<i64> = (0..12)
            .flat_map(|step| host::ints(&train.batch(100, step, 3)))
            .collect();
        assert_ne!(host::ints(&train.batch(100, 12, 3)), seen[..100]);
        seen.sort_unstable();
        assert_eq!(seen, (0..1200).collect::<Vec<i64>>());
    }
}
