//! Objectives for embeddings.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod contract;
mod few_shot;
mod sets;
mod triplets;
