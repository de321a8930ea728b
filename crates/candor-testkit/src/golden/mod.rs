//! Golden cases: inputs, expected outputs and gradients in a JSON file, run on every device compiled in.
//!
//! The files are read from `tests/golden` at the root of the workspace, or from the directory in the environment
//! variable `CANDOR_GOLDEN_DIR`. A crate's golden test maps each `op` to a call:
//!
//! ```no_run
//! use burn::tensor::Device;
//! use candor_testkit::golden::{Case, OpResult, Outputs, Suite};
//!
//! fn double(case: &Case, device: &Device) -> OpResult {
//!     let x = case.tracked::<1>("x", device);
//!     let loss = (x.clone() * 2.0).sum();
//!     Ok(Outputs::new().tensor("loss", &loss).gradients(&loss, &[("x", &x)]))
//! }
//!
//! Suite::new("my-crate").sheet("my-paper").op("double", double).run();
//! ```
//!
//! A case may require a file that the repository does not hold, such as the weights of a language model:
//! [`Case::required_file`] gives its path, and where it is absent the case is skipped with a line that says so.
//!
//! With `CANDOR_GOLDEN_REPORT=FILE`, one JSON line a case and device is appended to that file.

mod case;
mod outputs;
mod record;
mod suite;
mod two_layer;

pub use case::Case;
pub use outputs::Outputs;
pub use record::Record;
pub use suite::{OpResult, Suite};
pub use two_layer::TwoLayer;
