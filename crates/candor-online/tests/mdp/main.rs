//! What the learners of adversarial decision processes promise.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp
)]

mod contract;
mod processes;
mod properties;
