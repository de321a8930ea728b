//! What every pipeline shares: its folder, its settings, its device, its progress and its estimate.

mod cost;
mod device;
mod error;
mod folder;
mod precision;
mod progress;
mod settings;

pub use cost::{Cost, Estimate, MemoryWatch, available_memory, process_memory, resident_memory};
pub use device::DeviceChoice;
pub use error::RunError;
pub use folder::RunFolder;
pub(crate) use folder::{temporary_file, write_atomically};
pub use precision::Precision;
pub use progress::Progress;
pub use settings::{Overrides, load_settings, load_settings_over};

/// What a user may ask of any pipeline beside its settings.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// Where to compute.
    pub device: DeviceChoice,
    /// One step of everything, outputs included.
    pub dry_run: bool,
    /// Use at most so many rows of the data.
    pub limit: Option<usize>,
    /// Continue in the folder instead of refusing one that is not empty.
    pub resume: bool,
    /// No progress bars.
    pub quiet: bool,
}
