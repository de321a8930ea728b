use burn::config::Config;
use burn::tensor::Tensor;
use candor_core::{ConfigError, host};

use super::perceptron::one_share;
use super::{LinearSeparator, SignedRows};

/// Configuration of [`PassiveAggressive`].
#[derive(Config, Debug)]
pub struct PassiveAggressiveConfig {
    /// Bound C on a step's length in units of the row, finite and > 0. Default: 1.
    #[config(default = 1.0)]
    pub aggressiveness: f64,
}

impl PassiveAggressiveConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A bound that is not finite and above zero.
    pub fn init(&self) -> Result<PassiveAggressive, ConfigError> {
        const CONFIG: &str = "PassiveAggressiveConfig";
        let bound = ConfigError::positive(CONFIG, "aggressiveness", self.aggressiveness)?;
        Ok(PassiveAggressive { bound })
    }
}

/// PA-I: goes through the rows in turn, and moves as far as the row's margin needs to reach 1.
///
/// ```text
/// row i = step mod n:   θ ← θ + τ y a,   τ = min(C, max(0, 1 - m) / ‖a‖²)
/// ```
///
/// A row with a margin of 1 changes nothing, and neither does a row of zeros.
///
/// Source: Crammer et al.: Online Passive-Aggressive Algorithms, JMLR 2006.
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_online::perceptron::{LinearSeparator, PassiveAggressiveConfig, SignedRows};
///
/// let device = Device::flex();
/// let features = Tensor::<2>::from_floats([[2.0, 0.0]], &device);
/// let rows = SignedRows::new(features, Tensor::<1, Int>::from_data([1], &device)).unwrap();
/// let theta = PassiveAggressiveConfig::new().init().unwrap().update(&rows, rows.zero_weights(), 0);
/// assert_eq!(theta.into_data().to_vec::<f32>().unwrap(), [0.5, 0.0]); // a margin of 1
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PassiveAggressive {
    bound: f64,
}

impl LinearSeparator for PassiveAggressive {
    fn shares(&self, rows: &SignedRows, margins: Tensor<1>, step: usize) -> Tensor<1> {
        let row = step % rows.count();
        let sole = |values: Vec<f64>| values.into_iter().sum::<f64>();
        let margin = sole(host::floats(&margins.clone().slice_dim(0, row..row + 1)));
        let row_values = rows.rows().clone().slice_dim(0, row..row + 1);
        let square = sole(host::floats(&row_values.square().sum()));
        let needed = if square > 0.0 {
            (1.0 - margin).max(0.0) / square
        } else {
            0.0
        };
        one_share(&margins, Some(row), needed.min(self.bound))
    }
}
