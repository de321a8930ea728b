//! How much a linear model makes of embeddings with few labels.

use burn::module::Initializer;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Int, Tensor};
use candor_core::numerics::label_log_probs;
use candor_core::{InputError, host};
use candor_metrics::forgetting;

use super::super::descent::Descent;
use super::super::digit_rows::CLASSES;

/// Labelled embeddings of each class.
const LABELS: usize = 10;
/// Inverse strength of the penalty on the weights, as scikit-learn counts it.
const C: f64 = 10.0;
/// Enough steps of Adam for a convex loss of 100 rows to stand still.
const STEPS: usize = 400;
const RATE: f64 = 0.1;

/// Share of the second embeddings that a logistic regression, fitted to ten of the first a class, classifies right.
pub(super) fn accuracy(
    [train, test]: [&Tensor<2>; 2],
    [train_labels, test_labels]: [&Tensor<1, Int>; 2],
) -> Result<f64, InputError> {
    let places = first_of_each_class(&host::ints(train_labels));
    let count = places.len() as f64;
    let places = Tensor::<1, Int>::from_data(places.as_slice(), &train.device());
    let rows = train.clone().select(0, places.clone());
    let labels = train_labels.clone().select(0, places);
    let [_, width] = train.dims();
    let start: Linear = LinearConfig::new(width, CLASSES)
        .with_initializer(Initializer::Zeros)
        .init(&train.device());
    let model = Descent::adam(RATE, STEPS).run(start, |model, _| {
        let fit = -label_log_probs(model.forward(rows.clone()), labels.clone()).mean();
        fit + model.weight.val().square().sum() * (0.5 / (C * count))
    });
    forgetting::accuracy(&model.forward(test.clone()), test_labels)
}

/// The places of the first ten rows of each class.
fn first_of_each_class(labels: &[i64]) -> Vec<i64> {
    let of_class = |class: i64| {
        let places = labels.iter().enumerate();
        places
            .filter(move |(_, label)| **label == class)
            .map(|(place, _)| place as i64)
            .take(LABELS)
    };
    (0..CLASSES as i64).flat_map(of_class).collect()
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn classes_that_lie_apart_are_told_apart() {
        let device = Device::flex();
        let labels = Tensor::<1, Int>::arange(0..200, &device).remainder_scalar(CLASSES as i64);
        let rows: Tensor<2> = labels.clone().one_hot(CLASSES).float();
        let share = accuracy([&rows, &rows], [&labels, &labels]).unwrap();
        assert!((share - 1.0).abs() < 1e-12);
        assert_eq!(first_of_each_class(&host::ints(&labels)).len(), 100);
    }
}
