//! Seeded splits: which rows train, which validate, which test.
//!
//! A split is a list of places, so one split serves features, labels and sensitive attributes alike. It depends
//! on the seed and the labels alone, and the places within each part ascend.

mod holdout;
mod k_fold;
mod strata;

pub use holdout::{Holdout, HoldoutConfig, Split};
pub use k_fold::{Fold, KFold, KFoldConfig};
