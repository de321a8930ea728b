use burn::tensor::Tensor;
use candor_core::ConfigError;

/// An unlearning objective and its parts, each of shape `[1]`.
#[derive(Debug, Clone)]
pub struct UnlearnTerms {
    /// What to minimise: the weighted sum of both parts.
    pub total: Tensor<1>,
    /// What makes the model forget, before its weight.
    pub forget: Tensor<1>,
    /// What keeps the rest, before its weight.
    pub retain: Tensor<1>,
}

/// The weights of the two parts, checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TermWeights {
    forget: f64,
    retain: f64,
}

impl TermWeights {
    /// Refuses weights that are negative or not finite.
    pub(crate) fn new(config: &'static str, forget: f64, retain: f64) -> Result<Self, ConfigError> {
        Ok(Self {
            forget: ConfigError::non_negative(config, "forget_weight", forget)?,
            retain: ConfigError::non_negative(config, "retain_weight", retain)?,
        })
    }

    /// `forget_weight · forget + retain_weight · retain`.
    pub(crate) fn combine(self, forget: Tensor<1>, retain: Tensor<1>) -> UnlearnTerms {
        UnlearnTerms {
            total: forget.clone() * self.forget + retain.clone() * self.retain,
            forget,
            retain,
        }
    }
}
