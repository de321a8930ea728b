use burn::module::Initializer;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use candor_core::numerics::softplus;
use candor_core::{ConfigError, DrawKey};
use candor_losses::classification::{AnyLossConfig, ConfusionMetric};
use rand::RngExt;
use rand_distr::StandardNormal;

use super::descent::Descent;
use super::{Bound, Claim, ClaimContext, Finding};
use crate::run::RunError;

/// Features of a row.
const FEATURES: usize = 8;
/// Share of positives: few enough that likelihood and F1 want different models.
const POSITIVES: f64 = 0.05;
/// How far the positives' mean lies from the negatives', along a random direction.
const SHIFT: f64 = 2.0;
/// Step of the authors' gradient descent.
const RATE: f64 = 0.1;
/// What the sheet asks of F1; it saw 0.529 against 0.372 of cross-entropy.
const F1_MARGIN: f64 = 0.07;
/// What the sheet asks of balanced accuracy; it saw 0.822 against 0.618 of cross-entropy.
const BALANCED_ACCURACY_MARGIN: f64 = 0.12;

/// AnyLoss: on imbalanced data, a metric's own loss beats cross-entropy on that metric.
///
/// Seed s = 0, 1, ...: `u` a random direction of 8 dimensions, `y` one in 5 % of 2000 rows, `x = 2 y u + N(0, I)`; the
/// first half trains a linear model from zero by 1000 steps of full-batch gradient descent, the second half tests it at
/// p > 1/2. The losses are binary cross-entropy and AnyLoss (L = 73) of F1 and of balanced accuracy.
///
/// The sheet's trial was in `f64`; this runs in the device's `f32`, where AnyLoss documents what L = 73 means.
#[derive(Debug, Clone)]
pub struct AnyLossClaim {
    /// Rows, half of them to train on.
    pub rows: usize,
    /// Steps of gradient descent.
    pub steps: usize,
}

impl Default for AnyLossClaim {
    fn default() -> Self {
        Self {
            rows: 2000,
            steps: 1000,
        }
    }
}

impl Claim for AnyLossClaim {
    fn paper(&self) -> &'static str {
        "anyloss"
    }

    fn statement(&self) -> &'static str {
        "On imbalanced data, training a metric's own AnyLoss beats cross-entropy on that metric."
    }

    fn run(&self, context: &ClaimContext) -> Result<Vec<Finding>, RunError> {
        let gains = |metric| -> Result<Vec<f64>, RunError> {
            let seeds = 0..context.seeds as u64;
            Ok(seeds
                .map(|seed| self.gain(metric, seed, &context.device))
                .collect::<Result<_, _>>()?)
        };
        Ok(vec![
            Finding::mean(
                "test F1: AnyLoss of F1 less cross-entropy",
                gains(ConfusionMetric::F1)?,
                Bound::AtLeast(F1_MARGIN),
            ),
            Finding::mean(
                "test balanced accuracy: AnyLoss of it less cross-entropy",
                gains(ConfusionMetric::BalancedAccuracy)?,
                Bound::AtLeast(BALANCED_ACCURACY_MARGIN),
            ),
        ])
    }
}

impl AnyLossClaim {
    /// By how much the metric's own loss beats cross-entropy on the test rows.
    fn gain(
        &self,
        metric: ConfusionMetric,
        seed: u64,
        device: &Device,
    ) -> Result<f64, ConfigError> {
        let [train, test] = self.draw(seed, device);
        let own = AnyLossConfig::new().with_metric(metric).init()?;
        let trained = |loss: &dyn Fn(Tensor<1>, Tensor<1, Int>) -> Tensor<1>| {
            Descent::gradient(RATE, self.steps).run(zero_model(device), |model, _| {
                loss(train.logits(model), train.labels.clone())
            })
        };
        let by_likelihood = trained(&binary_cross_entropy);
        let by_metric = trained(&|logits, labels| own.forward_logits(logits, labels));
        Ok(test.score(metric, &by_metric)? - test.score(metric, &by_likelihood)?)
    }

