//! Networks on disk, with their architecture beside their weights.
//!
//! A file holds every parameter in `f32` and three lines of metadata: the schema's version, the architecture's
//! name and its configuration as JSON. Nothing of a file is believed: sizes are compared with the file's length
//! before they allocate, names, shapes and types with the ones that the configuration asks for.
//!
//! | format | functions | for |
//! |---|---|---|
//! | safetensors | [`save_safetensors`], [`load_safetensors`] | exchange with other tools |
//! | Burn's own (`.bpk`) | [`save_record`], [`load_record`] | Burn's `Module::load_file`, `ModuleRecord` |
//!
//! Linear weights are stored as Burn holds them, `[inputs, outputs]`: the transpose of PyTorch's.

mod architecture;
mod error;
mod manifest;
mod record;
mod safetensors;

pub use architecture::{Architecture, Checkpoint};
pub use error::CheckpointError;
pub use record::{load_record, save_record};
pub use safetensors::{load_safetensors, save_safetensors};
