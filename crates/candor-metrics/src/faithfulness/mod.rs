//! Does an explanation point at what the model uses?

mod completeness;
mod curve;
mod eraser;
mod faithfulness_correlation;
mod infidelity;
mod insertion_deletion;
mod monotonicity;
mod pixel_flipping;

pub use completeness::{Completeness, CompletenessConfig};
pub use curve::Curve;
pub use eraser::{Eraser, EraserConfig, EraserReport};
pub use faithfulness_correlation::{
    FaithfulnessCorrelation, FaithfulnessCorrelationConfig, FaithfulnessCorrelationReport,
};
pub use infidelity::{Infidelity, InfidelityConfig};
pub use insertion_deletion::{CurveMode, FeatureOrder, InsertionDeletion, InsertionDeletionConfig};
pub use monotonicity::{Monotonicity, MonotonicityConfig, MonotonicityReport};
pub use pixel_flipping::{PixelFlipping, PixelFlippingConfig};
