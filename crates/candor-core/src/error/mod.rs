mod config;
mod explain;
mod input;

pub use config::ConfigError;
pub use explain::ExplainError;
pub use input::InputError;
