//! The fused operators against their reference, on every backend compiled in.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod against_reference;
mod edge_cases;
mod laws;
mod operands;