    /// The two halves of a seed's rows.
    fn draw(&self, seed: u64, device: &Device) -> [Rows; 2] {
        let mut rng = DrawKey::new(seed).rng();
        let mut normal =
            |count| -> Vec<f64> { (0..count).map(|_| rng.sample(StandardNormal)).collect() };
        let direction = normal(FEATURES);
        let noise = normal(self.rows * FEATURES);
        let length = direction
            .iter()
            .map(|entry| entry * entry)
            .sum::<f64>()
            .sqrt();
        let labels: Vec<bool> = (0..self.rows).map(|_| rng.random_bool(POSITIVES)).collect();
        let features: Vec<f64> = noise
            .chunks(FEATURES)
            .zip(&labels)
            .flat_map(|(noise, &label)| {
                let shift = if label { SHIFT / length } else { 0.0 };
                noise
                    .iter()
                    .zip(&direction)
                    .map(move |(noise, entry)| noise + shift * entry)
            })
            .collect();
        let middle = self.rows / 2;
        [
            Rows::new(&features[..middle * FEATURES], &labels[..middle], device),
            Rows::new(&features[middle * FEATURES..], &labels[middle..], device),
        ]
    }
}

/// A linear model whose every probability is 1/2, where AnyLoss has its gradient.
fn zero_model(device: &Device) -> Linear {
    LinearConfig::new(FEATURES, 1)
        .with_initializer(Initializer::Zeros)
        .init(device)
}

fn binary_cross_entropy(logits: Tensor<1>, labels: Tensor<1, Int>) -> Tensor<1> {
    (softplus(logits.clone()) - logits * labels.float()).mean()
}

/// Labelled rows on the device.
struct Rows {
    features: Tensor<2>,
    labels: Tensor<1, Int>,
}

impl Rows {
    fn new(features: &[f64], labels: &[bool], device: &Device) -> Self {
        let labels: Vec<i64> = labels.iter().map(|&label| i64::from(label)).collect();
        let shape = [labels.len(), FEATURES];
        Self {
            features: Tensor::from_data(TensorData::new(features.to_vec(), shape), device),
            labels: Tensor::from_data(labels.as_slice(), device),
        }
    }

    fn logits(&self, model: &Linear) -> Tensor<1> {
        model.forward(self.features.clone()).squeeze_dim(1)
    }

    /// The metric of the hard decisions p > 1/2.
    fn score(&self, metric: ConfusionMetric, model: &Linear) -> Result<f64, ConfigError> {
        let decisions = activation::sigmoid(self.logits(model))
            .greater_scalar(0.5)
            .float();
        // Without amplification, on decisions of 0 and 1, the loss is one less the metric itself.
        let loss = AnyLossConfig::new()
            .with_metric(metric)
            .raw()?
            .forward(decisions, self.labels.clone());
        Ok(1.0 - loss.into_scalar::<f64>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_finds_half_of_the_positives_has_its_balanced_accuracy() {
        let device = Device::flex();
        let mut features = vec![0.0; 4 * FEATURES];
        (features[0], features[FEATURES]) = (1.0, -1.0); // the positives, one on each side
        let rows = Rows::new(&features, &[true, true, false, false], &device);
        let model = LinearConfig::new(FEATURES, 1)
            .with_initializer(Initializer::Ones)
            .with_bias(false);
        let score = rows
            .score(ConfusionMetric::BalancedAccuracy, &model.init(&device))
            .unwrap();
        assert!((score - 0.75).abs() < 1e-6);
    }

    #[test]
    fn a_small_run_has_both_parts() {
        let small = AnyLossClaim {
            rows: 400,
            steps: 100,
        };
        let findings = small.run(&ClaimContext::quiet(1)).unwrap();
        assert_eq!(findings.len(), 2);
        assert!(findings.iter().all(|finding| finding.value().is_finite()));
    }
}
