//! Explanations of Burn models: which inputs a score rests on, and how far to trust the answer.
//!
//! | module | what is in it |
//! |---|---|
//! | [`attribution`] | gradient, perturbation and Shapley methods, the framework that unites them, and its checks |
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use candor_core::Target;
//! use candor_explain::attribution::{Baseline, IntegratedGradientsConfig};
//!
//! // f(x) = x0 · x1 at (2, 3) against zero: each factor carries half of 6.
//! let model = |x: Tensor<2>| x.clone().slice_dim(1, 0..1) * x.slice_dim(1, 1..2);
//! let inputs = Tensor::<2>::from_floats([[2.0, 3.0]], &Device::flex());
//! let method = IntegratedGradientsConfig::new().init()?;
//! let explained = method.explain(&model, inputs, &Target::Output(0), &Baseline::Zeros)?;
//! assert!(explained.row(0).iter().all(|value| (value - 3.0).abs() < 1e-5));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod attribution;
