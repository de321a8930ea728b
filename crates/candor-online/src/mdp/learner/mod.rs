//! The whole loop: play, estimate, explore, regularise.

mod adversarial_learner;
mod config;
mod run_report;

pub use adversarial_learner::{AdversarialLearner, EpisodeUpdate};
pub use config::{AdversarialLearnerConfig, Regularizer};
pub use run_report::RunReport;
