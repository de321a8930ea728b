//! Objectives on pairs of views.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod contract;
mod properties;
