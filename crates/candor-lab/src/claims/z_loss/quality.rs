use burn::module::Module;
use burn::nn::loss::Reduction;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use candor_core::{ConfigError, DrawKey, host};
use candor_losses::spherical::{
    SphericalLoss, SphericalMse, SphericalSoftmaxLossConfig, TaylorSoftmaxLoss, ZLossConfig,
};
use rand::RngExt;
use rand_distr::StandardNormal;

use crate::claims::descent::Descent;

const FEATURES: usize = 16;
/// The seed of the centres, the same for all runs.
const CENTRES: u64 = 1234;
const NOISE: f64 = 0.22;
/// Class k has a share proportional to (k + 1)^-0.8.
const ZIPF: f64 = 0.8;
const RATE: f64 = 3e-3;
const BATCH: usize = 100;

/// A small network on many classes of unequal frequency, trained by each spherical loss.
///
/// Centres are unit vectors of N(0, I) in 16 dimensions, rows are `centre + 0.22 N(0, I)`. The network is
/// 16-128-64-classes with ReLU, trained by Adam; it predicts by the outputs, their squares or Taylor's polynomial.
#[derive(Debug, Clone)]
pub(super) struct Quality {
    classes: usize,
    train: usize,
    test: usize,
    epochs: usize,
}

impl Default for Quality {
    fn default() -> Self {
        Self {
            classes: 500,
            train: 8000,
            test: 4000,
            epochs: 6,
        }
    }
}

#[derive(Module, Debug)]
struct Network {
    first: Linear,
    second: Linear,
    output: Linear,
}

impl Network {
    fn forward(&self, rows: Tensor<2>) -> Tensor<2> {
        let hidden = activation::relu(self.first.forward(rows));
        let hidden = activation::relu(self.second.forward(hidden));
        self.output.forward(hidden)
    }
}

impl Quality {
    #[cfg(test)]
    pub(super) fn small() -> Self {
        Self {
            classes: 12,
            train: 200,
            test: 100,
            epochs: 1,
        }
    }

    /// Top-1 and top-10 accuracy of the Z-loss, each less the best of the three others.
    pub(super) fn gains(&self, seed: u64, device: &Device) -> Result<[f64; 2], ConfigError> {
        let centres = self.centres();
        let draw = |draw, count| self.draw(DrawKey::new(seed).draw(draw), &centres, count, device);
        let (train, test) = (draw(0, self.train), draw(1, self.test));
        let start = self.network(device);
        let accuracies = |loss: &dyn SphericalLoss, score: fn(Tensor<2>) -> Tensor<2>| {
            let steps_an_epoch = self.train / BATCH;
            let descent = Descent::adam(RATE, steps_an_epoch * self.epochs);
            let network = descent.run(start.clone(), |network, step| {
                // The rows are drawn in random order already.
                let (rows, labels) = train.batch(step % steps_an_epoch);
                loss.forward(network.forward(rows), labels, Reduction::Mean)
            });
            test.accuracies(score(network.forward(test.rows.clone())))
        };
        let z = accuracies(&ZLossConfig::new().init()?, |outputs| outputs);
        let others = [
            accuracies(&SphericalMse::new(), |outputs| outputs),
            accuracies(&SphericalSoftmaxLossConfig::new().init()?, |outputs| {
                outputs.square()
            }),
            accuracies(&TaylorSoftmaxLoss::new(), |outputs| {
                outputs.clone().square() * 0.5 + outputs + 1.0
            }),
        ];
        let best = |place: usize| others.iter().map(|of| of[place]).fold(0.0, f64::max);
        Ok([z[0] - best(0), z[1] - best(1)])
    }

    fn network(&self, device: &Device) -> Network {
        Network {
            first: LinearConfig::new(FEATURES, 128).init(device),
            second: LinearConfig::new(128, 64).init(device),
            output: LinearConfig::new(64, self.classes).init(device),
        }
    }

    fn centres(&self) -> Vec<[f64; FEATURES]> {
        let mut rng = DrawKey::new(CENTRES).rng();
        (0..self.classes)
            .map(|_| {
                let centre: [f64; FEATURES] = std::array::from_fn(|_| rng.sample(StandardNormal));
                let length = centre.iter().map(|entry| entry * entry).sum::<f64>().sqrt();
                centre.map(|entry| entry / length)
            })
            .collect()
    }

    fn draw(
        &self,
        key: DrawKey,
        centres: &[[f64; FEATURES]],
        count: usize,
        device: &Device,
    ) -> Rows {
        let mut rng = key.rng();
        let shares = (1..=self.classes).map(|rank| (rank as f64).powf(-ZIPF));
        let cumulated: Vec<f64> = shares
            .scan(0.0, |sum, share| {
                *sum += share;
                Some(*sum)
            })
            .collect();
        let total = cumulated.last().copied().unwrap_or(0.0);
        let (mut rows, mut labels) = (Vec::with_capacity(count * FEATURES), Vec::new());
        for _ in 0..count {
            let point = total * rng.random::<f64>();
            let label = cumulated.partition_point(|&sum| sum <= point);
            let noisy = |entry: &f64| entry + NOISE * rng.sample::<f64, _>(StandardNormal);
            rows.extend(centres[label].iter().map(noisy));
            labels.push(label as i64);
        }
        Rows {
            rows: Tensor::from_data(TensorData::new(rows, [count, FEATURES]), device),
            labels: Tensor::from_data(labels.as_slice(), device),
        }
    }
}

/// Labelled rows on the device.
struct Rows {
    rows: Tensor<2>,
    labels: Tensor<1, Int>,
}

impl Rows {
    fn batch(&self, number: usize) -> (Tensor<2>, Tensor<1, Int>) {
        let range = number * BATCH..(number + 1) * BATCH;
        (
            self.rows.clone().slice_dim(0, range.clone()),
            self.labels.clone().slice_dim(0, range),
        )
    }

    /// Shares of the rows whose label has the largest score, and one of the ten largest.
    fn accuracies(&self, scores: Tensor<2>) -> [f64; 2] {
        let labels = self.labels.clone().unsqueeze_dim(1);
        let of_labels = scores.clone().gather(1, labels);
        let above = scores.greater(of_labels).int().sum_dim(1);
        let above = host::ints(&above);
        [1, 10].map(|places| {
            let found = above.iter().filter(|&&above| above < places).count();
            found as f64 / above.len() as f64
        })
    }
}
