//! Objectives on class labels.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod contract;
mod gambler;
mod properties;
