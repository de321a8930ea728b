use std::hint::black_box;
use std::time::Instant;

use burn::nn::loss::Reduction;
use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use candor_core::{DrawKey, host};
use candor_losses::spherical::{SphericalOutputLayerConfig, ZLossConfig};
use rand::RngExt;
use rand_distr::StandardNormal;

use crate::run::RunError;

const WIDTH: usize = 128;
const BATCH: usize = 128;
const RATE: f64 = 0.01;
const DEVIATION: f64 = 0.05;

/// One dense log-softmax step of gradient descent against one factored Z-loss step.
///
/// Hidden states are relu(N(0, 1)), weights N(0, 0.05²), targets uniform. The dense step is written out: outputs, softmax,
/// gradient of the hidden states, update of the weight.
#[derive(Debug, Clone)]
pub(super) struct Speed {
    /// Few and many classes.
    classes: [usize; 2],
    dense_steps: usize,
    factored_steps: usize,
}

impl Default for Speed {
    fn default() -> Self {
        Self {
            classes: [10_000, 100_000],
            dense_steps: 4,
            factored_steps: 100,
        }
    }
}

/// Median seconds of a step, at few and at many classes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) dense: [f64; 2],
    pub(super) factored: [f64; 2],
}

impl Speed {
    #[cfg(test)]
    pub(super) fn small() -> Self {
        Self {
            classes: [200, 400],
            dense_steps: 1,
            factored_steps: 1,
        }
    }

    pub(super) fn times(&self, seed: u64, device: &Device) -> Result<Times, RunError> {
        let mut times = Times {
            dense: [0.0; 2],
            factored: [0.0; 2],
        };
        for (size, &classes) in self.classes.iter().enumerate() {
            let batch = HiddenBatch::new(DrawKey::new(seed).row(size as u64), classes, device);
            let key = DrawKey::new(seed).row(size as u64).draw(1);
            let config = SphericalOutputLayerConfig::new(RATE).with_initial_deviation(DEVIATION);
            let mut layer = config.init(ZLossConfig::new().init()?, classes, WIDTH, key)?;
            let mut weight = layer.weight(&batch.hidden);
            times.dense[size] = median(self.dense_steps, || {
                weight = batch.dense_step(weight.clone());
                Ok(())
            })?;
            times.factored[size] = median(self.factored_steps, || {
                let (hidden, labels) = (batch.hidden.clone(), batch.labels.clone());
                black_box(layer.step(hidden, labels, Reduction::Mean)?);
                Ok(())
            })?;
        }
        Ok(times)
    }
}

/// A batch whose every step is the same work.
struct HiddenBatch {
    hidden: Tensor<2>,
    labels: Tensor<1, Int>,
    /// One-hot labels by their place among the outputs would be as large as these: the labels' own places are enough.
    places: Tensor<2, Int>,
}

impl HiddenBatch {
    fn new(key: DrawKey, classes: usize, device: &Device) -> Self {
        let mut rng = key.rng();
        let mut relu = || rng.sample::<f64, _>(StandardNormal).max(0.0);
        let hidden: Vec<f64> = (0..BATCH * WIDTH).map(|_| relu()).collect();
        let labels: Vec<i64> = (0..BATCH)
            .map(|_| rng.random_range(0..classes as i64))
            .collect();
        let labels = Tensor::<1, Int>::from_data(labels.as_slice(), device);
        Self {
            hidden: Tensor::from_data(TensorData::new(hidden, [BATCH, WIDTH]), device),
            places: labels.clone().unsqueeze_dim(1),
            labels,
        }
    }

    /// The weight after a step of the log-softmax; the gradient of the hidden states is read, as a network below would.
    fn dense_step(&self, weight: Tensor<2>) -> Tensor<2> {
        let outputs = self.hidden.clone().matmul(weight.clone().transpose());
        let minus_one = Tensor::full([BATCH, 1], -1.0, &self.hidden.device());
        let slopes = activation::softmax(outputs, 1).scatter(
            1,
            self.places.clone(),
            minus_one,
            burn::tensor::IndexingUpdateOp::Add,
        );
        let slopes = slopes * (BATCH as f64).recip();
        let of_hidden = slopes.clone().matmul(weight.clone());
        let weight = weight - slopes.transpose().matmul(self.hidden.clone()) * RATE;
        // What is lazy elsewhere must be done when the clock stops.
        black_box(host::floats(&of_hidden));
        black_box(host::floats(&weight.clone().slice_dim(0, 0..1)));
        weight
    }
}

/// The median time of a step, after one that warms up.
fn median(steps: usize, mut step: impl FnMut() -> Result<(), RunError>) -> Result<f64, RunError> {
    step()?;
    let mut seconds = Vec::with_capacity(steps);
    for _ in 0..steps {
        let start = Instant::now();
        step()?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    Ok(seconds.get(steps / 2).copied().unwrap_or(f64::NAN))
}
