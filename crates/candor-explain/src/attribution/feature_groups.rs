use std::borrow::Cow;

use candor_core::InputError;
use serde::{Deserialize, Serialize};

/// Which input entries are taken away together: the interpretable features of perturbation methods.
///
/// Entries are counted row-major within a row of the batch.
///
/// ```
/// use candor_explain::attribution::FeatureGroups;
///
/// let columns = FeatureGroups::from_ids(&[0, 0, 1])?;
/// assert_eq!(columns.count(3)?, 2);
/// assert_eq!(FeatureGroups::each().count(3)?, 3);
/// assert_eq!(FeatureGroups::patches([3, 28, 28], 7)?.count(3 * 28 * 28)?, 16);
/// # Ok::<(), candor_core::InputError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FeatureGroups {
    /// The group of each entry; `None` makes each entry a group of its own.
    ids: Option<Vec<usize>>,
}

impl FeatureGroups {
    /// Every entry alone.
    pub const fn each() -> Self {
        Self { ids: None }
    }

    /// The group of each entry, numbered from 0 without a gap.
    ///
    /// # Errors
    ///
    /// No id at all, a negative one, or one that leaves a smaller number unused.
    pub fn from_ids(ids: &[i64]) -> Result<Self, InputError> {
        InputError::check_not_empty("FeatureGroups", "ids", ids.len())?;
        let wrong = |index: usize, legal| InputError::OutOfRange {
            component: "FeatureGroups",
            argument: "ids",
            index,
            value: ids[index] as f64,
            legal,
        };
        let mut used = vec![false; ids.len()];
        for (index, &id) in ids.iter().enumerate() {
            // A number beyond the entries cannot be without a gap, however few are used.
            let slot = usize::try_from(id).map_err(|_| wrong(index, ">= 0"))?;
            *used
                .get_mut(slot)
                .ok_or_else(|| wrong(index, "below the number of entries"))? = true;
        }
        let count = used.iter().filter(|&&used| used).count();
        match ids.iter().position(|&id| id as usize >= count) {
            Some(index) => Err(wrong(index, "such that every smaller id occurs too")),
            None => Ok(Self {
                ids: Some(ids.iter().map(|&id| id as usize).collect()),
            }),
        }
    }

    /// Square patches of an image `[channels, height, width]`, all channels together, cut off at the border.
    ///
    /// # Errors
    ///
    /// A side of zero, of the image or of the patch.
    pub fn patches(image: [usize; 3], side: usize) -> Result<Self, InputError> {
        let [channels, height, width] = image;
        for size in [side, channels, height, width] {
            InputError::check_not_empty("FeatureGroups", "patches", size)?;
        }
        let across = width.div_ceil(side);
        let ids = (0..channels * height * width)
            .map(|entry| (entry / width % height / side) * across + entry % width / side)
            .collect();
        Ok(Self { ids: Some(ids) })
    }

    /// How many groups there are for rows of so many entries.
    ///
    /// # Errors
    ///
    /// Groups made for another number of entries.
    pub fn count(&self, features: usize) -> Result<usize, InputError> {
        let ids = self.ids(features)?;
        Ok(ids.iter().max().map_or(0, |largest| largest + 1))
    }

    /// The group of each entry of a row.
    ///
    /// # Errors
    ///
    /// Groups made for another number of entries.
    pub fn ids(&self, features: usize) -> Result<Cow<'_, [usize]>, InputError> {
        match &self.ids {
            None => Ok(Cow::Owned((0..features).collect())),
            Some(ids) => {
                InputError::check_dims("FeatureGroups", "ids", &[ids.len()], &[features])?;
                Ok(Cow::Borrowed(ids))
            }
        }
    }

    /// Whether each entry is a group of its own, in order.
    pub(crate) fn is_each(&self) -> bool {
        self.ids
            .as_ref()
            .is_none_or(|ids| ids.iter().enumerate().all(|(entry, &id)| entry == id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_and_negative_numbers_are_named() {
        let message = |ids: &[i64]| FeatureGroups::from_ids(ids).unwrap_err().to_string();
        assert!(message(&[0, -1]).contains("ids[1] = -1"));
        assert!(message(&[0, 2, 2]).contains("ids[1] = 2"));
        assert!(message(&[0, i64::MAX]).contains("below the number of entries"));
        assert!(message(&[]).contains("empty"));
    }

    #[test]
    fn patches_join_the_channels_and_are_cut_off_at_the_border() {
        let patches = FeatureGroups::patches([2, 2, 3], 2).unwrap();
        let one_channel = [0, 0, 1, 0, 0, 1];
        assert_eq!(
            *patches.ids(12).unwrap(),
            [one_channel, one_channel].concat()
        );
        assert!(FeatureGroups::patches([1, 2, 2], 0).is_err());
    }

    #[test]
    fn groups_of_another_width_are_refused() {
        assert!(FeatureGroups::from_ids(&[0, 1]).unwrap().count(3).is_err());
    }
}
