use std::collections::BTreeMap;

use super::WeightSource;
use crate::causal_lm::LmError;

/// Weights in memory, by name: a [`WeightSource`] to fill by hand.
///
/// ```
/// use candor_models::causal_lm::weights::{WeightMap, WeightSource};
///
/// let mut weights = WeightMap::new();
/// weights.insert("model.norm.weight", vec![2], vec![1.0, 0.5])?;
/// assert_eq!(weights.read("model.norm.weight")?, [1.0, 0.5]);
/// assert!(weights.insert("lm_head.weight", vec![2, 2], vec![1.0]).is_err());
/// # Ok::<(), candor_models::causal_lm::LmError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WeightMap {
    tensors: BTreeMap<String, Tensor>,
}

#[derive(Debug, Clone, PartialEq)]
struct Tensor {
    shape: Vec<usize>,
    values: Vec<f32>,
}

impl WeightMap {
    /// No weights yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Copies every tensor of a source.
    ///
    /// # Errors
    ///
    /// Whatever reading a tensor gives.
    pub fn collect(source: &dyn WeightSource) -> Result<Self, LmError> {
        let mut map = Self::new();
        for name in source.names() {
            let shape = source.shape(&name).unwrap_or_default();
            let values = source.read(&name)?;
            map.insert(name, shape, values)?;
        }
        Ok(map)
    }

    /// Adds a tensor, or replaces the one of that name.
    ///
    /// # Errors
    ///
    /// A shape that does not multiply out to the number of values.
    pub fn insert(
        &mut self,
        name: impl Into<String>,
        shape: Vec<usize>,
        values: Vec<f32>,
    ) -> Result<(), LmError> {
        let entries = shape
            .iter()
            .try_fold(1usize, |product, &size| product.checked_mul(size));
        if entries != Some(values.len()) {
            return Err(LmError::WrongLength {
                tensor: name.into(),
                shape,
                values: values.len(),
            });
        }
        self.tensors.insert(name.into(), Tensor { shape, values });
        Ok(())
    }
}

impl WeightSource for WeightMap {
    fn names(&self) -> Vec<String> {
        self.tensors.keys().cloned().collect()
    }

    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.tensors.get(name).map(|tensor| tensor.shape.clone())
    }

    fn read(&self, name: &str) -> Result<Vec<f32>, LmError> {
        match self.tensors.get(name) {
            Some(tensor) => Ok(tensor.values.clone()),
            None => Err(LmError::missing(name)),
        }
    }
}
