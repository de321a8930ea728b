//! What a claim's own test runs it with.

use burn::tensor::Device;

use super::ClaimContext;
use crate::run::Progress;

impl ClaimContext {
    /// So many seeds on the embedded processor backend, without bars.
    pub(super) fn quiet(seeds: usize) -> Self {
        Self {
            device: Device::flex(),
            seeds,
            progress: Progress::new(1, true),
        }
    }
}
