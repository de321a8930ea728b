use std::path::PathBuf;

use candor_lab::lifecycle::{self, LifecycleSettings, Outcome};
use candor_lab::run::{DeviceChoice, Overrides, RunError, RunOptions, load_settings};
use clap::{Args, Subcommand};

/// A pipeline.
#[derive(Subcommand)]
pub(crate) enum Pipeline {
    /// Train, distil, unlearn, explain and score on the embedded digits, with a report.
    Lifecycle(Arguments),
}

/// What every pipeline can be asked.
#[derive(Args)]
#[allow(clippy::struct_excessive_bools)] // each is a flag of the command line
pub(crate) struct Arguments {
    /// Where to compute: `flex`, `ndarray`, `wgpu:N` or `cuda:N`.
    #[arg(long, default_value_t)]
    device: DeviceChoice,
    /// The run's folder.
    #[arg(long, value_name = "DIR", default_value = "runs/lifecycle")]
    out: PathBuf,
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
    estimate: bool,
    /// Use at most so many rows of the data.
    #[arg(long, value_name = "ROWS")]
    limit: Option<usize>,
    /// Log lines instead of progress bars.
    #[arg(long)]
    quiet: bool,
}

impl Pipeline {
    pub(crate) fn is_quiet(&self) -> bool {
        let Self::Lifecycle(arguments) = self;
        arguments.quiet
    }
}

/// Runs a pipeline and prints a short summary.
pub(crate) fn run(pipeline: &Pipeline) -> Result<(), RunError> {
    let Pipeline::Lifecycle(arguments) = pipeline;
    let settings: LifecycleSettings =
        load_settings(arguments.config.as_deref(), &arguments.all_overrides())?;
    let options = RunOptions {
        device: arguments.device,
        dry_run: arguments.dry_run,
        limit: arguments.limit,
        resume: arguments.resume,
        quiet: arguments.quiet,
    };
    if arguments.estimate {
        println!("{}", lifecycle::estimate(&settings, &options)?);
        return Ok(());
    }
    let outcome = lifecycle::run(settings, &options, &arguments.out)?;
    summarise(&outcome);
    Ok(())
}

impl Arguments {
    fn all_overrides(&self) -> Overrides {
        let seed = self.seed.map(|seed| ("seed".to_owned(), seed.to_string()));
        self.overrides.iter().cloned().chain(seed).collect()
    }
}

fn summarise(outcome: &Outcome) {
    for check in &outcome.results.checks {
        let mark = if check.holds { "ok " } else { "NOT" };
        println!(
            "{mark} {}: {:.4} (bound {:.4})",
            check.name, check.value, check.bound
        );
    }
    println!(
        "finished in {:.0} s, report: {}",
        outcome.seconds,
        outcome.report.display()
    );
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("write it as KEY=VALUE, for example train.lr=1e-4".to_owned()),
    }
}
