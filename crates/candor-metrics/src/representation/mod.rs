//! How do embeddings lie: spread out, and yet together with their like?
//!
//! | measure | question | better |
//! |---|---|---|
//! | [`uniformity`] | how evenly do they fill the sphere? | lower |
//! | [`tolerance`] | how close are embeddings of one class? | higher |
//! | [`alignment`] | how close are two views of one thing? | lower |
//!
//! The first two trade against one another: see `candor_losses::contrastive`. Embeddings are taken as given: divide rows by
//! their length first.

mod alignment;
mod tolerance;
mod uniformity;

pub use alignment::alignment;
pub use tolerance::{ToleranceMode, tolerance};
pub use uniformity::uniformity;
