use candor_core::InputError;
use serde::{Deserialize, Serialize};

use super::{
    localisation_auc, object, pointing_game, relevance_mass_accuracy, relevance_rank_accuracy,
    top_k_intersection,
};

/// All localisation measures of one explanation; higher is better for each.
///
/// ```
/// use candor_metrics::localisation::LocalisationReport;
///
/// let report = LocalisationReport::of(&[3.0, 1.0, 0.0], &[true, false, false], None).unwrap();
/// assert!(report.pointing_game && report.auc == 1.0 && report.relevance_mass_accuracy == 0.75);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LocalisationReport {
    /// See [`pointing_game`].
    pub pointing_game: bool,
    /// See [`relevance_rank_accuracy`].
    pub relevance_rank_accuracy: f64,
    /// See [`relevance_mass_accuracy`].
    pub relevance_mass_accuracy: f64,
    /// See [`top_k_intersection`].
    pub top_k_intersection: f64,
    /// See [`localisation_auc`].
    pub auc: f64,
}

impl LocalisationReport {
    /// Measures one explanation; `top_k` of `None` takes the size of the mask.
    ///
    /// # Errors
    ///
    /// Lengths that differ, an empty mask, attributions that are not finite, a `top_k` outside 1..=d.
    pub fn of(
        attributions: &[f64],
        mask: &[bool],
        top_k: Option<usize>,
    ) -> Result<Self, InputError> {
        let size = object::size("LocalisationReport", attributions, mask)?;
        Ok(Self {
            pointing_game: pointing_game(attributions, mask)?,
            relevance_rank_accuracy: relevance_rank_accuracy(attributions, mask)?,
            relevance_mass_accuracy: relevance_mass_accuracy(attributions, mask)?,
            top_k_intersection: top_k_intersection(attributions, mask, top_k.unwrap_or(size))?,
            auc: localisation_auc(attributions, mask)?,
        })
    }
}
