//! Learning against adversarially chosen losses, for Burn: methods whose number of mistakes or whose regret is bounded.
//!
//! It holds:
//!
//! | module | methods | paper |
//! |---|---|---|
//! | [`mdp`] | policy optimisation in episodic decision processes with adversarial losses: log-barrier FTRL, estimators, dilated bonus, regret | arXiv 2301.12942 |
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
