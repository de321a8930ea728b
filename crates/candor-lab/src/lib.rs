//! Candor's pipelines, claims and reports: what `cargo xtask` runs.
//!
//! | room | what is in it |
//! |---|---|
//! | [`lifecycle`] | the main job: train, distil, unlearn, explain and score on the embedded digits |
//! | [`finetune`] | supervised fine-tuning of a language model on questions and answers |
//! | [`generate`] | text from a language model on disk |
//! | [`claims`] | what each paper promised, re-run, and the ledger of what held |
//! | [`papers`] | `docs/papers.toml`, the list of what is implemented and where |
//! | [`run`] | what every pipeline shares: its folder, settings, device, progress and estimate |
//! | [`training`] | training through burn-train, resumable to the bit |
//! | [`report`] | self-contained pages, tables and pictures |
//! | [`fetch`] | files that Candor can use and does not carry |
//!
//! ```
//! use candor_lab::lifecycle::LifecycleSettings;
//! use candor_lab::run::load_settings;
//!
//! let overrides = vec![("train.lr".to_owned(), "1e-4".to_owned())];
//! let settings: LifecycleSettings = load_settings(None, &overrides)?;
//! assert_eq!(settings.train.lr, 1e-4);
//! # Ok::<(), candor_lab::run::RunError>(())
//! ```

pub mod claims;
pub mod fetch;
pub mod finetune;
pub mod generate;
pub mod lifecycle;
pub mod papers;
pub mod report;
pub mod run;
pub mod training;
