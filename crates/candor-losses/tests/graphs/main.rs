//! Objectives over graphs, and the edits that make graphs to train with.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp
)]

mod contract;
mod losses;
mod perturbations;
