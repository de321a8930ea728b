//! How simple is an explanation?

mod effective_complexity;
mod entropy;
mod gini;
mod magnitudes;

pub use effective_complexity::effective_complexity;
pub use entropy::entropy;
pub use gini::gini;
