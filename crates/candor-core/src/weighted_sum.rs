use burn::tensor::Tensor;

use crate::ConfigError;

/// One named part of an objective.
#[derive(Debug, Clone)]
pub struct NamedTerm {
    /// What logs and reports call it.
    pub name: &'static str,
    /// Its weight in the total.
    pub weight: f64,
    /// Its value before the weight, of shape `[1]`.
    pub value: Tensor<1>,
}

/// An objective of several named terms, `total = Σ weight · value`.
///
/// The terms stay readable after the sum, for logging, and [`trace`](Self::trace) writes each of them through
/// `tracing`. Reading a value costs a device round trip: log every n-th step, not every step.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::WeightedSum;
///
/// let one = || Tensor::<1>::ones([1], &Device::flex());
/// let objective = WeightedSum::new()
///     .term("forget", 1.0, one())?
///     .term("retain", 2.5, one())?;
/// assert_eq!(objective.total().unwrap().into_scalar::<f32>(), 3.5);
/// # Ok::<(), candor_core::ConfigError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct WeightedSum {
    terms: Vec<NamedTerm>,
}

impl WeightedSum {
    /// A sum without terms.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a term.
    ///
    /// # Errors
    ///
    /// A weight that is negative or not finite.
    pub fn term(
        mut self,
        name: &'static str,
        weight: f64,
        value: Tensor<1>,
    ) -> Result<Self, ConfigError> {
        let weight = ConfigError::non_negative("WeightedSum", name, weight)?;
        self.terms.push(NamedTerm {
            name,
            weight,
            value,
        });
        Ok(self)
    }

    /// The terms in the order they were added.
    pub fn terms(&self) -> &[NamedTerm] {
        &self.terms
    }

    /// The weighted total of shape `[1]`, or `None` of no terms.
    pub fn total(&self) -> Option<Tensor<1>> {
        self.terms
            .iter()
            .map(|term| term.value.clone() * term.weight)
            .reduce(|sum, term| sum + term)
    }

    /// Reads every term and writes it to `tracing` at debug level, with its weight.
    pub fn trace(&self, step: usize) {
        for term in &self.terms {
            let value: f64 = term.value.clone().into_data().iter::<f64>().sum();
            tracing::debug!(step, term = term.name, weight = term.weight, value);
        }
    }
}
