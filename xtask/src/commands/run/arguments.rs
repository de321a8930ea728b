use std::path::{Path, PathBuf};

use candor_lab::run::{DeviceChoice, Overrides, RunOptions};
use clap::Args;

/// What every pipeline with a folder of its own can be asked.
#[derive(Args)]
#[allow(clippy::struct_excessive_bools)] // each is a flag of the command line
pub(super) struct CommonArguments {
    /// Where to compute: `flex`, `ndarray`, `wgpu:N` or `cuda:N`.
    #[arg(long, default_value_t)]
    device: DeviceChoice,
    /// The run's folder; `runs/` and the pipeline's name if left out.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Seed of splits, weights, shuffles and draws.
    #[arg(long)]
    seed: Option<u64>,
    /// Settings, in TOML.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One setting, as KEY=VALUE; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = pair)]
    overrides: Vec<(String, String)>,
    /// Continue the run in the folder; it ends with the numbers of an uninterrupted one.
    #[arg(long)]
    resume: bool,
    /// One step of everything, outputs included.
    #[arg(long)]
    dry_run: bool,
    /// Say what time and memory the run would take, and stop.
    #[arg(long)]
    pub(super) estimate: bool,
    /// Use at most so many rows of the data.
    #[arg(long, value_name = "ROWS")]
    limit: Option<usize>,
    /// Log lines instead of progress bars.
    #[arg(long)]
    pub(super) quiet: bool,
}

impl CommonArguments {
    /// What the pipelines share, as they take it.
    pub(super) fn options(&self) -> RunOptions {
        RunOptions {
            device: self.device,
            dry_run: self.dry_run,
            limit: self.limit,
            resume: self.resume,
            quiet: self.quiet,
        }
    }

    /// The settings file.
    pub(super) fn config(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// The single settings; the seed has a flag of its own.
    pub(super) fn overrides(&self) -> Overrides {
        let seed = self.seed.map(|seed| ("seed".to_owned(), seed.to_string()));
        self.overrides.iter().cloned().chain(seed).collect()
    }

    /// The run's folder.
    pub(super) fn out(&self, pipeline: &str) -> PathBuf {
        self.out
            .clone()
            .unwrap_or_else(|| Path::new("runs").join(pipeline))
    }
}

/// A setting as KEY=VALUE.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("write it as KEY=VALUE, for example train.lr=1e-4".to_owned()),
    }
}
