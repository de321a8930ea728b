use candor_core::InputError;
use nalgebra::DMatrix;

use super::policy::dot;

const NAME: &str = "InverseCovariance";

/// The inverse of a layer's feature covariance, exact or estimated.
///
/// An estimate need not be symmetric; it is used as it is, with the feature that is asked about on its left and the
/// visited one on its right.
///
/// ```
/// use candor_online::mdp::InverseCovariance;
///
/// // (0.25 I + diag(0.75, 0))⁻¹
/// let inverse = InverseCovariance::regularised(2, &[0.75, 0.0, 0.0, 0.0], 0.25)?;
/// assert_eq!(inverse.values(), [1.0, 0.0, 0.0, 4.0]);
/// # Ok::<(), candor_core::InputError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct InverseCovariance {
    width: usize,
    values: Vec<f64>,
}

impl InverseCovariance {
    /// A matrix of `[width, width]`, row-major, that was computed elsewhere.
    ///
    /// # Errors
    ///
    /// A width of zero, another number of entries, or one that is not finite.
    pub fn new(width: usize, values: Vec<f64>) -> Result<Self, InputError> {
        InputError::check_not_empty(NAME, "width", width)?;
        InputError::check_dims(NAME, "values", &[values.len()], &[width * width])?;
        InputError::check_finite(NAME, "values", &values)?;
        Ok(Self { width, values })
    }

    /// `(γ I + Σ)⁻¹` of a symmetric positive semi-definite `Σ`.
    ///
    /// # Errors
    ///
    /// A wrong length, an entry that is not finite, `gamma` that is not finite and positive, a sum that is not positive
    /// definite in double precision.
    pub fn regularised(width: usize, covariance: &[f64], gamma: f64) -> Result<Self, InputError> {
        InputError::check_dims(NAME, "covariance", &[covariance.len()], &[width * width])?;
        InputError::check_finite(NAME, "covariance", covariance)?;
        InputError::check_values(NAME, "gamma", &[gamma], "finite and > 0", |gamma| {
            gamma.is_finite() && gamma > 0.0
        })?;
        let sum = DMatrix::from_row_slice(width, width, covariance)
            + DMatrix::identity(width, width) * gamma;
        let factor = sum.cholesky().ok_or(InputError::Undefined {
            component: NAME,
            reason: "gamma I + covariance is not positive definite",
        })?;
        // Column-major, which is row-major of a symmetric matrix.
        Self::new(width, factor.inverse().as_slice().to_vec())
    }

    /// The length of a feature.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The entries, row-major.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The matrix times a feature.
    pub(super) fn times(&self, feature: &[f64]) -> Vec<f64> {
        self.values
            .chunks(self.width)
            .map(|row| dot(row, feature))
            .collect()
    }

    /// How uncertain each feature is: `φᵀ M φ`, large where the policy seldom goes.
    ///
    /// `features` is `[rows, width]`.
    ///
    /// # Errors
    ///
    /// A length that is no multiple of the width, an entry that is not finite.
    pub fn uncertainties(&self, features: &[f64]) -> Result<Vec<f64>, InputError> {
        self.check_features("features", features)?;
        Ok(features
            .chunks(self.width)
            .map(|feature| dot(feature, &self.times(feature)))
            .collect())
    }

    /// Refuses rows that are not of this width.
    pub(super) fn check_features(
        &self,
        argument: &'static str,
        features: &[f64],
    ) -> Result<(), InputError> {
        let rows = features.len() / self.width;
        InputError::check_dims(NAME, argument, &[features.len()], &[rows * self.width])?;
        InputError::check_finite(NAME, argument, features)
    }
}
