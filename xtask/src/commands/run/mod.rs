//! `cargo xtask run …`, a file a pipeline.

mod arguments;
mod finetune;
mod generate;
mod lifecycle;

use candor_lab::report::Check;
use candor_lab::run::RunError;
use clap::Subcommand;

/// A pipeline.
#[derive(Subcommand)]
pub(crate) enum Pipeline {
    /// Train, distil, unlearn, explain and score on the embedded digits, with a report.
    Lifecycle(lifecycle::Arguments),
    /// Continue a prompt with a language model, on standard output.
    Generate(generate::Arguments),
    /// Fine-tune a language model on questions and answers, with a report.
    Finetune(finetune::Arguments),
}

impl Pipeline {
    /// Whether log lines take the place of progress bars.
    pub(crate) fn logs(&self) -> bool {
        match self {
            Self::Lifecycle(arguments) => arguments.logs(),
            Self::Finetune(arguments) => arguments.logs(),
            // Quiet means no word beside the text.
            Self::Generate(_) => false,
        }
    }
}

/// Runs a pipeline and prints a short summary.
pub(crate) fn run(pipeline: &Pipeline) -> Result<(), RunError> {
    match pipeline {
        Pipeline::Lifecycle(arguments) => lifecycle::run(arguments),
        Pipeline::Generate(arguments) => generate::run(arguments),
        Pipeline::Finetune(arguments) => finetune::run(arguments),
    }
}

fn print_checks(checks: &[Check]) {
    for check in checks {
        let mark = if check.holds { "ok " } else { "NOT" };
        println!(
            "{mark} {}: {:.4} (bound {:.4})",
            check.name, check.value, check.bound
        );
    }
}
