use candor_core::InputError;

use super::InverseCovariance;

/// The mean of outer products of visited features, and its regularised inverse.
///
/// ```text
/// (γ I + (1/W) Σ_i φ_i φ_iᵀ)⁻¹
/// ```
///
/// The paper's alternative to [`MatrixGeometricResampling`](super::MatrixGeometricResampling): it needs fewer paths and is symmetric. Features are added
/// one by one, so that memory does not grow with their number.
///
/// Source: Liu, Wei, Zimmert, Liu (2023), arXiv 2301.12942.
///
/// ```
/// use candor_online::mdp::EmpiricalInverse;
///
/// let mut visits = EmpiricalInverse::new(1)?;
/// visits.add(&[1.0])?;
/// visits.add(&[0.0])?;
/// assert_eq!(visits.inverse(0.5)?.values(), [1.0]); // 1 / (0.5 + 0.5)
/// # Ok::<(), candor_core::InputError>(())
/// ```
#[derive(Debug, Clone)]
pub struct EmpiricalInverse {
    width: usize,
    visits: usize,
    sum: Vec<f64>,
}

const NAME: &str = "EmpiricalInverse";

impl EmpiricalInverse {
    /// Of features of a width, with none seen yet.
    ///
    /// # Errors
    ///
    /// A width of zero.
    pub fn new(width: usize) -> Result<Self, InputError> {
        InputError::check_not_empty(NAME, "width", width)?;
        Ok(Self {
            width,
            visits: 0,
            sum: vec![0.0; width * width],
        })
    }

    /// Adds a visited feature.
    ///
    /// # Errors
    ///
    /// Another width, an entry that is not finite.
    pub fn add(&mut self, feature: &[f64]) -> Result<(), InputError> {
        InputError::check_dims(NAME, "feature", &[feature.len()], &[self.width])?;
        InputError::check_finite(NAME, "feature", feature)?;
        for (row, &entry) in self.sum.chunks_mut(self.width).zip(feature) {
            for (sum, &other) in row.iter_mut().zip(feature) {
                *sum += entry * other;
            }
        }
        self.visits += 1;
        Ok(())
    }

    /// The inverse of what has been seen.
    ///
    /// # Errors
    ///
    /// No feature yet; what [`InverseCovariance::regularised`] refuses.
    pub fn inverse(&self, gamma: f64) -> Result<InverseCovariance, InputError> {
        InputError::check_not_empty(NAME, "features", self.visits)?;
        let share = 1.0 / self.visits as f64;
        let mean: Vec<f64> = self.sum.iter().map(|sum| sum * share).collect();
        InverseCovariance::regularised(self.width, &mean, gamma)
    }
}
