use burn::tensor::{Bool, Tensor};
use candor_core::InputError;

use super::perturbation::Draws;

/// Masks over the groups of features: which of them are kept in each evaluation.
///
/// ```
/// use candor_explain::attribution::Coalitions;
///
/// let coalitions = Coalitions::new(2, vec![true, false, true, true])?;
/// assert_eq!((coalitions.count(), coalitions.groups()), (2, 2));
/// assert_eq!(coalitions.size(0), 1);
/// # Ok::<(), candor_core::InputError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coalitions {
    groups: usize,
    kept: Vec<bool>,
}

impl Coalitions {
    /// Masks of `groups` entries, one after the other.
    ///
    /// # Errors
    ///
    /// No group, or a number of entries that is not a multiple of the groups.
    pub fn new(groups: usize, kept: Vec<bool>) -> Result<Self, InputError> {
        InputError::check_not_empty("Coalitions", "groups", groups)?;
        let whole = kept.len() / groups * groups;
        InputError::check_dims("Coalitions", "kept", &[kept.len()], &[whole])?;
        Ok(Self { groups, kept })
    }

    /// The rows of a mask tensor `[draws, groups]`.
    ///
    /// # Errors
    ///
    /// No group.
    pub fn from_tensor(masks: Tensor<2, Bool>) -> Result<Self, InputError> {
        let [_, groups] = masks.dims();
        Self::new(groups, masks.into_data().iter::<bool>().collect())
    }

    /// How many masks there are.
    pub fn count(&self) -> usize {
        self.kept.len() / self.groups
    }

    /// How many groups each speaks of.
    pub fn groups(&self) -> usize {
        self.groups
    }

    /// How many groups a mask keeps.
    pub fn size(&self, draw: usize) -> usize {
        self.mask(draw).iter().filter(|&&kept| kept).count()
    }

    fn mask(&self, draw: usize) -> &[bool] {
        &self.kept[draw * self.groups..(draw + 1) * self.groups]
    }
}

impl Draws for Coalitions {
    fn count(&self) -> usize {
        self.count()
    }

    fn width(&self) -> usize {
        self.groups
    }

    fn write(&self, _row: usize, draw: usize, xi: &mut [f64]) {
        for (entry, &kept) in xi.iter_mut().zip(self.mask(draw)) {
            *entry = f64::from(u8::from(kept));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_mask_is_refused() {
        assert!(Coalitions::new(2, vec![true; 3]).is_err());
        assert!(Coalitions::new(0, vec![]).is_err());
    }
}
