//! One contract, many methods: promises that every objective, explainer and configuration makes.

mod config;
mod explainer;
mod objective;

pub use config::{check_config, check_refused, check_send_sync};
pub use explainer::Explainer;
pub use objective::Objective;
