//! Objectives on sets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp
)]

mod bad_input;
mod contract;
mod properties;
