use std::fmt::Display;

use thiserror::Error;

/// A setting that no method may run with: what was set, where, and what would be legal.
///
/// Every `init()` in Candor returns it before any work is done.
///
/// ```
/// use candor_core::ConfigError;
///
/// let error = ConfigError::positive("NpoConfig", "beta", -1.0).unwrap_err();
/// assert_eq!(error.to_string(), "NpoConfig: beta = -1 is out of range, it must be finite and > 0");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// One field has a value outside its legal range.
    #[error("{config}: {field} = {value} is out of range, it must be {legal}")]
    OutOfRange {
        /// The configuration type.
        config: &'static str,
        /// The field.
        field: &'static str,
        /// The value seen, as text.
        value: String,
        /// The legal range, as text.
        legal: &'static str,
    },
    /// Two fields, each legal alone, contradict one another.
    #[error("{config}: {problem}")]
    Contradiction {
        /// The configuration type.
        config: &'static str,
        /// Which fields, and why not together.
        problem: String,
    },
}

impl ConfigError {
    /// A value outside its legal range.
    pub fn out_of_range(
        config: &'static str,
        field: &'static str,
        value: impl Display,
        legal: &'static str,
    ) -> Self {
        Self::OutOfRange {
            config,
            field,
            value: value.to_string(),
            legal,
        }
    }

    /// Settings that exclude one another.
    pub fn contradiction(config: &'static str, problem: impl Into<String>) -> Self {
        Self::Contradiction {
            config,
            problem: problem.into(),
        }
    }

    /// Passes a finite value above zero on, refuses every other (NaN included).
    pub fn positive(config: &'static str, field: &'static str, value: f64) -> Result<f64, Self> {
        if value.is_finite() && value > 0.0 {
            Ok(value)
        } else {
            Err(Self::out_of_range(config, field, value, "finite and > 0"))
        }
    }

    /// Passes a finite value of zero or above on, refuses every other (NaN included).
    pub fn non_negative(
        config: &'static str,
        field: &'static str,
        value: f64,
    ) -> Result<f64, Self> {
        if value.is_finite() && value >= 0.0 {
            Ok(value)
        } else {
            Err(Self::out_of_range(config, field, value, "finite and >= 0"))
        }
    }

    /// Passes a finite value on, refuses NaN and infinities.
    pub fn finite(config: &'static str, field: &'static str, value: f64) -> Result<f64, Self> {
        if value.is_finite() {
            Ok(value)
        } else {
            Err(Self::out_of_range(config, field, value, "finite"))
        }
    }

    /// Passes a count of one or more on.
    pub fn at_least_one(
        config: &'static str,
        field: &'static str,
        value: usize,
    ) -> Result<usize, Self> {
        if value >= 1 {
            Ok(value)
        } else {
            Err(Self::out_of_range(config, field, value, ">= 1"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_and_infinity_are_never_in_range() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(ConfigError::positive("C", "f", bad).is_err());
            assert!(ConfigError::non_negative("C", "f", bad).is_err());
            assert!(ConfigError::finite("C", "f", bad).is_err());
        }
        assert!(ConfigError::positive("C", "f", 0.0).is_err());
        assert_eq!(ConfigError::non_negative("C", "f", 0.0), Ok(0.0));
        assert!(ConfigError::at_least_one("C", "n", 0).is_err());
    }
}
