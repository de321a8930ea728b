//! What Candor promises of its components, as checks that yours can take too.
//!
//! | check | what it holds |
//! |---|---|
//! | [`golden`] | values and gradients from a JSON file, on every device compiled in |
//! | [`check_gradient`] | a backward pass against central differences in `f64` |
//! | [`contract::Objective`] | the promises of a loss: shapes, reductions, extremes, a batch of one, permutation |
//! | [`contract::Explainer`] | the promises of an attribution method |
//! | [`contract::check_config`] | a configuration survives serde and `init()` refuses what it should |
//! | [`devices`] | the backends compiled in whose driver is present |
//! | [`smollm2`] | the file of a real language model, where it has been fetched |
//!
//! A test kit stops at the first broken promise, so its checks panic with a sentence that says which one.
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use candor_testkit::check_gradient;
//!
//! check_gradient(Tensor::from_floats([0.3, -1.2], &Device::flex()), |x: Tensor<1>| x.tanh().sum());
//! ```
#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used)] // a test kit reports by panicking
#![allow(clippy::missing_panics_doc)]

pub mod contract;
mod devices;
pub mod golden;
mod gradient_check;
mod model_file;

pub use devices::{NamedDevice, devices};
pub use gradient_check::check_gradient;
pub use model_file::smollm2;
