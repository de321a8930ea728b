use std::path::PathBuf;

use candor_lab::finetune::{self, BaseModel, FinetuneSettings, Job, Outcome};
use candor_lab::run::{RunError, load_settings_over};
use clap::Args;

use super::arguments::CommonArguments;
use super::print_checks;

/// What fine-tuning can be asked.
#[derive(Args)]
pub(crate) struct Arguments {
    /// A GGUF file, a Hugging Face folder, or `tiny`: a million parameters, trained from scratch.
    #[arg(long, value_name = "PATH|tiny", default_value_t)]
    model: BaseModel,
    /// Rows `{"prompt": …, "answer": …}` or `{"messages": […]}`, one a line; 200 questions if left out.
    #[arg(long, value_name = "FILE.jsonl")]
    data: Option<PathBuf>,
    /// Rows to hold out; a share of the others (`held_out`) if left out.
    #[arg(long, value_name = "FILE.jsonl")]
    held_out: Option<PathBuf>,
    #[command(flatten)]
    common: CommonArguments,
}

impl Arguments {
    pub(super) fn logs(&self) -> bool {
        self.common.quiet
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<(), RunError> {
    let common = &arguments.common;
    let defaults = FinetuneSettings::for_model(&arguments.model);
    let settings = load_settings_over(&defaults, common.config(), &common.overrides())?;
    let job = Job {
        model: arguments.model.clone(),
        data: arguments.data.clone(),
        held_out: arguments.held_out.clone(),
    };
    let options = common.options();
    if common.estimate {
        println!("{}", finetune::estimate(&job, &settings, &options)?);
        return Ok(());
    }
    summarise(&finetune::run(
        &job,
        &settings,
        &options,
        &common.out("finetune"),
    )?);
    Ok(())
}

fn summarise(outcome: &Outcome) {
    let training = &outcome.results.training;
    print_checks(&outcome.results.checks);
    println!(
        "held-out perplexity {:.3} before, {:.3} after (epoch {} of {})",
        training.perplexity.before,
        training.perplexity.after,
        training.best_epoch,
        training.perplexity_by_epoch().len()
    );
    println!("trained: {}", outcome.trained.display());
    println!(
        "finished in {:.0} s, report: {}",
        outcome.seconds,
        outcome.report.display()
    );
}
