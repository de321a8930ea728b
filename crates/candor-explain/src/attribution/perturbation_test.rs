use burn::config::Config;
use burn::tensor::Tensor;
use candor_core::{ConfigError, ExplainError, InputError, Predictor, Target};
use serde::{Deserialize, Serialize};

use super::Baseline;
use super::perturbation::{Batching, Draws, PerturbedModel, checked_values};

/// Which features are taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PerturbedFeatures {
    /// Those with the largest `|attribution|`: a good explanation gives a large change.
    Top,
    /// Those with the smallest: a good explanation gives a small one.
    Bottom,
}

/// Configuration of [`PerturbationTest`].
#[derive(Config, Debug, PartialEq)]
pub struct PerturbationTestConfig {
    /// How many features are put to zero: ≥ 1, at most the features of a row.
    pub k: usize,
    /// Which ones.
    #[config(default = "PerturbedFeatures::Top")]
    pub order: PerturbedFeatures,
    /// How many rows go into one call.
    #[config(default = "Batching::new()")]
    pub batching: Batching,
}

impl PerturbationTestConfig {
    /// The test.
    ///
    /// # Errors
    ///
    /// No feature.
    pub fn init(&self) -> Result<PerturbationTest, ConfigError> {
        Ok(PerturbationTest {
            k: ConfigError::at_least_one("PerturbationTestConfig", "k", self.k)?,
            order: self.order,
            batching: self.batching,
        })
    }
}

/// How far the score moves when the most (or least) important features are put to zero.
///
/// ```text
/// delta = |f(x) − f(x')|,  x' = x with its k features of largest (smallest) |attr| at 0
/// ```
///
/// Of equal attributions the lower index goes first.
///
/// Source: Han, Srinivas and Lakkaraju 2022, arXiv 2206.01254; Petsiuk et al. 2018, arXiv 1806.07421.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::Target;
/// use candor_explain::attribution::PerturbationTestConfig;
///
/// let model = |x: Tensor<2>| x.sum_dim(1);
/// let inputs = Tensor::<2>::from_floats([[1.0, 5.0, 2.0]], &Device::flex());
/// let test = PerturbationTestConfig::new(2).init()?; // takes 5 and 2 away
/// assert_eq!(test.changes(&model, inputs.clone(), &Target::Output(0), &inputs)?, [7.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct PerturbationTest {
    k: usize,
    order: PerturbedFeatures,
    batching: Batching,
}

impl PerturbationTest {
    /// The change of the score of each row, for attributions of the shape of the inputs.
    ///
    /// # Errors
    ///
    /// More features than a row has, NaN or infinities, shapes that do not fit, an output that does not exist.
    pub fn changes<const D: usize>(
        &self,
        model: &impl Predictor<D>,
        inputs: Tensor<D>,
        target: &Target,
        values: &Tensor<D>,
    ) -> Result<Vec<f64>, ExplainError> {
        let component = "PerturbationTest";
        InputError::check_dims(component, "values", &values.dims(), &inputs.dims())?;
        let values = checked_values(component, values)?;
        let masked = PerturbedModel::new(component, model, inputs, target, self.batching)?
            .multiplicative(&Baseline::Zeros)?;
        let features = masked.features();
        let legal = |k: f64| k <= features as f64;
        InputError::check_values(
            component,
            "k",
            &[self.k as f64],
            "at most the features of a row",
            legal,
        )?;
        let removals = Removals {
            features,
            removed: values
                .chunks(features)
                .map(|row| self.removed(row))
                .collect(),
        };
        masked.per_row(&removals, |_, scores| Ok((scores[0] - scores[1]).abs()))
    }

    fn removed(&self, values: &[f64]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..values.len()).collect();
        let size = |&feature: &usize| values[feature].abs();
        match self.order {
            PerturbedFeatures::Top => order.sort_by(|a, b| size(b).total_cmp(&size(a))),
            PerturbedFeatures::Bottom => order.sort_by(|a, b| size(a).total_cmp(&size(b))),
        }
        order.truncate(self.k);
        order
    }
}

/// The whole input, then the input without the features of its row.
struct Removals {
    features: usize,
    removed: Vec<Vec<usize>>,
}

impl Draws for Removals {
    fn count(&self) -> usize {
        2
    }

    fn width(&self) -> usize {
        self.features
    }

    fn shared(&self) -> bool {
        false
    }

    fn write(&self, row: usize, draw: usize, xi: &mut [f64]) {
        xi.fill(1.0);
        if draw == 1 {
            for &feature in &self.removed[row] {
                xi[feature] = 0.0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_equal_attributions_the_lower_index_goes_first() {
        let test = |order| {
            PerturbationTestConfig::new(2)
                .with_order(order)
                .init()
                .unwrap()
        };
        let values = [-1.0, 0.5, 1.0, 0.5, 1.0];
        assert_eq!(test(PerturbedFeatures::Top).removed(&values), [0, 2]);
        assert_eq!(test(PerturbedFeatures::Bottom).removed(&values), [1, 3]);
    }
}
