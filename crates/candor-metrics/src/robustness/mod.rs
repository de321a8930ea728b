//! Does an explanation stay the same when nothing that matters changes?

mod sensitivity;

pub use sensitivity::{Sensitivity, SensitivityConfig, SensitivityReport};
