use burn::config::Config;
use candor_core::{ConfigError, InputError};

use super::InverseCovariance;
use super::linear_mdp::check_lengths;
use super::policy::dot;

/// Settings of [`MatrixGeometricResampling`].
#[derive(Config, Debug)]
pub struct MatrixGeometricResamplingConfig {
    /// Regularisation; finite and positive.
    #[config(default = 0.003)]
    pub gamma: f64,
    /// Step c of the series; positive, and c (γ + 1) at most 1, so that no factor of it changes a sign.
    #[config(default = 0.5)]
    pub step: f64,
}

impl MatrixGeometricResamplingConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// `gamma` or `step` that is not finite and positive; a `step` above 1 / (γ + 1).
    pub fn init(&self) -> Result<MatrixGeometricResampling, ConfigError> {
        const NAME: &str = "MatrixGeometricResamplingConfig";
        let gamma = ConfigError::positive(NAME, "gamma", self.gamma)?;
        let step = ConfigError::positive(NAME, "step", self.step)?;
        if step * (gamma + 1.0) > 1.0 + 1e-12 {
            return Err(ConfigError::out_of_range(
                NAME,
                "step",
                step,
                "at most 1 / (gamma + 1)",
            ));
        }
        Ok(MatrixGeometricResampling { gamma, step })
    }
}

/// The inverse covariance as a random geometric series, from visited features alone.
///
/// ```text
/// Z_0 = I,   Z_n = Z_{n−1} (I − c (γ I + f_n f_nᵀ)),   M = c Σ_{n=0}^N Z_n,   averaged over batches
/// ```
///
/// In the mean over independent visits this is the truncated Neumann series of `(γ I + Σ)⁻¹`; its bias is below ε from
/// N = (2/γ) ln(1/(γ ε)) visits on. A batch's matrix is not symmetric and is used as it is.
///
/// Source: Neu, Bartók (2013); Luo, Wei, Lee (2021), arXiv 2107.08346; arXiv 2301.12942.
///
/// ```
/// use candor_online::mdp::MatrixGeometricResamplingConfig;
///
/// let resampling = MatrixGeometricResamplingConfig::new().with_gamma(0.5).init()?;
/// // One batch of one visit: c (1 + (1 − c (γ + 1))) = 0.5 · 1.25.
/// assert_eq!(resampling.inverse([1, 1, 1], &[1.0])?.values(), [0.625]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct MatrixGeometricResampling {
    gamma: f64,
    step: f64,
}

impl MatrixGeometricResampling {
    /// The average over batches of visited features, `[batches, visits, width]`.
    ///
    /// # Errors
    ///
    /// An axis of length zero, another number of features, a feature that is not finite or longer than 1 + 1e-6.
    pub fn inverse(
        &self,
        shape: [usize; 3],
        features: &[f64],
    ) -> Result<InverseCovariance, InputError> {
        const NAME: &str = "MatrixGeometricResampling";
        let [batches, visits, width] = shape;
        InputError::check_not_empty(NAME, "features", batches * visits * width)?;
        let size = batches * visits * width;
        InputError::check_dims(NAME, "features", &[features.len()], &[size])?;
        check_lengths(NAME, features, width)?;
        let mut total = vec![0.0; width * width];
        for batch in features.chunks(visits * width) {
            let mut series = self.series(width);
            batch
                .chunks(width)
                .for_each(|feature| series.visit(feature));
            series.add_to(&mut total);
        }
        let share = 1.0 / batches as f64;
        InverseCovariance::new(width, total.iter().map(|sum| sum * share).collect())
    }

    /// A batch's series before its first visit.
    pub(super) fn series(&self, width: usize) -> Series {
        let mut product = vec![0.0; width * width];
        product
            .iter_mut()
            .step_by(width + 1)
            .for_each(|entry| *entry = 1.0);
        Series {
            width,
            shrinkage: 1.0 - self.step * self.gamma,
            step: self.step,
            sum: product.clone(),
            product,
        }
    }
}

/// The series of one batch: the running product and the sum of all products.
pub(super) struct Series {
    width: usize,
    shrinkage: f64,
    step: f64,
    product: Vec<f64>,
    sum: Vec<f64>,
}

impl Series {
    /// Multiplies the next factor on.
    pub(super) fn visit(&mut self, feature: &[f64]) {
        let rows = self.product.chunks_mut(self.width);
        for (row, sums) in rows.zip(self.sum.chunks_mut(self.width)) {
            // A rank-one change: no product of two matrices.
            let along = self.step * dot(row, feature);
            for ((entry, sum), direction) in row.iter_mut().zip(sums).zip(feature) {
                *entry = self.shrinkage * *entry - along * direction;
                *sum += *entry;
            }
        }
    }

    /// Adds the batch's matrix to a sum over batches.
    pub(super) fn add_to(&self, total: &mut [f64]) {
        for (total, sum) in total.iter_mut().zip(&self.sum) {
            *total += self.step * sum;
        }
    }
}
