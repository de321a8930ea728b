//! What keeps training stable.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod contract;
mod properties;
