use burn::config::Config;
use burn::tensor::Tensor;
use candor_core::host::tensor_like;
use candor_core::{Attribution, ConfigError, DrawKey, Target};
use rand::RngExt;

use super::perturbation::stream;

/// Configuration of [`RandomAttribution`]; it has no setting.
#[derive(Config, Debug, PartialEq)]
pub struct RandomAttributionConfig {}

impl RandomAttributionConfig {
    /// The method.
    ///
    /// # Errors
    ///
    /// None: there is nothing to set.
    pub fn init(&self) -> Result<RandomAttribution, ConfigError> {
        Ok(RandomAttribution {})
    }
}

/// Uniform noise in `[-1, 1)`: what every comparison of explanations should beat.
///
/// The model is not asked, so `model_calls` is 0.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::{DrawKey, Target};
/// use candor_explain::attribution::RandomAttributionConfig;
///
/// let inputs = Tensor::<2>::zeros([1, 4], &Device::flex());
/// let noise = RandomAttributionConfig::new().init()?.explain(&inputs, &Target::Output(0), DrawKey::new(7));
/// assert!(noise.row(0).iter().all(|value| (-1.0..1.0).contains(value)));
/// # Ok::<(), candor_core::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct RandomAttribution {}

impl RandomAttribution {
    /// Noise of the shape of the inputs: row `r` uses the stream of `key.row + r`.
    pub fn explain<const D: usize>(
        &self,
        inputs: &Tensor<D>,
        target: &Target,
        key: DrawKey,
    ) -> Attribution<D> {
        let shape = inputs.dims();
        let features: usize = shape[1..].iter().product();
        let row = |row: usize| {
            let mut rng = stream(key, row, 0).rng();
            std::iter::repeat_with(move || rng.random_range(-1.0..1.0)).take(features)
        };
        let values: Vec<f64> = (0..shape[0]).flat_map(row).collect();
        Attribution::new(tensor_like(values, shape, inputs), target.clone(), 0)
    }
}
