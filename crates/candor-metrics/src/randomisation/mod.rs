//! Does an explanation depend on the weights at all?

mod mprt;

pub use mprt::{Mprt, MprtConfig, MprtReport};
