//! Learning against adversarially chosen losses, for Burn: methods whose number of mistakes or whose regret is bounded.
//!
//! It holds:
//!
//! | method | paper | arXiv |
//! | module | methods | paper |
//! |---|---|---|
//! | [`perceptron`] | logistic regression with large steps, plain and normalised, the perceptrons it turns into, their bounds | arXiv 2412.08424 |
//!
//! ```
//! use burn::tensor::Device;
//! use candor_online::perceptron::{LinearSeparator, NormalizedBatchPerceptron, SeparationConfig, worst_case_rows};
//!
//! let rows = worst_case_rows(50, &Device::flex()).unwrap();
//! let report = NormalizedBatchPerceptron.fit(&rows, &SeparationConfig::new()).unwrap();
//! assert!(report.solved && report.iterations <= 3);
//! ```
//!
//! `cargo xtask papers` says what is done.

pub mod mdp;
pub mod perceptron;
