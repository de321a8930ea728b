//! Does an explanation sit on the object? Attributions with their sign against a mask that is true inside.

mod localisation_auc;
mod object;
mod pointing_game;
mod relevance_mass_accuracy;
mod relevance_rank_accuracy;
mod report;
mod top_k_intersection;

pub use localisation_auc::localisation_auc;
pub use pointing_game::pointing_game;
pub use relevance_mass_accuracy::relevance_mass_accuracy;
pub use relevance_rank_accuracy::relevance_rank_accuracy;
pub use report::LocalisationReport;
pub use top_k_intersection::top_k_intersection;
