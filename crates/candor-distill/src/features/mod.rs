//! Distillation of penultimate features: their norm and their direction.
//!
//! | type | what it pulls on | source |
//! |---|---|---|
//! | [`NdLoss`] | direction towards the teacher's class mean, and length up to the teacher's | arXiv 2305.17007 |
//! | [`KdPlusPlus`] | labels + any distillation loss, warmed up + [`NdLoss`] | arXiv 2305.17007 |
//! | [`ClassMeanCosineLoss`] | direction only | arXiv 2305.17007 |
//! | [`FeatureNormLoss`] | length only | arXiv 1811.07456 |
//!
//! [`ClassMeans`] holds the directions, [`FeatureProjector`] bridges different widths, [`warm_up_factor`] is the ramp.

mod class_mean_cosine;
mod class_means;
mod feature_norm;
mod feature_projector;
mod kd_plus_plus;
mod nd;
mod warm_up;

pub use class_mean_cosine::{ClassMeanCosineLoss, ClassMeanCosineLossConfig};
pub use class_means::{ClassMeans, ClassMeansBuilder, ClassMeansError};
pub use feature_norm::{FeatureNormLoss, FeatureNormLossConfig};
pub use feature_projector::{FeatureProjector, FeatureProjectorConfig};
pub use kd_plus_plus::{KdPlusPlus, KdPlusPlusConfig, KdPlusPlusTerms};
pub use nd::{NdLoss, NdLossConfig};
pub use warm_up::warm_up_factor;
